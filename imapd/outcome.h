// What a handler returns: how the command ended.  session.cc alone turns it into the tagged line.
//
// The response codes of RFC 5530 are chosen from ErrorKind here and nowhere else.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace dmail::imapd {

struct Outcome {
  enum class Kind { Ok, No, Bad };
  // What a missing mailbox means to the client: APPEND and COPY ask it to CREATE first.
  enum class Missing { Nonexistent, TryCreate };

  Kind kind = Kind::Ok;
  std::string code;    // without brackets, may be empty
  std::string text;    // safe for the peer; empty: "NAME completed"
  std::string log;     // what the log should know, may be empty
  bool fault = false;  // of the host's, not of the client's (base/result.h)

  static Outcome ok(std::string code = {}, std::string text = {}) {
    return {Kind::Ok, std::move(code), std::move(text), {}, false};
  }
  static Outcome no(std::string code, std::string text) {
    return {Kind::No, std::move(code), std::move(text), {}, false};
  }
  static Outcome bad(std::string_view text) {
    return {Kind::Bad, {}, std::string(text), {}, false};
  }
  static Outcome failed(const Error& error, Missing missing = Missing::Nonexistent);
};

}  // namespace dmail::imapd
