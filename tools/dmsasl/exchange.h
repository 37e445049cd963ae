// One exchange of one mechanism, as the server's side of it: messages of the client in, outcomes
// out. What all mechanisms have in common is here: order, sizes, the number of steps, the question
// for a user's keys, and what comes with success.
//
// Nothing here does input or output; the caller asks the monitor (Context::ask).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/secret.h"
#include "base/result.h"
#include "privsep/sasl_protocol.h"

namespace dmail::dmsasl {

inline constexpr int kMaxSteps = 12;  // GSSAPI needs about four; endless dialogues end here

struct Outcome {
  enum class Kind {
    Challenge,    // bytes; the client's response is awaited
    Done,         // user, authorize
    Wrong,        // not authenticated
    Temporary,    // nobody can tell now
    Unavailable,  // this mechanism cannot be had
  };
  Kind kind = Kind::Wrong;
  std::string bytes;
  std::string user;       // Done; in a failure: as far as known
  std::string authorize;  // Done: whom the client wants to be, or empty
  std::string text;       // of a failure, for the log
  [[nodiscard]] bool final() const { return kind != Kind::Challenge; }
};

struct Context {
  const privsep::SaslBegin* begin = nullptr;
  // The keys of a user, by the name the client gave; called at most once.
  std::function<privsep::SecretAnswer(const std::string& user)> ask;
  // Whom the client certificate belongs to; an Error's log text says why to nobody.
  std::function<Result<std::string>()> certificate;
};

class Exchange {
 public:
  explicit Exchange(const Context& context) : context_(context) {}
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // First, once.  The initial response is in the begin frame.
  Outcome start();
  // After each Challenge.
  Outcome step(std::string_view response);

 protected:
  // nullopt: the client sent no initial response (which is not an empty one).
  virtual Outcome first(std::optional<std::string_view> initial) = 0;
  virtual Outcome next(std::string_view response) = 0;

  // What the mechanism may work with: the user's keys, or, for a user who has none, none; then the
  // mechanism takes decoys (decoy.h) and runs on.  Asks once.
  const auth::Secrets& secrets_of(const std::string& user);
  // The name decoys are made for.
  [[nodiscard]] const std::string& account() const { return account_; }
  [[nodiscard]] const privsep::SaslBegin& begin() const { return *context_.begin; }
  [[nodiscard]] Result<std::string> certificate() const { return context_.certificate(); }

  static Outcome challenge(std::string bytes);
  static Outcome wrong(std::string_view text);
  static Outcome unavailable(std::string_view text);
  static Outcome temporary(std::string_view text);
  static Outcome done(std::string user, std::string authorize);
  // Success that comes with bytes: a challenge that must be answered by nothing.
  Outcome done_with(std::string bytes, std::string user, std::string authorize);

 private:
  Outcome settled(Outcome outcome);

  Context context_;
  bool asked_ = false;
  bool over_ = false;
  int steps_ = 0;
  auth::Answer::Kind answer_ = auth::Answer::Kind::No;
  std::string user_, account_;
  auth::Secrets secrets_;
  std::optional<Outcome> success_;
};

}  // namespace dmail::dmsasl
