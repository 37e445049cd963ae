#!/usr/bin/env python3
"""imapd and dpopd before login, through the real monitor and the real jailed programs, over TCP.

The session behind them is an echo (tests/drivers/jail_probe.cc), so that what is handed over can be seen
byte by byte.  Rows of the catalogue of attacks: I02-I04, I26, S03, S26, A01, A13, A14, A16, A19, P04, P05.
"""
import base64
import os
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

passed = failed = 0
DELAY = 300  # ms, login_delay


def check(name, good, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED", name, repr(detail)[:600])


# Password `secret` for everybody but nobody-here; challenges and tokens for joe alone.
MODULE = """#!/bin/sh
while read c u p; do case "$c $u $p" in
  *' nobody-here '*) echo '-ERR wrong';;
  'check '*' secret'|'lookup joe '|'token joe tok.123') echo "+OK $u config 1234";;
  'check '*' dead'|*' deaduser '*) echo '-DEAD no database';;
  'secret joe '*) echo "+OK $u config 1234 password64=\\"c2VjcmV0\\"";;
  *) echo '-ERR wrong';;
esac; done
"""


def set_up(extra=""):
    path = harness.scratch("dmail-login.")
    for d in ("bin", "mail", "log", "empty"):
        os.mkdir(os.path.join(path, d), 0o755)
    for n in ("imapd", "imapd-login", "imapd-login-tls", "dpopd", "dpopd-login", "dpopd-login-tls", "dsmtpd",
              "dsmtpd-session", "dsmtpd-session-tls", "dmsasl", "dmsasl-external"):
        shutil.copy2(os.path.join(harness.BUILD, "bin", n), path + "/bin/" + n)
    probe = os.path.join(harness.BUILD, "tests", "jail_probe")
    shutil.copy2(probe, path + "/bin/imapd-session")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", path + "/key.pem", "-out", path + "/cert.pem", "-subj", "/CN=localhost",
                    "-days", "2"], check=True, stderr=subprocess.DEVNULL)
    with open(path + "/auth", "w") as f:
        f.write(MODULE)
    os.chmod(path + "/auth", 0o755)
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\n"
                "drop_path %s/mail\nwork_path %s\nlog_path %s/log\nlogin_user 65533:65533\n"
                "mail_user 65532:65532\nauth_user 65531:65531\nmodule_user 65530:65530\nlogin_delay %d\njail_path %s/empty\n"
                "tls_certificate %s/cert.pem\ntls_key %s/key.pem\n%s"
                % (path, path, path, path, DELAY, path, path, path, extra))
    if os.geteuid() != 0:
        harness.give_away(path)
    return path


