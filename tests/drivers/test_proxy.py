#!/usr/bin/env python3
"""Accounts on another host: a front and a back instance, over IMAP, POP3, SMTP and LMTP; referrals; what a back
host believes of a peer; loops; TLS between them; a back host that is down.  With Dovecot as the back host, too,
where it is installed.
"""
import base64
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
import harness

t = harness.Suite()
ALL = ["--imap", "0", "--imaps", "0", "--pop3", "0", "--pop3s", "0", "--smtp", "0", "--submission", "0", "--lmtp", "0"]


class Client:
    """Lines over TCP, TLS from the start or later."""

    def __init__(self, port, tls=False):
        self.s = socket.create_connection(("127.0.0.1", port), 120)
        if tls:
            self.start_tls()
        self.f = self.s.makefile("rb")
        self.greeting = self.line()

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.s = context.wrap_socket(self.s)

    def line(self):
        try:
            return self.f.readline().decode("latin-1").rstrip("\r\n")
        except OSError:
            return ""

    def say(self, text):
        self.s.sendall(text.encode("latin-1") + b"\r\n")

    def ask(self, text):
        """IMAP: untagged lines and the tagged one; the tag is the first word of `text`."""
        self.say(text)
        tag, lines = text.split(" ", 1)[0], []
        while True:
            raw = self.f.readline()
            lines.append(raw.decode("latin-1").rstrip("\r\n"))
            if not raw or lines[-1].startswith(tag + " "):
                return lines

    def one(self, text):
        self.say(text)
        line = self.line()
        while line[3:4] == "-" and line[:3].isdigit():
            line = self.line()
        return line

    def rest(self):
        try:
            return self.f.read().decode("latin-1")
        except OSError:
            return ""

    def close(self):
        self.f.close()
        self.s.close()


