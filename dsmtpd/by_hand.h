// Stands in for the monitor when the dialogue is run by hand, by a transcript or by a fuzzer: users
// of one domain, a spool file that is thrown away, a few names with a meaning of their own.
//   ok... and any other name: accepted and delivered      nobody: no such user
//   later: the directory cannot answer    full: delivery answers 552    busy: delivery answers 451
#pragma once

#include <string>
#include <vector>

#include "dsmtpd/backend.h"
#include "io/owned_fd.h"

namespace dmail::dsmtpd {

class ByHandBackend : public Backend {
 public:
  explicit ByHandBackend(std::string domain) : domain_(std::move(domain)) {}

  Reply add_recipient(const Path& path) override;
  void forget() override { recipients_.clear(); }
  Result<int> open_spool(uint64_t announced) override;
  void deliver(const Envelope& envelope, const std::function<void(Reply)>& answer) override;
  // Logs in "user" with "secret"; of an exchange the response "user secret" to a challenge.
  privsep::GateAnswer ask_gate(const privsep::Frame& request) override;
  void forwarded(const privsep::XClient&) override {}
  void message_refused(const Envelope&, const Reply&) override {}
  void note(std::string_view, std::string_view) override {}
  void start_tls() override {}

  // For tests.
  [[nodiscard]] const std::vector<std::string>& recipients() const { return recipients_; }
  [[nodiscard]] const std::string& last_message() const { return last_message_; }
  [[nodiscard]] const Envelope& last_envelope() const { return last_envelope_; }
  [[nodiscard]] size_t messages() const { return messages_; }

 private:
  std::string domain_;
  std::vector<std::string> recipients_;
  OwnedFd spool_;
  std::string last_message_;
  Envelope last_envelope_;
  size_t messages_ = 0;
  int refused_ = 0;
};

}  // namespace dmail::dsmtpd
