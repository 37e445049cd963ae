// dpopd-login and dpopd-login-tls: what a POP3 client talks to before it has logged in, in the
// jail.
#include "dpopd/login_dialogue.h"
#include "privsep/login_side.h"

int main() {
  using namespace dmail;
  return privsep::run_login([](privsep::LoginSide& side) { dpopd::LoginDialogue(side).run(); },
                            "-ERR Not logged in in time\r\n");
}