class Host(harness.Instance):
    """A private instance whose settings and accounts change while it runs: each connection reads them anew."""

    def set(self, *lines):
        path = os.path.join(self.dir, "dmail.conf")
        if not hasattr(self, "first"):
            with open(path) as f:
                self.first = f.read()
        with open(path + ".new", "w") as f:
            f.write(self.first + "".join(l + "\n" for l in lines))
        os.rename(path + ".new", path)

    def account(self, name, password, **labels):
        argv = [harness.program("nwauth"), "-path", os.path.join(self.dir, "users"), "set", name, password]
        argv += ['%s="%s"' % pair for pair in labels.items()]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

    def log(self, program):
        try:
            with open(os.path.join(self.dir, "log", program + ".log"), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def logged(self, program, *words, patience=60):
        """A line with all the words, waited for."""
        end = time.time() + patience
        while True:
            for line in self.log(program).splitlines():
                if all(w in line for w in words):
                    return line
            if time.time() > end:
                return None
            time.sleep(0.05)


front = Host(*ALL, "--user", "local:pw", "--domain", "mail.test")
back = Host(*ALL, "--user", "ann:secret", "--domain", "back.test")
back.account("here.not", "secret", host="front")


def where(tls="starttls", name="back", address="127.0.0.1"):
    ports = {"none": (back.IMAP_PORT, back.POP3_PORT, back.LMTP_PORT, "none"),
             "starttls": (back.IMAP_PORT, back.POP3_PORT, back.LMTP_PORT, "starttls"),
             "tls": (back.IMAPS_PORT, back.POP3S_PORT, back.LMTP_PORT, "starttls")}[tls]
    imap, pop, lmtp, lmtp_tls = ports
    return "remote_host %s %s imap=%d/%s pop=%d/%s lmtp=%d/%s" % (name, address, imap, tls, pop, tls, lmtp, lmtp_tls)


# The certificate of the back host is for back.test, localhost and 127.0.0.1.
CA = "remote_ca " + back.CAFILE
PROXY = ["remote_accounts proxy", "login_delay 0", "remote_timeout 20", CA]
TRUST = ["trusted_proxies 127.0.0.1", "host_domain mail.test"]
front.account("ann", "secret", host="back.test")
front.account("gone", "secret", host="down")
front.account("lost", "secret", host="nowhere")


def imap(tls):
    what = "imap/%s: " % tls
    front.set(*PROXY, where(tls, "back.test"))
    back.set(*TRUST)
    for client_tls in (False, True):
        c = Client(front.IMAPS_PORT if client_tls else front.IMAP_PORT, client_tls)
        lines = c.ask("a1 LOGIN ann secret")
        t.check(what + "login", lines[-1].startswith("a1 OK [CAPABILITY IMAP4"), lines)
        t.check(what + "select", c.ask("a2 SELECT INBOX")[-1].startswith("a2 OK"))
        message = harness.message(1).decode("utf-8").encode("utf-8")
        c.say("a3 APPEND INBOX {%d}" % len(message))
        t.check(what + "append waits", c.line().startswith("+"))
        c.s.sendall(message + b"\r\n")
        while not (line := c.line()).startswith("a3 "):
            if not line:
                break
        t.check(what + "appended", line.startswith("a3 OK"), line)
        t.check(what + "logout", c.ask("a4 LOGOUT")[-1].startswith("a4 OK"))
        t.equal(what + "closed", c.rest(), "")
        c.close()
    # What is sent behind the login goes with it.
    c = Client(front.IMAP_PORT)
    c.say("b1 LOGIN ann secret\r\nb2 NOOP\r\nb3 LOGOUT")
    text = c.rest()
    t.check(what + "pipelined", all("\n%s OK" % b in "\n" + text for b in ("b1", "b2", "b3")), text)
    c.close()
    # By a mechanism, too.
    c = Client(front.IMAP_PORT)
    t.check(what + "authenticate", c.ask("c1 AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=")[-1].startswith("c1 OK"))
    c.say("c2 LOGOUT")
    t.check(what + "half closed", "c2 OK" in c.rest())
    c.close()


def pop(tls):
    what = "pop/%s: " % tls
    front.set(*PROXY, where(tls, "back.test"))
    back.set(*TRUST)
    for client_tls in (False, True):
        c = Client(front.POP3S_PORT if client_tls else front.POP3_PORT, client_tls)
        c.one("USER ann")
        t.check(what + "login", c.one("PASS secret").startswith("+OK"))
        t.check(what + "stat", re.fullmatch(r"\+OK \d+ \d+.*", c.one("STAT")))
        t.check(what + "quit", c.one("QUIT").startswith("+OK"))
        t.equal(what + "closed", c.rest(), "")
        c.close()
    c = Client(front.POP3_PORT)
    c.say("USER ann\r\nPASS secret\r\nNOOP\r\nQUIT")
    t.equal(what + "pipelined", c.rest().count("+OK"), 4)
    c.close()


def lmtp(tls):
    what = "lmtp/%s: " % tls
    front.set(*PROXY, where(tls, "back.test"))
    back.set(*TRUST)
    c = Client(front.LMTP_PORT)
    c.one("LHLO client.test")
    c.one("MAIL FROM:<x@y.example>")
    for name, code in (("ann", "250"), ("local", "250"), ("nobody", "550"), ("ann+work", "250")):
        t.equal(what + "rcpt " + name, c.one("RCPT TO:<%s@mail.test>" % name)[:3], code)
    c.one("DATA")
    mark = "mark-%s-%d" % (tls, time.time_ns())
    c.say("Subject: %s\r\n\r\n..dot\r\n." % mark)
    answers = [c.line() for _ in range(3)]
    t.check(what + "answers", all(a.startswith("250 2.") for a in answers), answers)
    c.close()
    b = Client(back.IMAP_PORT)
    b.ask("a LOGIN ann secret")
    b.ask("b SELECT INBOX")
    t.check(what + "it is there", len(b.ask("c SEARCH SUBJECT %s" % mark)[0].split()) == 3)
    last = b.ask("d SEARCH SUBJECT %s" % mark)[0].split()[-1]
    text = "\n".join(b.ask("e FETCH %s BODY.PEEK[]" % last))
    t.check(what + "dots", "\n.dot\n" in text, text)
    t.check(what + "trace of both", text.count("Received: from ") == 2 and "client.test" in text, text)
    b.close()
    t.check(what + "logged", front.logged("dsmtpd", "event=delivered", 'host="back.test"', 'to="ann@mail.test"'))
    # SMTP with recipients here and there: one answer for both.
    s = smtplib.SMTP("127.0.0.1", front.SMTP_PORT, timeout=120)
    try:
        t.equal(what + "smtp", s.sendmail("x@y.example", ["ann@mail.test", "local@mail.test"], "Subject: y\r\n\r\ny\r\n"), {})
        s.quit()
    except smtplib.SMTPException as e:
        t.check(what + "smtp", False, e)


def refused_login(name, port=None, tls=False):
    c = Client(port or front.IMAP_PORT, tls)
    lines = c.ask("a1 LOGIN %s secret" % name)
    c.close()
    return lines


def delivered(name="ann"):
    c = Client(front.LMTP_PORT)
    c.one("LHLO client.test")
    c.one("MAIL FROM:<x@y.example>")
    rcpt = c.one("RCPT TO:<%s@mail.test>" % name)
    if not rcpt.startswith("250"):
        c.close()
        return rcpt
    c.one("DATA")
    answer = c.one("Subject: x\r\n\r\nx\r\n.")
    c.close()
    return answer


def failures():
    back.set(*TRUST)
    # Nobody listens there; a name that nobody knows; somebody who says nothing.
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    front.set(*PROXY, "remote_host down 127.0.0.1 imap=%d pop=%d lmtp=%d" % (port, port, port))
    for name in ("gone", "lost"):
        t.check("down: " + name, refused_login(name)[-1].startswith("a1 NO [UNAVAILABLE]"))
    t.check("down: the log says it", front.logged("imapd", "Connection refused"))
    c = Client(front.POP3_PORT)
    c.one("USER gone")
    t.check("down: pop", c.one("PASS secret").startswith("-ERR [SYS/TEMP]"))
    c.close()
    t.check("down: lmtp", delivered("gone").startswith("451 4.4.1"))
    t.check("unknown: lmtp", delivered("lost").startswith("450 4.3.5"))
    # The client can try again with the same connection.
    c = Client(front.IMAP_PORT)
    c.ask("a1 LOGIN gone secret")
    t.check("down: another login works", c.ask("a2 LOGIN local pw")[-1].startswith("a2 OK"))
    c.close()

    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    front.set(*PROXY, "remote_timeout 1", "remote_host down 127.0.0.1 imap=%d/none lmtp=%d/none" % (port, port))
    began = time.time()
    t.check("silent: imap", refused_login("gone")[-1].startswith("a1 NO [UNAVAILABLE]"))
    t.check("silent: imap in time", time.time() - began < 50, time.time() - began)
    t.check("silent: lmtp", delivered("gone").startswith("451 4.4.2"))
    silent.close()

    # Its certificate is for another name, or of another authority.
    for settings in ((where("starttls", "down"), CA), (where("tls", "down"), CA),
                     (where("starttls", "down"), "remote_ca " + front.CAFILE)):
        front.set(*PROXY, *settings)
        t.check("wrong certificate: " + settings[0][-60:], refused_login("gone")[-1].startswith("a1 NO [UNAVAILABLE]"))
        t.check("wrong certificate: TLS client", refused_login("gone", front.IMAPS_PORT, True)[-1].startswith("a1 NO"))
        t.check("wrong certificate: lmtp", delivered("gone").startswith("451 4.4.2"))
    t.check("wrong certificate: the log says it", front.logged("imapd", "event=remote-failed", "certificate is refused") or
            front.logged("imapd", "event=remote-refused", "certificate is refused"))
    # No TLS there although it must be.
    front.set(*PROXY, where("starttls", "back.test"))
    back.set(*TRUST, "tls_key /nonexistent")
    t.check("no TLS: refused", refused_login("ann")[-1].startswith("a1 NO [UNAVAILABLE]"))
    # The password is another one there.
    back.set(*TRUST)
    front.account("ann", "other")
    c = Client(front.IMAP_PORT)
    t.check("other password", c.ask("a1 LOGIN ann other")[-1].startswith("a1 NO [UNAVAILABLE]"))
    t.check("other password: ended", "BYE" in c.line() and c.rest() == "")
    c.close()
    front.account("ann", "secret")


def for_whom():
    """What the back host believes."""
    front.set(*PROXY, where("starttls", "back.test"))
    back.set(*TRUST)
    # A client of the front at 127.0.0.3.
    def from_address(port, address):
        c = Client.__new__(Client)
        c.s = socket.create_connection(("127.0.0.1", port), 30, source_address=(address, 0))
        c.f = c.s.makefile("rb")
        c.greeting = c.line()
        return c

    c = from_address(front.IMAP_PORT, "127.0.0.3")
    t.check("for whom: imap", c.ask("a LOGIN ann secret")[-1].startswith("a OK"))
    c.close()
    t.check("for whom: imap log", back.logged("imapd", "event=login ", "ip=127.0.0.3") or
            back.logged("imapd", "event=login ", 'ip="127.0.0.3"'), back.log("imapd")[-1500:])
    line = back.logged("imapd", "event=forwarded", "127.0.0.3")
    t.check("for whom: imap session", line and re.search(r'session="\w+"', line) and
            re.search(r'session="(\w+)"', line)[1] in front.log("imapd"), line)
    c = from_address(front.POP3_PORT, "127.0.0.4")
    c.one("USER ann")
    t.check("for whom: pop", c.one("PASS secret").startswith("+OK"))
    c.close()
    t.check("for whom: pop log", back.logged("dpopd", "event=login ", "127.0.0.4"), back.log("dpopd")[-1500:])
    c = from_address(front.LMTP_PORT, "127.0.0.5")
    c.one("LHLO c")
    c.one("MAIL FROM:<x@y.example>")
    c.one("RCPT TO:<ann@mail.test>")
    c.one("DATA")
    t.check("for whom: lmtp", c.one("Subject: five\r\n\r\nx\r\n.").startswith("250"))
    c.close()
    t.check("for whom: lmtp log", back.logged("dsmtpd", "event=forwarded", "127.0.0.5"))
    # Rules look at that address.
    back.set(*TRUST, "user_ip_address !127.0.0.3 *")
    c = from_address(front.IMAP_PORT, "127.0.0.3")
    t.check("rules: refused", c.ask("a LOGIN ann secret")[-1].startswith("a NO"))
    c.close()
    c = from_address(front.IMAP_PORT, "127.0.0.6")
    t.check("rules: another", c.ask("a LOGIN ann secret")[-1].startswith("a OK"))
    c.close()
    # Not trusted: whatever is said changes nothing.
    back.set("host_domain mail.test", "trusted_proxies 192.0.2.*", "user_ip_address !127.0.0.3 *")
    c = from_address(front.IMAP_PORT, "127.0.0.3")
    t.check("untrusted: the proxy's own address counts", c.ask("a LOGIN ann secret")[-1].startswith("a OK"))
    c.close()
    c = Client(back.IMAP_PORT)
    t.check("untrusted: ID is answered", c.ask('a ID ("x-originating-ip" "127.0.0.3")')[-1].startswith("a OK"))
    t.check("untrusted: and ignored", c.ask("b LOGIN ann secret")[-1].startswith("b OK"))
    c.close()
    c = Client(back.POP3_PORT)
    t.check("untrusted: no XCLIENT offered", "XCLIENT" not in c.greeting)
    t.check("untrusted: XCLIENT refused", c.one("XCLIENT ADDR=127.0.0.3").startswith("-ERR"))
    c.close()
    c = Client(back.LMTP_PORT)
    c.say("LHLO x")
    lines = [c.line()]
    while lines[-1][3:4] == "-":
        lines.append(c.line())
    t.check("untrusted: no XCLIENT in LHLO", not any("XCLIENT" in l for l in lines), lines)
    t.check("untrusted: lmtp XCLIENT refused", c.one("XCLIENT ADDR=127.0.0.3").startswith("5"))
    c.close()
    # Trusted, but nonsense.
    back.set(*TRUST)
    for bad in ('"x-originating-ip" "not-an-address"', '"x-originating-ip" "127.0.0.3\\"x"',
                '"x-originating-ip" ""', '"x-originating-ip" NIL'):
        c = Client(back.IMAP_PORT)
        t.check("nonsense: " + bad, c.ask("a ID (%s)" % bad)[-1].startswith("a OK"))
        t.check("nonsense: still works", c.ask("b LOGIN ann secret")[-1].startswith("b OK"))
        c.close()
    c = Client(back.POP3_PORT)
    t.check("trusted: XCLIENT offered", "[XCLIENT]" in c.greeting, c.greeting)
    for bad in ("XCLIENT", "XCLIENT ADDR", "XCLIENT ADDR=x"):
        t.check("nonsense: " + bad, c.one(bad).startswith("-ERR"))
    c.close()
    c = Client(back.POP3_PORT)
    t.check("trusted: XCLIENT", c.one("XCLIENT ADDR=127.0.0.7 PORT=1 SESSION=abc TTL=3").startswith("+OK"))
    c.one("USER ann")
    c.one("PASS secret")
    c.close()
    t.check("trusted: in the log", back.logged("dpopd", "event=login ", "127.0.0.7"))
    c = Client(back.SMTP_PORT)
    c.one("EHLO x")
    t.check("trusted: smtp XCLIENT", c.one("XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE]").startswith("220"))
    t.check("trusted: smtp starts anew", c.one("MAIL FROM:<x@y>").startswith("503"))
    c.close()
    t.check("trusted: smtp log", back.logged("dsmtpd", "event=forwarded", "2001:db8::1"))
    # Anybody may say that the connection was passed on; after a login nothing can change for whom it is.
    c = Client(back.SUBMISSION_PORT)
    c.one("EHLO x")
    t.check("after AUTH: login", c.one("AUTH PLAIN " + base64.b64encode(b"\0ann\0secret").decode()).startswith("235"))
    for line in ("XCLIENT TTL=1", "XCLIENT ADDR=127.0.0.9"):
        t.check("after AUTH: " + line, c.one(line).startswith("503"))
    t.check("after AUTH: it goes on", c.one("MAIL FROM:<x@y>").startswith("250"))
    c.close()
    t.check("after AUTH: no violation in the log", "privsep-violation" not in back.log("dsmtpd"))


def loops():
    """Each host says that the account is on the other."""
    front.set(*PROXY, where("starttls", "back.test"))
    loop = ["remote_accounts proxy", "remote_ca " + front.CAFILE,
            "remote_host front.test 127.0.0.1 imap=%d/none pop=%d/none lmtp=%d/none" %
            (front.IMAP_PORT, front.POP3_PORT, front.LMTP_PORT)]
    back.account("ann", "secret", host="front.test")
    for trust in (TRUST, TRUST[1:]):
        back.set(*trust, *loop)
        what = "loop, trusted: " if trust is TRUST else "loop, not trusted: "
        began = time.time()
        t.check(what + "imap", refused_login("ann")[-1].startswith("a1 NO [UNAVAILABLE]"))
        c = Client(front.POP3_PORT)
        c.one("USER ann")
        t.check(what + "pop", c.one("PASS secret").startswith("-ERR [SYS/TEMP]") or trust is not TRUST)
        c.close()
        if trust is TRUST:
            t.check(what + "lmtp", delivered().startswith("450 4.4.6"))
        t.check(what + "at once", time.time() - began < 10, time.time() - began)
    t.check("loop: the log says it", back.logged("imapd", "remote-loop"))
    back.account("ann", "secret", host="")


def referral():
    front.set("remote_accounts referral", "login_delay 0", CA, where("starttls", "back.test"), "remote_delivery refuse")
    c = Client(front.IMAP_PORT)
    t.check("referral: announced", any("LOGIN-REFERRALS" in l for l in c.ask("a CAPABILITY")))
    got = c.ask("b LOGIN ann secret")
    t.check("referral: LOGIN", re.fullmatch(r"b NO \[REFERRAL imap://ann;AUTH=\*@back\.test:%d/\] .*" % back.IMAP_PORT,
                                            got[-1]), got)
    got = c.ask("c AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=")
    t.check("referral: AUTHENTICATE", "[REFERRAL imap://ann;AUTH=*@back.test" in got[-1], got)
    c.close()
    c = Client(front.IMAP_PORT)
    t.check("referral: only after the password", "REFERRAL" not in c.ask("b LOGIN ann wrong")[-1])
    t.check("referral: others log in", c.ask("c LOGIN local pw")[-1].startswith("c OK"))
    c.close()
    c = Client(front.POP3_PORT)
    c.one("USER ann")
    t.check("referral: pop", re.fullmatch(r"-ERR \[SYS/PERM\] .*back\.test.*", c.one("PASS secret")))
    c.close()
    t.check("referral: mail refused", delivered().startswith("551 5.1.6"))
    front.set("remote_accounts none", "login_delay 0")
    c = Client(front.IMAP_PORT)
    t.check("none: no announcement", not any("LOGIN-REFERRALS" in l for l in c.ask("a CAPABILITY")))
    t.check("none: served here", c.ask("b LOGIN ann secret")[-1].startswith("b OK"))
    c.close()


def big():
    """Much data both ways at once, and a client that goes in the middle."""
    front.set(*PROXY, where("tls", "back.test"))
    back.set(*TRUST)
    c = Client(front.IMAPS_PORT, True)
    c.ask("a LOGIN ann secret")
    size = 3 << 20
    text = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n"
    text += (b"y" * 70 + b"\r\n") * ((size - len(text)) // 72)
    c.say("b APPEND INBOX {%d+}" % len(text))
    c.s.sendall(text + b"\r\n")
    while not (line := c.line()).startswith("b "):
        if not line:
            break
    t.check("big: append", line.startswith("b OK"), line)
    c.ask("c SELECT INBOX")
    last = c.ask("d SEARCH SUBJECT big")[0].split()[-1]
    got = "\r\n".join(c.ask("e FETCH %s BODY.PEEK[]" % last))
    t.check("big: fetch", len(got) > len(text), len(got))
    c.say("f FETCH %s BODY.PEEK[]" % last)
    c.close()
    # Nothing is left over.
    end = time.time() + 60
    while time.time() < end and processes():
        time.sleep(0.1)
    t.equal("big: no process is left", processes(), [])


def processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as f:
                words = f.read()
            with open("/proc/%s/environ" % pid):
                pass
            if words.startswith("dmail-proxy") and front_socket(pid):
                found.append(pid)
        except OSError:
            continue
    return found


def front_socket(pid):
    """Whether the process was started from our copy of the programs."""
    try:
        return os.readlink("/proc/%s/exe" % pid).startswith(os.path.dirname(harness.program("imapd")))
    except OSError:
        return False


def jailed():
    """The program has nothing: no root, no files, not the user's ids."""
    if os.geteuid() != 0:
        t.skip("the jail of dmail-proxy: not root")
        return
    front.set(*PROXY, where("none", "back.test"))
    back.set(*TRUST)
    c = Client(front.IMAP_PORT)
    c.ask("a LOGIN ann secret")
    pids = processes()
    t.equal("jail: one process", len(pids), 1)
    for pid in pids:
        with open("/proc/%s/status" % pid) as f:
            status = f.read()
        t.check("jail: ids", "Uid:\t63001\t63001\t63001\t63001" in status, status)
        t.check("jail: filter", "Seccomp:\t2" in status)
        root = os.readlink("/proc/%s/root" % pid)
        t.check("jail: empty root directory", root.endswith("/jail"), root)
        with open("/proc/%s/status" % status.split("PPid:\t")[1].split()[0]) as f:
            t.check("jail: the monitor is no root any more", "Uid:\t63001\t63001\t63001\t63001" in f.read())
    c.close()


def dovecot_behind():
    if os.geteuid() != 0 or not shutil.which("dovecot"):
        t.skip("Dovecot as the back host: needs root and dovecot-imapd")
        return
    import dovecot
    work = harness.scratch("dmail-dovecot.")
    peer = dovecot.Dovecot(work)
    name = list(dovecot.FORMATS)[0]
    try:
        front.account(name, "pw", host="dove")
        front.set(*PROXY, "remote_host dove 127.0.0.1 imap=%d/none" % peer.port)
        c = Client(front.IMAP_PORT)
        lines = c.ask("a LOGIN %s pw" % name)
        t.check("dovecot: login", lines[-1].startswith("a OK [CAPABILITY"), lines)
        t.check("dovecot: select", c.ask("b SELECT INBOX")[-1].startswith("b OK"))
        t.check("dovecot: logout", c.ask("c LOGOUT")[-1].startswith("c OK"))
        c.close()
    finally:
        for end in ("stop", "close", "end"):
            if hasattr(peer, end):
                getattr(peer, end)()
                break


try:
    for mode in ("none", "starttls", "tls"):
        imap(mode)
        pop(mode)
        lmtp(mode)
    failures()
    for_whom()
    loops()
    referral()
    big()
    jailed()
    dovecot_behind()
finally:
    if t.failed:
        front.show_logs()
        back.show_logs()
    front.stop()
    back.stop()
t.end()
