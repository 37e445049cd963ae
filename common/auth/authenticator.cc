#include "auth/authenticator.h"

#include <unistd.h>

#include "auth/helper.h"
#include "auth/passwd_file.h"
#include "auth/reply.h"
#include "auth/secret.h"
#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"

namespace dmail::auth {
namespace {

Answer dead(std::string why) {
  Answer answer;
  answer.text = std::move(why);
  return answer;
}

Answer no(std::string why) {
  Answer answer;
  answer.kind = Answer::Kind::No;
  answer.text = std::move(why);
  return answer;
}

// Why root may start or ask no module; empty: it may.  Never the mail user in its place.
std::string no_module_user(const conf::Settings& settings, const Options& options) {
  const std::string which = concat("module_user ", escaped(settings.module_user));
  if (options.module_uid == 0 || options.module_gid == 0)
    return concat(which, ": no such account, and modules run as it alone: `make install` ",
                  "(tools/build/setup-host) makes it, see Upgrading in dmail-admin(7)");
  if (options.module_uid == options.mail_uid)
    return concat(which, " has the uid of mail_user ", escaped(settings.mail_user), ", ",
                  options.mail_uid, ": it must be an account of its own");
  return {};
}

// A module, whichever way it is reached.
class Module {
 public:
  Module(const conf::Settings& settings, const Options& options)
      : timeout_s_(settings.authent_timeout), module_uid_(options.module_uid) {
    const bool root = ::geteuid() == 0;
    if (settings.authent_method == "external") {
      std::string_view process = settings.authent_process;
      if (options.service == account::Service::Imap && !settings.imapd_authent_process.empty())
        process = settings.imapd_authent_process;
      if (root) refusal_ = no_module_user(settings, options);
      if (process.starts_with("unix:")) {
        socket_ = trim(process.substr(5));
        return;
      }
      for (std::string_view word : split_words(process)) command_.words.emplace_back(word);
      if (root) {
        command_.uid = options.module_uid;
        command_.gid = options.module_gid;
      }
      if (command_.words.empty()) refusal_ = "authent_process is not set";
    } else if (settings.authent_method == "unix_user") {
      command_.words = {concat(options.libexec, "/unixauth"),
                        "-minuid",
                        concat(settings.unix_uid_minimum),
                        "-maxuid",
                        concat(settings.unix_uid_maximum),
                        "-pamonly",
                        settings.pam_only_users};
    } else {
      refusal_ = concat("authent_method ", settings.authent_method, " is not available here");
    }
    command_.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C",
                            concat("DMAIL_SERVICE=", account::service_name(options.service))};
    bool plain = !options.client_ip.empty();
    for (char c : options.client_ip) plain &= hex_value(c) >= 0 || c == '.' || c == ':';
    if (plain) command_.environment.push_back(concat("DMAIL_CLIENT_IP=", options.client_ip));
  }

  // check, token and secret never share a conversation with another question: a second, late reply
  // of a faulty module must not become the answer to the next password.
  Answer check(std::string_view user, std::string_view password) {
    return ask_alone(concat("check ", user, ' ', password, '\n'), user, parse_reply);
  }
  Answer token(std::string_view user, std::string_view token) {
    return ask_alone(concat("token ", user, ' ', token, '\n'), user, parse_reply);
  }
  Answer secret(std::string_view user, std::string_view mechanism) {
    return ask_alone(concat("secret ", user, ' ', mechanism, '\n'), user, parse_secret_reply);
  }
  Answer may_log_in(std::string_view user) {
    return ask_alone(concat("account ", user, '\n'), user, parse_reply);
  }
  // Lookups share one.  A No refuses mail for good: one that follows another in the same
  // conversation might be the second answer to that, and is asked for again in a conversation of
  // its own.
  Answer lookup(std::string_view user) {
    const std::string question = concat("lookup ", user, '\n');
    const bool after_no = idle_ != nullptr && last_ == Answer::Kind::No;
    Answer answer = ask(question, user, parse_reply);
    if (!after_no || answer.kind != Answer::Kind::No) return answer;
    idle_.reset();
    return ask(question, user, parse_reply);
  }

