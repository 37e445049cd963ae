// What OpenSSL's code could ask of the C library and never does here: names of hosts (its sockets
// are ours) and shared libraries (its providers are linked in).  A static program cannot have
// either as the C library has them; with these in their place the linker leaves that code out (and
// its warnings), and a call fails instead of reading files of the host.
#if !defined(DMAIL_SANITIZED)
#include <netdb.h>

extern "C" {

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) { return EAI_FAIL; }
void freeaddrinfo(addrinfo*) noexcept {}
int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
  return EAI_FAIL;
}
servent* getservbyname(const char*, const char*) { return nullptr; }
hostent* gethostbyname(const char*) { return nullptr; }

// OpenSSL's table of ways to load a library (DSO_METHOD, a name and functions): none of them.
const void* DSO_METHOD_openssl() {
  static const void* const kNothing[32] = {};
  return kNothing;
}

}  // extern "C"
#endif
