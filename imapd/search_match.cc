#include "imapd/search_match.h"

#include "base/ascii.h"
#include "mail/header.h"
#include "mail/mail_date.h"

namespace dmail::imapd {
namespace {

using Kind = SearchKey::Kind;

constexpr int64_t kDay = 86400;

// The date alone, as its writer saw it: time and zone are disregarded (RFC 3501 section 6.4.4).
int64_t day_of(int64_t seconds, int zone_minutes) {
  const int64_t local = seconds + int64_t{zone_minutes} * 60;
  return local >= 0 ? local / kDay : (local - kDay + 1) / kDay;
}

}  // namespace

bool SearchMatcher::matches(const SearchKey& program, uint32_t number) {
  number_ = number;
  info_ = mailbox_->info(number);
  header_.reset();
  structure_.reset();
  envelope_loaded_ = false;
  return test(program);
}

bool SearchMatcher::test(const SearchKey& key) {
  switch (key.kind) {
    case Kind::All:
      return true;
    case Kind::Flags:
      return (info_.flags & key.set) == key.set && (info_.flags & key.clear) == 0;
    case Kind::Keyword:
      return (info_.keywords & key.keyword) != 0;
    case Kind::Recent:
      return info_.recent;
    case Kind::Old:
      return !info_.recent;
    case Kind::New:
      return info_.recent && (info_.flags & store::kSeen) == 0;
    case Kind::Numbers:
      return key.numbers.contains(number_);
    case Kind::Larger:
      return info_.size > key.size;
    case Kind::Smaller:
      return info_.size < key.size;
    case Kind::Before:
      return day_of(info_.internal_date, info_.zone_minutes) < key.day;
    case Kind::On:
      return day_of(info_.internal_date, info_.zone_minutes) == key.day;
    case Kind::Since:
      return day_of(info_.internal_date, info_.zone_minutes) >= key.day;
    case Kind::Older:
      return info_.internal_date <= now_ - static_cast<int64_t>(key.size);
    case Kind::Younger:
      return info_.internal_date >= now_ - static_cast<int64_t>(key.size);
    case Kind::SentBefore:
    case Kind::SentOn:
    case Kind::SentSince:
      return test_sent(key);
    case Kind::Subject:
    case Kind::Header:
    case Kind::Addresses:
      return test_header(key);
    case Kind::Body:
    case Kind::Text:
      return test_text(key);
    case Kind::And:
      for (const SearchKey& k : key.keys)
        if (!test(k)) return false;
      return true;
    case Kind::Or:
      return test(key.keys[0]) || test(key.keys[1]);
    case Kind::Not:
      return !test(key.keys[0]);
  }
  return false;
}

const std::string_view* SearchMatcher::header() {
  if (!header_) {
    auto read = mailbox_->header(number_);
    if (!read) {
      trouble_ = read.error().log;
      return nullptr;
    }
    header_ = *read;
  }
  return &*header_;
}

bool SearchMatcher::load_envelope(int field) {
  if (!envelope_loaded_) {
    header_.reset();  // its view ends with the next call on the mailbox
    auto read = mailbox_->envelope(number_);
    if (!read) {
      trouble_ = read.error().log;
      return false;
    }
    Parser parser(*read);
    parser.expect('(');
    for (int i = 0; i < 2; ++i) {
      if (i > 0) parser.expect_sp();
      auto value = parser.expect_nstring();
      has_field_[i] = value.has_value() && !parser.failed();
      envelope_[i] = std::move(value).value_or(std::string());
    }
    envelope_loaded_ = true;
  }
  return has_field_[field];
}

bool SearchMatcher::test_sent(const SearchKey& key) {
  if (!load_envelope(0)) return false;
  const auto date = mail::parse_date(envelope_[0]);
  if (!date) return false;
  const int64_t day = day_of(date->seconds, date->zone_minutes);
  if (key.kind == Kind::SentBefore) return day < key.day;
  return key.kind == Kind::SentOn ? day == key.day : day >= key.day;
}

bool SearchMatcher::test_header(const SearchKey& key) {
  if (key.kind == Kind::Subject) return load_envelope(1) && key.needle->in_header(envelope_[1]);
  const std::string_view* block = header();
  if (block == nullptr) return false;
  mail::FieldCursor cursor(*block);
  mail::Field field;
  while (cursor.next(field))
    if (iequals(field.name, key.field) &&
        (key.kind == Kind::Addresses ? key.needle->in_addresses(field.value)
                                     : key.needle->in_header(field.value)))
      return true;
  return false;
}

bool SearchMatcher::test_text(const SearchKey& key) {
  header_.reset();
  const auto text = mailbox_->text(number_);
  if (!text) {
    trouble_ = text.error().log;
    return false;
  }
  if (!structure_) structure_ = mail::parse_structure(*text);
  return key.kind == Kind::Body ? key.needle->in_body(*text, *structure_)
                                : key.needle->in_text(*text, *structure_);
}

}  // namespace dmail::imapd