 private:
  using Parse = Reply (*)(std::string_view line, std::string_view user);

  Answer ask_alone(std::string question, std::string_view user, Parse parse) {
    idle_.reset();
    Answer answer = ask(question, user, parse);
    wipe(question);
    idle_.reset();
    return answer;
  }

  Result<std::unique_ptr<Helper>> conversation(Deadline deadline) {
    if (idle_ && !idle_->has_unread() && !idle_->has_ended()) return std::move(idle_);
    idle_.reset();
    return socket_.empty() ? Helper::start(command_)
                           : Helper::connect(socket_, module_uid_, deadline);
  }

  Answer ask(std::string_view question, std::string_view user, Parse parse) {
    if (!refusal_.empty()) return dead(refusal_);
    const Deadline deadline = Deadline::in_seconds(timeout_s_);
    Result<std::unique_ptr<Helper>> helper = conversation(deadline);
    if (!helper) return dead(helper.error().log);
    Answer answer = converse(**helper, question, user, deadline, parse);
    // After a Dead answer the module's state is not known.
    if (answer.kind == Answer::Kind::Dead) {
      (*helper)->kill_soon();
      return answer;
    }
    idle_ = std::move(*helper);
    last_ = answer.kind;
    return answer;
  }

  static Answer converse(Helper& helper, std::string_view question, std::string_view user,
                         Deadline deadline, Parse parse) {
    if (Status sent = helper.send(question, deadline); !sent) return dead(sent.error().log);
    size_t total = 0;
    for (;;) {
      Result<std::string> line = helper.read_line(deadline);
      if (!line) return dead(line.error().log);
      total += line->size() + 1;
      if (total > kMaxReplyTotal) return dead("module's reply is too long");
      Reply reply = parse(*line, user);
      wipe(*line);
      if (!reply.final) continue;
      if (helper.has_unread()) return dead("module said more after its answer");
      return std::move(reply.answer);
    }
  }

  int64_t timeout_s_;
  uid_t module_uid_;
  HelperCommand command_;
  std::string socket_;
  std::string refusal_;  // why nothing can be asked
  std::unique_ptr<Helper> idle_;
  Answer::Kind last_ = Answer::Kind::Dead;  // what was said in it last
};

class Configured : public Authenticator {
 public:
  Configured(const conf::Settings& settings, const Options& options)
      : settings_(settings),
        module_(settings, options),
        external_(settings.authent_method == "external"),
        lowercase_password_(settings.lowercase_password) {}

  Answer check(const account::Name& name, std::string_view password) override {
    if (!sendable_user(name.auth_name)) return no("user name cannot be asked about");
    if (!sendable_password(password))
      return no("password is empty, too long, or holds CR, LF or NUL");
    std::string phrase = lowercase_password_ ? lower(password) : std::string(password);
    Answer answer = name.passwd_file.empty()
                        ? module_.check(name.auth_name, phrase)
                        : check_passwd_file(name.passwd_file, name.auth_name, phrase);
    wipe(phrase);
    return of_account(name, with_alias(name, std::move(answer)));
  }

  Answer lookup(const account::Name& name) override {
    return of_account(name, with_alias(name, look_up(name, name.auth_name)));
  }

  Answer may_log_in(const account::Name& name) override {
    if (!name.passwd_file.empty()) return lookup(name);
    if (external_) return after_rules(name, lookup(name));
    if (!sendable_user(name.auth_name)) return no("user name cannot be asked about");
    return of_account(name, with_alias(name, module_.may_log_in(name.auth_name)));
  }

