"""What a login costs: connect, greeting, LOGIN, LOGOUT; plain, with a full TLS handshake, and resumed.

Both servers have an ECDSA P-256 certificate.  Dovecot runs as Debian sets it up, a login process for each
connection; its ticket keys are each process's own, so that a returning client shakes hands in full there.
"""
import socket
import ssl
import statistics
import time

LOGINS = 40


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


class Login:
    def __init__(self, target, tls=None, session=None):
        self.s = socket.create_connection(("127.0.0.1", target.tls_port if tls else target.port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.s = tls.wrap_socket(self.s, session=session)
        self.until(b"* OK")
        self.s.sendall(b"a LOGIN %s %s\r\n" % (target.user.encode(), target.password.encode()))
        self.until(b"a OK")

    def until(self, start):
        seen = b""
        while not any(line.startswith(start) for line in seen.split(b"\r\n")[:-1]):
            data = self.s.recv(8192)
            if not data:
                raise SystemExit("login: connection lost after %r" % seen)
            seen += data

    def logout(self):
        self.s.sendall(b"b LOGOUT\r\n")
        self.until(b"b OK")
        self.s.close()


def row(target, tls, resume):
    """Milliseconds, median."""
    c = context() if tls else None
    session, times, resumed = None, [], 0
    for n in range(LOGINS):
        start = time.perf_counter()
        login = Login(target, c, session)
        if tls and n > 0 and login.s.session_reused:
            resumed += 1
        newest = login.s.session if resume else None
        login.logout()
        times.append((time.perf_counter() - start) * 1000)
        session = newest
    if resume and target.name == "dmail" and resumed < LOGINS - 1:
        raise SystemExit("only %d of %d logins were resumed" % (resumed, LOGINS - 1))
    return statistics.median(times[1:])


ROWS = [
    ("login_plain", "login, plain", "ms", lambda t: row(t, False, False)),
    ("login_tls", "login, TLS, full handshake", "ms", lambda t: row(t, True, False)),
    ("login_tls_resumed", "login, TLS, returning client", "ms", lambda t: row(t, True, True)),
]
