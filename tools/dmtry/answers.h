// Does a server greet on a port?
#pragma once

#include <string>

namespace dmail::dmtry {

// Connects to 127.0.0.1:port, inside TLS where asked, and waits up to five seconds for a first line
// that begins like a greeting of IMAP ("* OK"), POP3 ("+OK") or SMTP ("220").
bool answers(int port, bool tls);
// Does somebody listen at the Unix-domain socket `path`?
bool listens(const std::string& path);

}  // namespace dmail::dmtry
