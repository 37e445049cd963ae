#include "imapd/session.h"

#include <malloc.h>

#include <new>

#include "base/utf7.h"
#include "imapd/capability.h"
#include "imapd/limits.h"
#include "io/client_stream.h"
#include "io/connection_over.h"

namespace dmail::imapd {

Session::Session(store::Store& store, Stream& stream, SessionConfig config, Log log)
    : store_(&store),
      stream_(&stream),
      config_(std::move(config)),
      log_(std::move(log)),
      writer_(stream, kStuckMs),
      reply_(writer_),
      input_(stream),
      reader_(input_, {[this] { wait_quietly(); },
                       [this] { reply_.continuation("Ready for literal data"); },
                       [this] { return idle_deadline(); }}) {
  input_.preload(config_.pending);
  std::string().swap(config_.pending);
}

// Returns what to say with BYE.
std::string_view Session::serve() {
  try {
    make_folders();
    greet();
    while (!ended_) serve_one();
    reply_.flush();
  } catch (const Terminated&) {
    end_.reason = "terminated";
    return kTerminatedText;
  } catch (const std::bad_alloc&) {
    end_.reason = "error";
    end_.text = "out of memory";
    return "Out of memory";
  } catch (const ConnectionOver& over) {
    using Why = ConnectionOver::Why;
    end_.text = over.what();
    end_.reason = over.why() == Why::Timeout          ? "idle"
                  : over.why() == Why::ProtocolBroken ? "error"
                                                      : "lost";
    if (over.why() == Why::Timeout) return "Autologout; idle for too long";
    if (over.why() == Why::ProtocolBroken) return "Cannot follow this connection";
  }
  return {};
}

Session::End Session::run() {
  const std::string_view bye = serve();
  say_bye(bye);
  end_.octets_in = input_.octets();
  end_.octets_out = writer_.octets();
  return end_;
}

void Session::say_bye(std::string_view bye) {
  // Replies were flushed before every wait, so what is left in the buffer is a peer that doesn't
  // read.
  if (bye.empty() || !reply_.buffer().empty()) return;
  try {
    reply_.untagged("BYE ", bye);
    reply_.flush();
  } catch (const ConnectionOver& over) {
    if (end_.text.empty()) end_.text = concat("no BYE sent: ", over.what());
  }
}

void Session::make_folders() {
  for (const std::string& name : config_.create_folders) {
    if (store_->lookup(name)) continue;
    Status made = store_->create(name);
    if (made) made = store_->subscribe(name, true);
    if (!made && made.error().kind != ErrorKind::Exists)
      log_(is_fault(made.error()), concat("cannot make folder ", escaped(name), ": ",
                                          made.error().client, " ", made.error().log));
  }
}

void Session::greet() {
  if (config_.tag.empty())
    reply_.untagged("PREAUTH [CAPABILITY ", kCapabilities, "] dmail ", DMAIL_VERSION,
                    " server ready");
  else
    reply_.tagged(config_.tag, config_.command, Outcome::ok());
}

void Session::wait_quietly() {
  reply_.flush();
  if (stream_->pending() || stream_->read_fd() < 0) return;
  if (wait_event(stream_->read_fd(), -1, Deadline::in_ms(kQuietMs)) != Event::Timeout) return;
  reply_.release_memory();
  input_.release_memory();
  store_->rest();
  ::malloc_trim(0);
}

void Session::serve_one() {
  switch (reader_.next()) {
    case CommandReader::Got::End:
      ended_ = true;
      end_.reason = "closed";
      return;
    case CommandReader::Got::Command:
    case CommandReader::Got::Refused:
      break;
  }
  ++end_.commands;
  Parser parser(reader_.text());
  const std::string tag(parser.expect_tag());
  if (parser.failed()) {
    reader_.finish_command();
    reply_.untagged("BAD ", reader_.text().empty() ? "Empty command line" : "Invalid tag");
    return count_bad(Outcome::bad(""));
  }
  std::string name;
  unsigned flags = 0;
  const Outcome outcome =
      reader_.refusal().empty() ? dispatch(parser, name, flags) : Outcome::bad(reader_.refusal());
  reader_.finish_command();
  if (selected() && (flags & kNoUpdates) == 0) tell_updates((flags & kKeepNumbers) == 0);
  reply_.tagged(tag, name, outcome);
  if (!outcome.log.empty()) log_(outcome.fault, outcome.log);
  count_bad(outcome);
}

Outcome Session::dispatch(Parser& parser, std::string& name, unsigned& flags) {
  parser.expect_sp();
  name = upper(parser.expect_atom());
  if (name == "UID") {
    parser.expect_sp();
    name = concat("UID ", upper(parser.expect_atom()));
  }
  if (parser.failed()) return Outcome::bad("Missing command");
  const CommandRow* row = find_command(name);
  if (row == nullptr) return Outcome::bad("Unknown command");
  flags = row->flags;
  if ((flags & kSelected) != 0 && !selected()) return Outcome::bad("No mailbox selected");
  if ((flags & kWrites) != 0 && mailbox().read_only())
    return Outcome::no("NOPERM", "Mailbox is read-only");
  return row->run(*this, parser);
}

void Session::count_bad(const Outcome& outcome) {
  if (outcome.kind != Outcome::Kind::Bad)
    bad_commands_ = 0;
  else if (++bad_commands_ >= kMaxBadCommands)
    end("Too many bad commands", "error");
}

void Session::tell_updates(bool may_expunge) {
  const auto update = view_->update(may_expunge);
  if (!update) {
    log(update.error());
  } else if (*update == MailboxView::Update::Gone) {
    end("The selected mailbox was deleted", "error");
    close_view();
  }
}

void Session::end(std::string_view bye, std::string_view reason) {
  reply_.untagged("BYE ", bye);
  end_.reason = reason;
  if (reason != "logout") end_.text = bye;
  ended_ = true;
}

Result<std::string> Session::mailbox_name(std::string_view name) const {
  auto valid = store::valid_mailbox_name(name);
  if (!valid || utf7_decode(name)) return valid;
  // What other servers and hands have put there under another name is taken as it stands.
  if (!store_->lookup(*valid))
    return Error{ErrorKind::BadInput, "Mailbox name is not valid modified UTF-7", {}};
  return valid;
}

}  // namespace dmail::imapd
