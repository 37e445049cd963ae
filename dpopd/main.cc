// dpopd: the root monitor of a POP3 connection.
#include "privsep/monitor.h"

int main(int argc, char** argv) {
  using namespace dmail;
  return privsep::run_monitor(argc, argv, {account::Service::Pop, conf::kDpopd, "dpopd"});
}
