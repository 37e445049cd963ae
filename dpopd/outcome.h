// What a POP3 command came to.  A handler returns it; session.cc alone prints it.
#pragma once

#include <string>
#include <utility>

namespace dmail::dpopd {

struct Outcome {
  enum class Kind {
    Ok,
    Err,
    Sent,    // the handler streamed its whole reply
    Bye,     // +OK, and the connection ends
    ByeErr,  // -ERR, and the connection ends
  } kind = Kind::Ok;
  std::string text;
  bool bad_command = false;  // counts towards kMaxBadCommands

  static Outcome ok(std::string text) { return {Kind::Ok, std::move(text), false}; }
  static Outcome err(std::string text) { return {Kind::Err, std::move(text), false}; }
  static Outcome bad(std::string text) { return {Kind::Err, std::move(text), true}; }
  static Outcome sent() { return {Kind::Sent, {}, false}; }
  static Outcome bye(std::string text) { return {Kind::Bye, std::move(text), false}; }
  static Outcome bye(Outcome refusal) { return {Kind::ByeErr, std::move(refusal.text), false}; }
};

}  // namespace dmail::dpopd
