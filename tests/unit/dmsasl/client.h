// GNU SASL's own client against an Exchange, in one process.
#pragma once

#include <gsasl.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/text.h"
#include "tools/dmsasl/mechanisms.h"

namespace dmail::dmsasl {

using AnswerKind = auth::Answer::Kind;
using OutcomeKind = Outcome::Kind;

// What a module would answer for user "user" with the password "pencil"; others are unknown.
struct Users {
  AnswerKind kind = AnswerKind::Ok;  // of the known user
  auth::Labels labels;
  std::vector<std::string> asked;

  privsep::SecretAnswer operator()(const std::string& user) {
    asked.push_back(user);
    privsep::SecretAnswer answer;
    answer.account = "account-of-" + user;
    answer.kind = user == "user" ? kind : AnswerKind::No;
    if (answer.kind == AnswerKind::Ok) answer.labels = labels;
    return answer;
  }
};

inline auth::Labels all_keys() {
  return {{"scram-sha-1",
           "4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE="},
          {"scram-sha-256",
           "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
           "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="},
          {"password64", base64_encode("pencil")}};
}

inline privsep::SaslBegin begin_of(std::string mechanism) {
  privsep::SaslBegin begin;
  begin.service = "imap";
  begin.host = "mail.example";
  begin.realm = "example";
  begin.mechanism = std::move(mechanism);
  begin.decoy_key = std::string(privsep::kDecoyKeySize, 'k');
  begin.client_ip = "192.0.2.1";
  return begin;
}

// One exchange as the monitor would run it.
struct Server {
  privsep::SaslBegin begin;
  Users users;
  Result<std::string> certificate = Error{ErrorKind::NoPermission, "", "no certificate"};
  std::unique_ptr<Exchange> exchange;

  explicit Server(std::string mechanism) : begin(begin_of(std::move(mechanism))) {
    users.labels = all_keys();
  }
  Outcome start() {
    Context context;
    context.begin = &begin;
    context.ask = [this](const std::string& user) { return users(user); };
    context.certificate = [this] { return certificate; };
    exchange = mechanism_of(begin.mechanism)->make(context);
    return exchange->start();
  }
  Outcome start(std::string_view initial) {
    begin.has_initial = true;
    begin.initial = initial;
    return start();
  }
  Outcome step(std::string_view response) { return exchange->step(response); }
};

struct Client {
  std::map<Gsasl_property, std::string> properties;
  Gsasl* library = nullptr;
  Gsasl_session* session = nullptr;
  bool finished = false;

  explicit Client(const std::string& mechanism, std::string user = "user",
                  std::string password = "pencil") {
    properties = {{GSASL_AUTHID, std::move(user)},
                  {GSASL_PASSWORD, std::move(password)},
                  {GSASL_SERVICE, "imap"},
                  {GSASL_HOSTNAME, "mail.example"},
                  {GSASL_REALM, "example"}};
    gsasl_init(&library);
    gsasl_callback_set(library, [](Gsasl*, Gsasl_session* s, Gsasl_property p) -> int {
      auto* self = static_cast<Client*>(gsasl_session_hook_get(s));
      const auto found = self->properties.find(p);
      if (found == self->properties.end()) return GSASL_NO_CALLBACK;
      return gsasl_property_set(s, p, found->second.c_str());
    });
    if (gsasl_client_start(library, mechanism.c_str(), &session) == GSASL_OK)
      gsasl_session_hook_set(session, this);
  }
  ~Client() {
    if (session != nullptr) gsasl_finish(session);
    gsasl_done(library);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The response to a challenge; "(refused)" when the client does not like it.
  std::string answer(std::string_view challenge) {
    char* out = nullptr;
    size_t size = 0;
    const std::string in(challenge);
    const int code = gsasl_step(session, in.empty() ? nullptr : in.c_str(), in.size(), &out, &size);
    std::string bytes(out == nullptr ? "" : out, size);
    gsasl_free(out);
    finished = code == GSASL_OK;
    return code == GSASL_OK || code == GSASL_NEEDS_MORE ? bytes : "(refused)";
  }
};

// From start to the final outcome; `initial`: the client speaks first.
inline Outcome converse(Server& server, Client& client, bool initial = false) {
  Outcome outcome = initial ? server.start(client.answer("")) : server.start();
  for (int i = 0; i < 20 && !outcome.final(); ++i)
    outcome =
        server.step(client.finished && outcome.bytes.empty() ? "" : client.answer(outcome.bytes));
  return outcome;
}

}  // namespace dmail::dmsasl
