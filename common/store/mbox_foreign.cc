#include "store/mbox_foreign.h"

#include "base/ascii.h"
#include "base/number.h"
#include "base/text.h"
#include "mail/header.h"
#include "store/record.h"

namespace dmail::store {

std::optional<ForeignBase> foreign_base(std::string_view header) {
  std::string_view value = mail::find_field(header, "X-IMAPbase");
  if (value.data() == nullptr) value = mail::find_field(header, "X-IMAP");
  if (value.data() == nullptr) return std::nullopt;
  value = trim(value);
  const auto uid_validity = parse_u32(take_until(value, ' '));
  value = trim(value);
  const auto last_uid = parse_u32(take_until(value, ' '), kMostForeignUid);
  if (!uid_validity || *uid_validity == 0 || !last_uid) return std::nullopt;
  return ForeignBase{*uid_validity, *last_uid, value};
}

std::optional<ForeignBase> internal_data(const FromLine& from, std::string_view header) {
  if (from.sender != "MAILER-DAEMON") return std::nullopt;
  const std::string_view subject = trim(mail::find_field(header, "Subject"));
  if (subject != "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA") return std::nullopt;
  for (const char* name : {"Received", "Return-Path", "Delivered-To", "To", "Content-Type"})
    if (mail::find_field(header, name).data() != nullptr) return std::nullopt;
  if (mail::find_field(header, "X-IMAP").data() == nullptr) return std::nullopt;
  return foreign_base(header);
}

namespace {

uint32_t marks(std::string_view header, bool with_deleted) {
  uint32_t flags = 0;
  if (mail::find_field(header, "Status").find('R') != header.npos) flags |= kSeen;
  for (char c : mail::find_field(header, "X-Status")) {
    if (c == 'A') flags |= kAnswered;
    if (c == 'F') flags |= kFlagged;
    if (c == 'T') flags |= kDraft;
    if (c == 'D' && with_deleted) flags |= kDeleted;
  }
  return flags;
}

}  // namespace

uint32_t foreign_marks(std::string_view header) {
  // Most messages have neither line, and this is seen faster than fields are found.
  return header.find("tatus:") == header.npos ? 0 : marks(header, false);
}

std::optional<ForeignState> foreign_state(std::string_view header, KeywordTable& keywords) {
  const auto uid = parse_u32(trim(mail::find_field(header, "X-UID")), kMostForeignUid);
  if (!uid || *uid == 0) return std::nullopt;
  ForeignState s;
  s.uid = *uid;
  s.flags = marks(header, true);
  for (std::string_view name : split_words(trim(mail::find_field(header, "X-Keywords"))))
    if (const auto bit = keywords.add(name)) s.keywords |= uint64_t{1} << *bit;
  return s;
}

}  // namespace dmail::store