  Answer secret(const account::Name& name, std::string_view mechanism) override {
    if (!sendable_user(name.auth_name) || !valid_mechanism(mechanism))
      return no("user or mechanism cannot be asked about");
    if (!external_ || !name.passwd_file.empty()) return no("its passwords are kept as hashes only");
    return with_alias(name, module_.secret(name.auth_name, mechanism));
  }

  Answer token(const account::Name& name, std::string_view token) override {
    if (!sendable_user(name.auth_name) || !sendable_token(token))
      return no("user or token cannot be asked about");
    if (!external_ || !name.passwd_file.empty()) return no("only external modules know tokens");
    return of_account(name, with_alias(name, module_.token(name.auth_name, token)));
  }

 private:
  Answer look_up(const account::Name& name, const std::string& auth_name) {
    if (!sendable_user(auth_name)) return no("user name cannot be asked about");
    return name.passwd_file.empty() ? module_.lookup(auth_name)
                                    : lookup_passwd_file(name.passwd_file, auth_name);
  }

  // `found` unless the module has account rules and these say something else.  Whoever the name
  // leads to, it is the account they are about.
  Answer after_rules(const account::Name& name, Answer found) {
    const std::string* rules = found.ok() ? found.label("account_rules") : nullptr;
    if (rules == nullptr || !iequals(*rules, "yes")) return found;
    std::string who = name.auth_name;
    if (!found.facts.account.empty()) {
      const auto own = account::own_name(name, found.facts.account, settings_);
      if (!own) return no(concat("its account: ", own.error().log));
      if (!own->passwd_file.empty()) return found;  // such a file has no rules
      who = own->auth_name;
    }
    Answer rule = module_.may_log_in(who);
    if (rule.ok()) return found;
    return rule;
  }

  // An answer about another name of an account: what counts is what is known of the account itself,
  // its quota and ids and what it may do, and that it is there.
  Answer of_account(const account::Name& name, Answer answer) {
    if (!answer.ok() || answer.facts.account.empty()) return answer;
    const auto own = account::own_name(name, answer.facts.account, settings_);
    if (!own) return no(concat("its account: ", own.error().log));
    if (own->auth_name == name.auth_name && own->passwd_file == name.passwd_file) return answer;
    Answer account = look_up(*own, own->auth_name);
    if (!account.ok()) {
      account.text = concat("its account ", answer.facts.account, ": ", account.text);
      return account;
    }
    const std::string& further = account.facts.account;
    if (!further.empty() && !iequals(further, answer.facts.account) && !iequals(further, own->user))
      return dead("its account is another name of a third");
    account.facts.account = std::move(answer.facts.account);
    // Its own labels come first, and the first one of a name counts.
    for (auto& label : answer.labels) account.labels.push_back(std::move(label));
    return account;
  }

  // A login that names an alias is for this account only when the alias is, too.
  Answer with_alias(const account::Name& name, Answer answer) {
    if (name.alias.empty() || !answer.ok()) return answer;
    Answer user = look_up(name, name.auth_name);
    Answer alias = look_up(name, name.alias_auth_name);
    if (user.kind == Answer::Kind::Dead) return user;
    if (alias.kind == Answer::Kind::Dead) return alias;
    auto own = [&](const Answer& found, std::string_view asked) {
      std::string_view account = found.facts.account.empty() ? asked : found.facts.account;
      const std::string domain = concat('@', name.domain);
      if (iends_with(account, domain)) account.remove_suffix(domain.size());
      return account;
    };
    if (user.ok() && alias.ok() && iequals(own(user, name.user), own(alias, name.alias)) &&
        user.facts.drop_file == alias.facts.drop_file)
      return answer;
    wipe_labels(answer.labels);
    return no("the alias is not of this account");
  }

  const conf::Settings& settings_;
  Module module_;
  bool external_;
  bool lowercase_password_;
};

}  // namespace

std::unique_ptr<Authenticator> make_authenticator(const conf::Settings& settings,
                                                  const Options& options) {
  return std::make_unique<Configured>(settings, options);
}

}  // namespace dmail::auth
