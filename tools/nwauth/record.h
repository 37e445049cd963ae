// What the database holds of a user: text, one field a line, the first line `nwauth 1`, or `nwauth
// 2` where one of the last two fields is there: a program that does not know them would change the
// password and leave them as they are, so it must not read the record at all.
//   created SECONDS          crypt HASH
//   scram-sha-1 ITERATIONS SALT STORED-KEY SERVER-KEY   (base64, RFC 5802)
//   scram-sha-256 likewise (RFC 7677)                   label NAME VALUE
//   plain PASSWORD      base64; the password itself, only with -keep-plain
//   digest-md5 HEX REALM   MD5 of user:realm:password (RFC 2831), only with -digest-realm
// An unknown field is kept as it is when the record is changed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace dmail::nwauth {

inline constexpr size_t kMaxLabels = 50;
inline constexpr size_t kMaxLabelName = 64;
inline constexpr size_t kMaxLabelValue = 1000;

struct Record {
  int64_t created = 0;
  std::string crypt;               // empty: no password fits
  std::vector<std::string> scram;  // whole lines, "scram-sha-1 ..."
  std::string plain;               // the password; empty: not kept
  std::string digest, digest_realm;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> other;

  Record() = default;
  Record(const Record&) = default;
  Record(Record&&) = default;
  Record& operator=(const Record&) = default;
  Record& operator=(Record&&) = default;
  ~Record();  // wipes `plain`

  // An empty value removes the label.
  void set_label(std::string_view name, std::string_view value);
};

std::string serialise(const Record& record);
Result<Record> parse_record(std::string_view bytes);  // Corrupt

// Names of labels: letters, digits, `_`, `-`, `.`; values: no quote, no control byte.
bool valid_label(std::string_view name, std::string_view value);

}  // namespace dmail::nwauth
