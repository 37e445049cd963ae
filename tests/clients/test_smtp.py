#!/usr/bin/env python3
"""dsmtpd through its front door: who is delivered to, what is refused, and what lies in the drop file.

Covers rows S01-S03, S07, S09-S17, S23, S26-S29 and F04 of the project's list of past failures as far as they need
a running server; the dialogue itself is in tests/transcripts/smtp and tests/unit/dsmtpd.
"""
import base64
import fcntl
import glob
import mailbox
import os
import re
import smtplib
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

t = harness.Suite()


class Line:
    """A raw connection: `say` bytes, `code` of the next whole reply."""

    def __init__(self, port, banner=True):
        self.s = socket.create_connection(("localhost", port), 120)
        self.f = self.s.makefile("rb")
        if banner:
            t.equal("banner", self.code(), 220)

    def say(self, data):
        self.s.sendall(data)
        return self

    def code(self):
        while True:
            try:
                line = self.f.readline()
            except OSError:
                return 0
            if not re.match(rb"\d\d\d", line):
                return 0
            self.text = line
            if line[3:4] == b" ":
                return int(line[:3])

    def ask(self, *lines):
        return [self.say(l + b"\r\n").code() for l in lines]


def drop(i, user):
    return next(p for p in glob.glob(i.dir + "/spool/**/" + user, recursive=True) if os.path.isfile(p))


def count(i, user):
    return len(mailbox.mbox(drop(i, user), create=False))


