#!/usr/bin/env python3
"""What bad input gets, through the front door of all three servers: an error and a log line, never a crash.

Covers rows of the project's list of past failures: injected STARTTLS (S03, P05), smuggled line ends (S01), browsers
(S26), junk (P04, I26), oversized lines and literals (I02-I05), names that lead out of the mailbox tree (I24),
connections that die inside APPEND and DATA, drop files that are no mbox, links in place of mail files (F04).
"""
import imaplib
import os
import random
import re
import select
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

t = harness.Suite()


class Line:
    """A raw connection; `say` writes bytes as they are, `hear` reads to the end of a line that matches."""

    def __init__(self, port):
        self.s = socket.create_connection(("localhost", port), 120)
        self.rest = b""

    def say(self, data):
        try:
            self.s.sendall(data)
        except OSError:
            pass

    def line(self):
        while b"\n" not in self.rest:
            try:
                data = self.s.recv(65536)
            except OSError:
                data = b""
            if not data:
                out, self.rest = self.rest, b""
                return out
            self.rest += data
        out, self.rest = self.rest.split(b"\n", 1)
        return out + b"\n"

    def hear(self, pattern):
        seen = b""
        while True:
            line = self.line()
            seen += line
            if not line or re.match(pattern, line):
                return seen

    def finish(self):
        try:
            self.s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server ended it first

    def closed(self):
        self.s.settimeout(120)
        try:
            while self.s.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.s.close()


