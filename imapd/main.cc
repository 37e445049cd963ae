// imapd: the root monitor of an IMAP connection.
#include "privsep/monitor.h"

int main(int argc, char** argv) {
  using namespace dmail;
  return privsep::run_monitor(argc, argv, {account::Service::Imap, conf::kImapd, "imapd"});
}