class Conn:
    def __init__(self, path, daemon="imapd", args=(), greeting=True):
        listener = socket.create_server(("127.0.0.1", 0))
        self.s = socket.create_connection(listener.getsockname(), 120)
        server, _ = listener.accept()
        listener.close()
        self.p = subprocess.Popen([path + "/bin/" + daemon, "-C", path + "/dmail.conf"] + list(args),
                                  stdin=server, stdout=server, stderr=server)
        server.close()
        self.f = self.s.makefile("rb")
        self.greeting = self.f.readline() if greeting else b""

    def tls(self, **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if "certificate" in more:
            context.load_cert_chain(*more["certificate"])
        if "maximum" in more:
            context.maximum_version = more["maximum"]
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if "alpn" in more:
            context.set_alpn_protocols(more["alpn"])
        self.s = context.wrap_socket(self.s)
        self.f = self.s.makefile("rb")

    def say(self, text):
        try:
            self.s.sendall(text if isinstance(text, bytes) else text.encode())
        except OSError:
            pass

    def line(self):
        try:
            return self.f.readline()
        except OSError:
            return b""

    def ask(self, text):
        self.say(text + "\r\n" if isinstance(text, str) else text)
        return self.line()

    def rest(self):
        try:
            return self.f.read()
        except OSError:
            return b""

    def end(self):
        try:
            self.f.close()
        except OSError:
            pass
        self.s.close()
        self.p.wait(20)


def b64(text):
    return base64.b64encode(text.encode("latin-1")).decode()


def imap(path):
    c = Conn(path)
    check("greeting", re.fullmatch(rb"\* OK example\.com IMAP4rev1 v\S+ server ready\r\n", c.greeting), c.greeting)
    caps = c.ask("a CAPABILITY")
    check("capabilities", b"STARTTLS" in caps and b"AUTH=PLAIN" in caps and b"LOGINDISABLED" not in caps, caps)
    check("capability tag", c.line() == b"a OK CAPABILITY completed\r\n")
    check("NOOP", c.ask("b NOOP") == b"b OK NOOP completed\r\n")
    check("ID", c.ask('c ID ("name" "x" "vendor" NIL)').startswith(b'* ID ("name" "dmail"') and c.line().startswith(b"c OK"))
    check("unknown mechanism", c.ask("d AUTHENTICATE NTLM").startswith(b"d NO"))
    check("cancel", c.ask("e AUTHENTICATE PLAIN") == b"+ \r\n" and c.ask("*").startswith(b"e BAD"))
    check("not before login", c.ask("f SELECT INBOX").startswith(b"f BAD"))
    check("logout", c.ask("g LOGOUT").startswith(b"* BYE") and c.line().startswith(b"g OK") and c.line() == b"")
    c.end()

    c = Conn(path)
    check("a blank and nothing behind it", c.ask("a AUTHENTICATE PLAIN ") == b"+ \r\n" and c.ask("*").startswith(b"a BAD"))
    c.end()

    good = [("LOGIN joe secret\r\n", "LOGIN"), ('LOGIN "joe" "secret"\r\n', "LOGIN"),
            ("LOGIN {3+}\r\njoe {6+}\r\nsecret\r\n", "LOGIN"), ("login JOE@example.com secret\r\n", "LOGIN"),
            ("AUTHENTICATE PLAIN %s\r\n" % b64("\0joe\0secret"), "AUTHENTICATE"),
            ("AUTHENTICATE LOGIN %s\r\n%s\r\n" % (b64("joe"), b64("secret")), "AUTHENTICATE")]
    for command, word in good:
        c = Conn(path)
        c.say("t1 " + command + "t2 PIPELINED\r\n\0\xff".encode("latin-1").decode("latin-1"))
        text = b""
        while b"pending" not in text:
            got = c.line()
            if not got:
                break
            text += got
        check("handed over: " + command, b"tag t1\n" in text and b"command %s\n" % word.encode() in text
              and b"client 127.0.0.1\n" in text, text)
        check("pending: " + command, c.line() == b"t2 PIPELINED\r\n", text)
        c.end()

    c = Conn(path)
    c.say("t LOGIN {3}\r\n")
    check("literal asked for", c.line().startswith(b"+ "))
    c.say("joe {6}\r\n")
    check("second literal", c.line().startswith(b"+ "))
    c.say("secret\r\n")
    check("login by literals", c.line() == b"dmail-start 1\n")
    c.end()

    refused = [r'LOGIN "jo\0e" secret', "LOGIN joe", "LOGIN joe secret more", 'LOGIN "joe secret', "LOGIN (joe secret",
               "AUTHENTICATE PLAIN !!!!", "AUTHENTICATE PLAIN " + b64("joe\0secret"),
               "AUTHENTICATE PLAIN " + b64("user\0joe\0secret\0junk"), "AUTHENTICATE", "ID (((((", "LOGIN\t joe secret",
               "LOGIN joe\0 secret"]
    for command in refused:
        c = Conn(path)
        answer = c.ask("x " + command.replace(r"\0", "\0"))
        check("refused: " + command, answer.startswith(b"x BAD"), answer)
        c.end()
    c = Conn(path)
    check("another identity", c.ask("x AUTHENTICATE PLAIN " + b64("root\0joe\0secret")).startswith(b"x NO [AUTHORIZATIONFAILED]"))
    check("dead module", c.ask("y LOGIN joe dead").startswith(b"y NO [UNAVAILABLE]"))
    c.end()

    # too much, too long, too odd
    for name, text in (("long line", b"a LOGIN " + b"x" * 50000 + b"\r\n"), ("endless line", b"(" * 100000),
                       ("large literal", b"a LOGIN {50000}\r\n"), ("large literal+", b"a LOGIN {4000000000+}\r\n"),
                       ("many literals", b"a LOGIN " + b"{100+}\r\n" + b"".join(b"x" * 100 + b" {100+}\r\n" for _ in range(499)))):
        c = Conn(path)
        c.say(text)
        if name == "endless line":
            c.s.shutdown(socket.SHUT_WR)
        answer = c.rest()
        check(name, b" OK " not in answer, answer)
        c.end()
    for name, text in (("browser", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("browser POST", b"POST /x HTTP/1.1\r\n")):
        c = Conn(path)
        c.say(text)
        check(name, c.rest() == b"", name)
        c.end()
    c = Conn(path)
    c.say("\r\n+ x\r\n\xff\xfe z\r\nd NOOP\r\n".encode("latin-1"))
    answer = c.rest()
    check("three bad commands", answer.count(b"BAD") == 3 and b"* BYE" in answer and b"d OK" not in answer, answer)
    c.end()


def many_commands(path):
    for daemon, command, good, bye in (("imapd", b"a NOOP\r\n", b"a OK", b"* BYE Too many commands before login"),
                                       ("dpopd", b"CAPA\r\n", b"+OK Capabilities", b"-ERR Too many commands before login")):
        for more in (0, 1):
            c = Conn(path, daemon)
            c.say(command * (100 + more))
            c.s.shutdown(socket.SHUT_WR)
            answer = c.rest()
            check("%s: %d commands before login" % (daemon, 100 + more), answer.count(good) == 100 and (bye in answer) == bool(more), answer[-300:])
            c.end()


def dead_module(path):
    c = Conn(path)
    for i in range(3):  # never AUTHENTICATIONFAILED: the client would ask its user for another password
        check("dead module, try %d" % i, c.ask("y LOGIN joe dead").startswith(b"y NO [UNAVAILABLE]"))
    check("end after three", c.rest() == b"* BYE Too many failed logins\r\n")
    c.end()


def tls(path):
    for daemon, start, go in (("imapd", b"a STARTTLS\r\n", b"a OK"), ("dpopd", b"STLS\r\n", b"+OK")):
        injected = b"b LOGIN joe secret\r\n" if daemon == "imapd" else b"USER joe\r\nPASS secret\r\n"
        for split in (True, False):
            c = Conn(path, daemon)
            c.say(start + injected)
            answer = c.rest()
            check("injection %s" % daemon, answer == b"", answer)
            c.end()
        c = Conn(path, daemon)
        check("go-ahead " + daemon, c.ask(start).startswith(go))
        c.say(injected)  # where a handshake should be
        answer = c.rest()
        check("plain text for a handshake " + daemon, b"OK" not in answer, answer)
        c.end()
    c = Conn(path)
    c.ask("a STARTTLS")
    c.tls()
    caps = c.ask("b CAPABILITY")
    check("inside TLS", b"STARTTLS" not in caps and b"AUTH=PLAIN" in caps, caps)
    c.line()
    check("no TLS in TLS", c.ask("c STARTTLS").startswith(b"c BAD"))
    c.say("d LOGIN joe secret\r\nafter\r\n")
    text = b""
    while b"pending" not in text:
        text += c.line()
    check("told of TLS", b"tls 1\n" in text and b"service imap" in text, text)
    check("pending inside TLS", c.line() == b"after\r\n")
    # The relay: 8 MB each way at once, then half-close.
    data = os.urandom(1 << 16) * 128
    # One thread: OpenSSL's connections are not for two at once, and Python does not keep them apart.
    got, sent, left, end = [], 0, len(data), time.monotonic() + 600
    c.s.setblocking(False)
    while left and time.monotonic() < end:
        before = (sent, left)
        try:
            if sent < len(data):
                sent += c.s.send(data[sent:sent + (1 << 16)])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            piece = c.s.recv(1 << 16)
            if not piece:
                break
            got.append(piece)
            left -= len(piece)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if before == (sent, left):
            select.select([c.s], [c.s] if sent < len(data) else [], [], 1)
    c.s.settimeout(120)
    check("relay carries everything", b"".join(got) == data, len(b"".join(got)))
    time.sleep(1.5)  # idle: buffers are given back
    c.s.sendall(b"still there\r\n")
    check("relay after idling", c.s.recv(100) == b"still there\r\n")
    raw = c.s.unwrap  # close_notify, then the session's last words
    try:
        raw()
    except (ssl.SSLError, OSError):
        pass
    c.end()
    c = Conn(path, args=["--tls"], greeting=False)
    c.tls(alpn=["imap"])
    check("TLS from the start", c.line().startswith(b"* OK example.com"))
    c.end()
    c = Conn(path, args=["--tls"], greeting=False)
    try:
        c.tls(alpn=["h2", "http/1.1"])
        check("a browser by ALPN", c.line() == b"")
    except (ssl.SSLError, OSError):
        check("a browser by ALPN", True)
    c.end()


def delays(path):
    times = {}
    for user, word in (("joe", "wrong"), ("nobody-here", "wrong"), ("bad name\\\"", "wrong"), ("joe", "")):
        for _ in range(20):  # the best of some: a busy machine adds to each
            c = Conn(path)
            start = time.monotonic()
            answer = c.ask('a LOGIN "%s" "%s"' % (user, word))
            took = (time.monotonic() - start) * 1000
            times[user, word] = min(took, times.get((user, word), took))
            check("same text", answer == b"a NO [AUTHENTICATIONFAILED] LOGIN failed\r\n", answer)
            c.end()
            if times[user, word] < DELAY + 150:
                break
    check("same time", all(DELAY - 5 <= t < DELAY + 150 for t in times.values()), times)
    c = Conn(path)
    for _ in range(3):
        answer = c.ask("a LOGIN joe wrong")
    check("third wrong login", answer.startswith(b"a NO") and c.line().startswith(b"* BYE") and c.line() == b"")
    c.end()


def pop(path):
    c = Conn(path, "dpopd")
    check("banner", re.fullmatch(rb"\+OK DPOP Version \S+\.\r\n", c.greeting), c.greeting)
    check("CAPA", c.ask("CAPA").startswith(b"+OK"))
    caps = b""
    while not caps.endswith(b"\r\n.\r\n"):
        caps += c.line()
    check("CAPA lines", b"STLS\r\n" in caps and b"USER\r\n" in caps and b"SASL PLAIN" in caps, caps)
    check("USER", c.ask("USER joe") == b"+OK joe nice to hear from you - password required\r\n")
    check("PASS wrong", c.ask("PASS wrong").startswith(b"-ERR [AUTH]"))
    check("PASS without USER", c.ask("PASS secret").startswith(b"-ERR"))
    check("AUTH cancel", c.ask("AUTH PLAIN") == b"+ \r\n" and c.ask("*").startswith(b"-ERR"))
    check("QUIT", c.ask("QUIT").startswith(b"+OK"))
    c.end()
    for text in (b":\r\n\r\nSTAT\r\nNOOP\r\n", b"STAT\r\nLIST\r\nRETR 1\r\nNOOP\r\n"):
        c = Conn(path, "dpopd")
        c.say(text)
        answer = c.rest()
        check("three bad commands", answer.count(b"-ERR") == 3 and b"+OK" not in answer, answer)
        c.end()
    c = Conn(path, "dpopd")
    # The third refusal is the last, whatever it was for, and is no violation of the request table.
    for i in range(3):
        check("no session program", c.ask("USER joe").startswith(b"+OK") and c.ask("PASS secret").startswith(b"-ERR [SYS/TEMP]"))
    check("end after three", c.rest() == b"")
    c.end()


def plaintext(path):
    c = Conn(path)
    caps = c.ask("a CAPABILITY")
    check("LOGINDISABLED", b"LOGINDISABLED" in caps and b"AUTH=" not in caps and b"STARTTLS" in caps, caps)
    c.line()
    check("LOGIN refused", c.ask("b LOGIN joe secret").startswith(b"b NO [PRIVACYREQUIRED]"))
    check("PLAIN refused", c.ask("c AUTHENTICATE PLAIN " + b64("\0joe\0secret")).startswith(b"c NO [PRIVACYREQUIRED]"))
    c.ask("d STARTTLS")
    c.tls()
    check("LOGIN inside TLS", c.ask("e LOGIN joe secret") == b"dmail-start 1\n")
    c.end()
    c = Conn(path, "dpopd")
    check("USER refused", c.ask("USER joe").startswith(b"-ERR [AUTH]"))
    c.end()


def flooded(path):
    """A client that has sent everything before it reads still learns why the server ended: no reset takes it away."""
    for daemon, junk, last in (("imapd", b"x y\r\n", b"* BYE Too many bad commands\r\n"),
                               ("dpopd", b"x\r\n", b"-ERR Too many bad commands\r\n")):
        c = Conn(path, daemon)
        c.say(junk * 30000)
        c.p.wait(60)
        said = b""
        try:
            while data := c.s.recv(65536):
                said += data
        except ConnectionResetError:
            said += b"(reset)"
        check(daemon + ": last words before login", said.endswith(last), said)
        c.end()


def main():
    if not os.path.exists(os.path.join(harness.BUILD, "tests", "jail_probe")):
        print("jail_probe is not built (make unit-build)")
        return 77
    path = set_up("lowercase_username true\n")
    for part in (imap, many_commands, flooded, dead_module, tls, delays, pop):
        part(path)
    log = open(path + "/log/imapd.log").read() + open(path + "/log/dpopd.log").read()
    for event in ("violation", "login-program-died", "login-program-failed"):
        check("no " + event, event not in log, log[-2000:])
    plaintext(set_up("plaintext_login_from 10.*\n"))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
