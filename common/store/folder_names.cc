#include "store/folder_names.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/result.h"
#include "base/text.h"
#include "store/index_format.h"
#include "store/store.h"

namespace dmail::store {
namespace {

constexpr size_t kMaxIndexName = 230;  // leaves room for endings and a process number

Error bad(const char* why) { return Error{ErrorKind::BadInput, why, ""}; }

}  // namespace

bool valid_name_part(std::string_view part) {
  return !part.empty() && part.size() <= kMaxNamePart && part.front() != '.' &&
         !iends_with(part, ".lock") &&
         std::none_of(part.begin(), part.end(), [](char c) { return is_control(c) || c == '/'; });
}

Result<std::string> valid_mailbox_name(std::string_view name) {
  if (name.empty()) return bad("The mailbox name is empty");
  if (name.size() > kMaxName) return bad("The mailbox name is too long");
  const auto parts = split(name, '/');
  if (parts.size() > kMaxLevels) return bad("The mailbox name has too many levels");
  for (std::string_view part : parts)
    if (!valid_name_part(part)) return bad("The mailbox name is not allowed");
  std::string out(name);
  if (iequals(parts[0], "INBOX")) out.replace(0, 5, "INBOX");
  return out;
}

Result<std::string> valid_new_name(std::string_view name) {
  if (name.starts_with('~')) return bad("The mailbox name is not allowed");
  return valid_mailbox_name(name);
}

std::string index_file_name(std::string_view mailbox) {
  std::string out;
  for (char c : mailbox) {
    if (c == '/')
      out += "%2F";
    else if (c == '%')
      out += "%25";
    else
      out.push_back(c);
  }
  if (out.size() <= kMaxIndexName) return out;
  uint64_t hash = 14695981039346656037u;
  for (char c : out) hash = mix(hash, static_cast<unsigned char>(c));
  out.resize(kMaxIndexName - 18);
  out += "%h";
  append_hex(out, hash, 16);
  return out;
}

}  // namespace dmail::store
