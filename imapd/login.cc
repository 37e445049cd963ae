// imapd-login and imapd-login-tls: what an IMAP client talks to before it has logged in, in the
// jail.
#include "imapd/login_dialogue.h"
#include "privsep/login_side.h"

int main() {
  using namespace dmail;
  return privsep::run_login([](privsep::LoginSide& side) { imapd::LoginDialogue(side).run(); },
                            "* BYE Autologout: not logged in in time\r\n");
}