with harness.Instance() as i:
    ports = {"imap": i.IMAP_PORT, "pop3": i.POP3_PORT, "smtp": i.SMTP_PORT, "lmtp": i.LMTP_PORT}
    go = {"imap": (b"", b"a STARTTLS\r\n", rb"a OK", b"b LOGIN %s %s\r\n" % (i.USER1.encode(), i.PASS1.encode())),
          "pop3": (b"", b"STLS\r\n", rb"\+OK", b"USER x\r\n"),
          "smtp": (b"EHLO x\r\n", b"STARTTLS\r\n", rb"220", b"RSET\r\n")}
    for name, (hello, start, good, injected) in go.items():
        for cut in (0, 1, len(injected)):
            k = Line(ports[name])
            k.line()
            if hello:
                k.say(hello)
                k.hear(rb"\d\d\d ")
            k.say(start + injected[:cut])
            if cut < len(injected) and cut:
                time.sleep(0.05)
                k.say(injected[cut:])
            answer = k.hear(good) if cut == 0 else b""
            if cut == 0:
                context = ssl.create_default_context(cafile=i.CAFILE)
                tls = context.wrap_socket(k.s, server_hostname="localhost")
                t.check("%s: STARTTLS works when nothing is injected" % name, tls.version(), answer)
                tls.close()
            else:
                seen = k.hear(rb"never") if k.s.settimeout(5) is None else b""
                t.check("%s: plain text behind STARTTLS is not obeyed (%d octets in one segment)" % (name, cut),
                        b"b OK" not in seen and b"250 2" not in seen and seen.count(b"+OK") < 2, seen)
            k.close()
    for name, port in ports.items():
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /x HTTP/1.0\r\n\r\n"):
            k = Line(port)
            k.line()
            k.say(request)
            t.check("%s ends the conversation with a browser" % name, k.closed())
            k.close()
        rng = random.Random(1)
        for _ in range(15):
            k = Line(port)
            k.line()
            for _ in range(40):
                k.say(bytes(rng.randrange(256) for _ in range(rng.randrange(200))) + rng.choice((b"\r\n", b"\n", b"")))
            k.finish()
            t.check("%s survives junk" % name, k.closed())
            k.close()
        k = Line(port)
        k.line()
        for _ in range(40):
            k.say(b"A" * 65536)
        k.say(b"\r\n")
        k.finish()
        t.check("%s ends an endless line" % name, k.closed())
        k.close()
    # renegotiation by the client (A15): the connection ends, and still serves nobody twice
    k = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", "localhost:%d" % i.IMAPS_PORT, "-CAfile", i.CAFILE],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = b""
    # Each when the one before has had its effect: "R" is a command only at the start of what s_client reads.
    for word, effect in ((b"a NOOP\r\n", b"a OK"), (b"R\n", b"RENEGOTIATING"), (b"b NOOP\r\n", b"")):
        try:
            os.write(k.stdin.fileno(), word)
        except OSError:
            pass  # it has ended
        while effect not in seen and select.select([k.stdout], [], [], 120)[0]:
            data = os.read(k.stdout.fileno(), 65536)
            if not data:
                break
            seen += data
    seen += k.communicate(timeout=120)[0]
    t.check("A15: a client cannot renegotiate", b"a OK" in seen and b"b OK" not in seen, seen[-600:])
    for line in (b"a LOGIN " + b"x" * 8000 + b" y\r\n", b"a LOGIN {1000000}\r\n", b"a LOGIN {99999999999999999999}\r\n", b"a ID " + b"(" * 4000 + b"\r\n",
                 b"a AUTHENTICATE PLAIN !!!!\r\n", b"a LOGIN \"u\0x\" y\r\n", b"%n%n%s NOOP\r\n", b"a SELECT INBOX\r\n"):
        k = Line(i.IMAP_PORT)
        k.line()
        k.say(line)
        answer = k.line()
        t.check("before login: %r" % line[:30], re.match(rb"(\S+ (BAD|NO|OK)|\* (BAD|BYE))", answer) and not answer.startswith(b"+"), answer)
        k.close()

    # smuggling: one message, whatever stands for an end of data
    for ending in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\0.\r\n", b"\r\n.\r\r\n"):
        k = Line(i.SMTP_PORT)
        k.line()
        k.say(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % i.MAIL2.encode())
        k.hear(rb"354")
        k.say(b"Subject: smuggle\r\n\r\nbody" + ending + b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n.\r\nQUIT\r\n" % i.MAIL2.encode())
        k.finish()
        seen = k.hear(rb"never")
        k.close()
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER2, i.PASS2)
    c.select("INBOX")
    evil = c.search(None, "FROM", "evil")[1][0].split() + c.search(None, "HEADER", "Return-Path", "evil@x.example")[1][0].split()
    t.equal("no smuggled message arrived", evil, [])
    c.logout()

    # a connection that dies inside DATA and inside APPEND
    k = Line(i.SMTP_PORT)
    k.say(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % i.MAIL1.encode())
    k.hear(rb"354")
    k.say(b"Subject: half\r\n\r\nhalf a mess")
    k.close()
    k = Line(i.IMAP_PORT)
    k.say(b"a LOGIN %s %s\r\nb APPEND INBOX {100000}\r\n" % (i.USER1.encode(), i.PASS1.encode()))
    k.hear(rb"\+")
    k.say(b"Subject: half\r\n\r\n" + b"x" * 50000)
    k.close()
    time.sleep(0.3)
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    t.equal("half messages are not there", c.select("INBOX")[1], [b"0"])

    outside = ("/etc/passwd", "../" + i.USER2, "a/../../b", "~root/x", "a//b", "/abs", ".index", "a/.mbx", "x.lock", "{localhost}INBOX",
               "#driver.mbx/x", "a\x01b", "&", "&AAA-", "&AC8-", "x" * 3000, "/".join("d" * 60))
    for name in outside:
        status, text = "BAD", b""
        for verb in (c.create, c.select, c.delete, c.subscribe):
            try:
                status, text = verb('"%s"' % name)
            except imaplib.IMAP4.error as e:
                status, text = "BAD", e
            if name in ("#driver.mbx/x", "{localhost}INBOX") and verb in (c.create, c.subscribe, c.delete, c.select):
                continue  # ordinary names here: they must only stay inside, which is looked at below
            if name == "~root/x" and verb == c.subscribe:
                continue  # a name that another server may have left on the disk; CREATE makes none such
            t.check("%s %r is refused" % (verb.__name__, name[:30]), status != "OK", text)
    names = []
    for folder, dirs, files in os.walk(i.dir + "/spool"):
        names += [os.path.join(folder, n) for n in dirs + files]
    t.check("nothing was made outside the folder directory", all(i.USER1 in n or i.USER2 in n or len(os.path.basename(n)) == 1 for n in names), names)
    c.append("INBOX", "", None, message(1))
    home = next(os.path.join(d, i.USER1 + ".mbx") for d, ds, fs in os.walk(i.dir + "/spool") if i.USER1 + ".mbx" in ds)
    os.symlink("/etc/passwd", home + "/Link")
    os.mkfifo(home + "/Fifo")
    with open(home + "/NoMail", "w") as f:
        f.write("this is no mailbox\nat all\n")
    with open(home + "/Zero", "w") as f:
        pass
    for n in ("NoMail", "Zero"):
        os.chown(home + "/" + n, os.stat(home).st_uid, os.stat(home).st_gid)
    for n in ("Link", "Fifo", "NoMail"):
        t.check("SELECT of %s is refused" % n, c.select(n)[0] == "NO")
    t.equal("an empty file is an empty mailbox", c.select("Zero"), ("OK", [b"0"]))
    with open(home + "/NoMail") as f:
        t.equal("the strange file is as it was", f.read(), "this is no mailbox\nat all\n")
    c.logout()
    with open(os.path.dirname(home) + "/" + i.USER1, "r+b") as f:
        f.write(b"garbage")
    k = Line(i.IMAP_PORT)
    k.say(b"a LOGIN %s %s\r\nb SELECT INBOX\r\nc LOGOUT\r\n" % (i.USER1.encode(), i.PASS1.encode()))
    seen = k.hear(rb"c OK")
    t.check("a drop file that is no mbox gets a NO", b"b NO" in seen and b"c OK" in seen, seen)
    logs = "".join(open(os.path.join(i.dir, "log", n), errors="replace").read() for n in os.listdir(i.dir + "/log"))
    t.check("no log line has raw client bytes", not re.search(r"[^\x20-\x7e\n\t]", logs))
    for word in ("assert", "signal", "terminate", "Sanitizer"):
        t.check("no log line speaks of a crash (%s)" % word, word not in logs, [l for l in logs.split("\n") if word in l][:3])
t.end()
