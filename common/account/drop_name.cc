#include "account/drop_name.h"

#include "account/account.h"
#include "base/ascii.h"
#include "base/text.h"

namespace dmail::account {
namespace {

void append_encoded(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out.push_back('%');
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 15]);
}

bool always_encoded(char c) { return c == '/' || c == '%' || is_control(c); }

// Where the dot of a reserved ending is, or npos.
size_t reserved_dot(std::string_view name) {
  for (std::string_view ending : {".mbx", ".mdir", ".lock", ".tmp"})
    if (iends_with(name, ending)) return name.size() - ending.size();
  return std::string_view::npos;
}

// One character as a directory name.
std::string directory_of(char c, bool old_naming) {
  std::string out;
  if (!old_naming && (always_encoded(c) || is_8bit(c) || c == '.'))
    append_encoded(out, c);
  else
    out.push_back(to_lower(c));
  return out;
}

}  // namespace

Result<std::string> encoded_name(std::string_view name, std::string_view invalid_chars) {
  if (name.empty()) return Error{ErrorKind::BadInput, "No user name", "empty user name"};
  const size_t dot = reserved_dot(name);
  std::string out;
  for (size_t i = 0; i < name.size() && out.size() <= kMaxFileName; ++i) {
    const char c = name[i];
    if (always_encoded(c) || (c == '.' && (i == 0 || i == dot)) ||
        invalid_chars.find(c) != std::string_view::npos)
      append_encoded(out, c);
    else
      out.push_back(c);
  }
  if (out.size() > kMaxFileName)
    return Error{ErrorKind::BadInput, "The user name is too long",
                 "file name of the user too long"};
  return out;
}

Result<std::string> plain_file_name(std::string_view name) {
  const bool awkward = name.empty() || name.front() == '.' || name.size() > kMaxFileName ||
                       name.find('/') != std::string_view::npos ||
                       reserved_dot(name) != std::string_view::npos;
  bool control = false;
  for (char c : name) control |= is_control(c);
  if (awkward || control)
    return Error{ErrorKind::BadInput, "The user name is not acceptable",
                 "user name cannot be a file name (imapd_enable_new_hashing is false)"};
  return std::string(name);
}

std::string decoded_name(std::string_view file_name) {
  std::string out;
  for (size_t i = 0; i < file_name.size(); ++i) {
    const bool code = file_name[i] == '%' && i + 2 < file_name.size() &&
                      hex_value(file_name[i + 1]) >= 0 && hex_value(file_name[i + 2]) >= 0;
    if (!code) {
      out.push_back(file_name[i]);
      continue;
    }
    out.push_back(
        static_cast<char>(hex_value(file_name[i + 1]) * 16 + hex_value(file_name[i + 2])));
    i += 2;
  }
  return out;
}

std::string invalid_bytes(std::string_view setting) {
  setting = trim(setting);
  if (setting.size() < 2 || setting.front() != '"' || setting.back() != '"')
    return std::string(setting);
  setting = setting.substr(1, setting.size() - 2);
  std::string out;
  for (size_t i = 0; i < setting.size(); ++i) {
    if (setting[i] == '\\' && i + 1 < setting.size()) ++i;
    out.push_back(setting[i]);
  }
  return out;
}

std::vector<std::string> hash_directories(std::string_view user, int method, bool old_naming) {
  if (user.empty() || method <= 0) return {};
  if (method == 1) {
    unsigned sum = 0;
    for (char c : user.substr(0, 5)) sum += static_cast<unsigned char>(to_lower(c));
    return {std::string(1, static_cast<char>('a' + sum % 26))};
  }
  return {directory_of(user[0], old_naming),
          directory_of(user.size() > 1 ? user[1] : user[0], old_naming)};
}

}  // namespace dmail::account