with harness.Instance("--set", "lock_timeout 1", "--set", "user_quota true", "--set", "message_size_limit 40000000") as i:
    user1, user2 = i.MAIL1.encode(), i.MAIL2.encode()
    context = ssl.create_default_context(cafile=i.CAFILE)
    start = [b"EHLO client.example", b"MAIL FROM:<s@x.example>", b"RCPT TO:<" + user1 + b">"]

    # one message to two people and the shape of what is stored
    s = smtplib.SMTP("localhost", i.SMTP_PORT, local_hostname="client.example")
    t.equal("two recipients", s.sendmail("s@x.example", [i.MAIL1, i.MAIL2], message(1)), {})
    for address in (i.MAIL1, i.MAIL2):
        raw = open(drop(i, address.split("@")[0]), "rb").read()
        t.check("From_ line", re.match(rb"From s@x\.example \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", raw), raw[:80])
        t.check("trace headers", re.search(rb"\r?\nReturn-Path: <s@x\.example>\r?\nReceived: from client\.example \(\[127\.0\.0\.1\]\) by \S+ "
                                           rb"with ESMTP id \w+ ; [A-Z][^\r\n]*\r?\nX-Rcpt-To: <" + re.escape(address.encode()) + rb">\r?\nFrom: ", raw), raw[:700])
    t.equal("the same person twice gets one copy", s.sendmail("s@x.example", [i.MAIL1, i.MAIL1, i.MAIL1.upper()], message(2)), {})
    t.equal("messages", (count(i, i.USER1), count(i, i.USER2)), (2, 1))

    # who is refused
    k = Line(i.SMTP_PORT)
    k.ask(*start)
    domain = i.MAIL_DOMAIN.encode()
    for address, want in ((b"nosuchuser@" + domain, 550), (b"x@elsewhere.example", 550), (b"x@[127.0.0.1]", 550), (b"\"\"@" + domain, 501),
                          (b"${run{/bin/true}}@" + domain, 550), (b"`touch$IFS/tmp/x`@" + domain, 550), (b"-rf@" + domain, 550), (b"../../etc/passwd@" + domain, 550),
                          (b"\"" + user1 + b"\"@" + domain, 550), (b"\"a b\"@" + domain, 550), (b"x" * 64 + b"@" + domain, 550), (b"x" * 65 + b"@" + domain, 550)):
        t.equal("RCPT %r" % address, k.ask(b"RCPT TO:<" + address + b">"), [want])
    t.equal("the transaction is still good", k.ask(b"DATA", b"Subject: kept\r\n\r\nx\r\n."), [354, 250])
    k.say(b"QUIT\r\n")

    # S01: every false end of data, in every cut, is one refused message
    before = count(i, i.USER1)
    for ending in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n.\r\r\n"):
        k = Line(i.SMTP_PORT)
        k.ask(*start, b"DATA")
        k.say(b"Subject: a\r\n\r\nx" + ending[:2])
        time.sleep(0.02)
        k.say(ending[2:] + b"MAIL FROM:<admin@x.example>\r\nRCPT TO:<" + user1 + b">\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n")
        t.equal("S01 %r" % ending, (k.code(), k.code()), (550, 0))
    t.equal("nothing was smuggled", count(i, i.USER1), before)

    # S03: STARTTLS forgets everything, and takes nothing from before
    k = Line(i.SMTP_PORT)
    t.equal("before TLS", k.ask(*start), [250, 250, 250])
    t.equal("STARTTLS", k.ask(b"STARTTLS"), [220])
    k.s = context.wrap_socket(k.s, server_hostname="localhost")
    k.f = k.s.makefile("rb")
    t.equal("S03: the state from before TLS is gone", k.ask(b"DATA", b"MAIL FROM:<a@b>", b"EHLO c", b"STARTTLS", b"RCPT TO:<" + user1 + b">"), [503, 503, 250, 503, 503])
    t.equal("mail under TLS", k.ask(b"MAIL FROM:<a@b>", b"RCPT TO:<" + user1 + b">", b"DATA", b"Subject: tls\r\n\r\nx\r\n."), [250, 250, 354, 250])
    t.check("ESMTPS in the trace", b"with ESMTPS id" in open(drop(i, i.USER1), "rb").read())
    k = Line(i.SMTP_PORT)
    k.ask(b"EHLO c")
    k.say(b"STARTTLS\r\nRSET\r\n")
    t.equal("S03: bytes behind STARTTLS", (k.code(), k.code()), (501, 0))
    k = Line(i.SUBMISSIONS_PORT, banner=False)
    k.say(b"EHLO c\r\n")
    t.equal("plain text at the TLS port is not answered in SMTP", k.code(), 0)

    # AUTH
    plain = base64.b64encode(("\0%s\0%s" % (i.USER1, i.PASS1)).encode())
    wrong = base64.b64encode(("\0%s\0%s" % (i.USER1, "no" + i.PASS1)).encode())
    k = Line(i.SUBMISSION_PORT)
    t.equal("AUTH", k.ask(b"EHLO c", b"AUTH PLAIN " + wrong, b"AUTH PLAIN " + plain, b"AUTH PLAIN " + plain), [250, 535, 235, 503])
    t.equal("no relaying even then", k.ask(b"MAIL FROM:<" + user1 + b">", b"RCPT TO:<x@elsewhere.example>", b"RCPT TO:<" + user2 + b">", b"DATA",
                                           b"Subject: authenticated\r\n\r\nx\r\n."), [250, 550, 250, 354, 250])
    t.check("ESMTPA in the trace", b"with ESMTPA id" in open(drop(i, i.USER2), "rb").read())
    k = Line(i.SMTP_PORT)
    t.equal("three wrong logins end the connection", k.ask(b"EHLO c", *[b"AUTH PLAIN " + wrong] * 3) + [k.code()], [250, 535, 535, 535, 0])

    # LMTP: an answer for each; one locked mailbox does not stop the others
    k = Line(i.LMTP_PORT)
    with open(drop(i, i.USER2), "rb+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        t.equal("LMTP to a locked mailbox", k.ask(b"LHLO c", b"MAIL FROM:<>", b"RCPT TO:<" + user1 + b">", b"RCPT TO:<" + user2 + b">", b"DATA",
                                                  b"Subject: one of two\r\n\r\nx\r\n.") + [k.code()], [250, 250, 250, 250, 354, 250, 451])
        l = Line(i.SMTP_PORT)
        t.equal("SMTP says 451 as long as one has not got it", l.ask(*start, b"RCPT TO:<" + user2 + b">", b"DATA", b"Subject: both\r\n\r\nx\r\n."), [250, 250, 250, 250, 354, 451])
    t.equal("later it works", k.ask(b"MAIL FROM:<>", b"RCPT TO:<" + user2 + b">", b"DATA", b"Subject: later\r\n\r\nx\r\n."), [250, 250, 354, 250])
    t.check("<> in the From_ line and the trace", b"\nReturn-Path: <>" in open(drop(i, i.USER2), "rb").read().replace(b"\r", b""))

    # bytes: NUL, 8 bit, long lines, and a message of 30 MB, come back
    odd = b"Subject: odd\r\n\r\na\0b\xff\xfe\r\n" + b"y" * 500000 + b"\r\n"
    t.equal("NUL, 8 bit, a long line", smtplib.SMTP("localhost", i.SMTP_PORT).sendmail("s@x.example", [i.MAIL1], odd), {})
    raw = open(drop(i, i.USER1), "rb").read().replace(b"\r\n", b"\n")
    t.check("they are kept", odd.replace(b"\r\n", b"\n") in raw)
    big = b"Subject: big\r\n\r\n" + (b"z" * 76 + b"\r\n") * 400000
    t.equal("31 MB", smtplib.SMTP("localhost", i.SMTP_PORT).sendmail("s@x.example", [i.MAIL2], big), {})
    k = Line(i.SMTP_PORT)
    t.equal("over the limit", k.ask(b"EHLO c", b"MAIL FROM:<a@b> SIZE=40000001", *start[1:], b"DATA"), [250, 552, 250, 250, 354])
    k.say((b"z" * 76 + b"\r\n") * 600000 + b".\r\n")
    t.equal("552 after the end of data, and the dialogue goes on", (k.code(), k.ask(b"NOOP")), (552, [250]))
    t.equal("the spool is empty", os.listdir(os.path.join(i.dir, "work", "spool")), [])

    # a damaged or unsafe place is a temporary failure, and stays as it is
    path = drop(i, i.USER2)
    os.rename(path, path + ".aside")
    os.symlink("/etc/passwd", path)
    k = Line(i.SMTP_PORT)
    t.equal("F04: a link in place of the drop file", k.ask(start[0], start[1], b"RCPT TO:<" + user2 + b">", b"DATA", b"x\r\n.")[-1], 451)
    t.check("it is left alone", os.path.islink(path) and b"x@" not in open("/etc/passwd", "rb").read())
    os.unlink(path)
    os.rename(path + ".aside", path)

    t.equal("then mail still comes in", smtplib.SMTP("localhost", i.SMTP_PORT).sendmail("s@x.example", [i.MAIL1], message(9)), {})
    log = open(glob.glob(i.dir + "/**/dsmtpd.log", recursive=True)[0]).read()
    t.check("the log names deliveries", 'event=delivered from="s@x.example" to="%s"' % i.MAIL1 in log)
    t.check("no password in the log", i.PASS1 not in log and plain.decode() not in log)
    t.check("no session died", "session-died" not in log and "privsep-violation" not in log, log[-2000:])

# time: nobody holds a connection with a byte now and then
with harness.Instance("--set", "smtp_timeout 4") as i:
    k = Line(i.SMTP_PORT)
    k.ask(b"EHLO client.example", b"MAIL FROM:<s@x.example>", b"RCPT TO:<" + i.MAIL1.encode() + b">", b"DATA")
    began = time.monotonic()
    try:
        while time.monotonic() - began < 100:
            k.say(b"x")
            time.sleep(0.5)
    except OSError:
        pass
    t.check("S28: the whole of DATA has a deadline", 3 < time.monotonic() - began < 90, time.monotonic() - began)
    t.equal("S28: it says so", k.code(), 421)
    k = Line(i.SMTP_PORT)
    t.equal("an idle connection is told and ended", (k.code(), k.code()), (421, 0))

with harness.Instance("--set", "authent_process /bin/false", "--smtp", "0", "--lmtp", "0") as i:
    k = Line(i.SMTP_PORT)
    t.equal("a directory that is down is a temporary failure", k.ask(b"EHLO c", b"MAIL FROM:<a@b>", b"RCPT TO:<bob@" + i.MAIL_DOMAIN.encode() + b">"), [250, 250, 450])
t.end()
