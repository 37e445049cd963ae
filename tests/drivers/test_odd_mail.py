#!/usr/bin/env python3
"""Mail and recipients that other servers were wrong about, from SMTP and LMTP to IMAP, POP and the log: NUL octets,
address literals of our own, IPv6 in Received, damage that a delivery finds.
"""
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()


class Line:
    """A connection, spoken line by line."""

    def __init__(self, port, hello=None):
        self.s = socket.create_connection(("127.0.0.1", port), 120)
        self.f = self.s.makefile("rb")
        self.f.readline()
        if hello:
            self.ask(hello)

    def ask(self, text):
        """The last line of an SMTP reply, the first of a POP one."""
        self.s.sendall(text + b"\r\n")
        while True:
            line = self.f.readline()
            if line[3:4] != b"-":
                return line.rstrip(b"\r\n")

    def imap(self, text):
        """All that is answered, up to the tagged line."""
        self.s.sendall(b"q " + text + b"\r\n")
        out = b""
        while not out.startswith(b"q ") and b"\nq " not in out:
            line = self.f.readline()
            if not line:
                break
            out += line
        return out

    def mail(self, recipient, text):
        self.ask(b"MAIL FROM:<s@x.example>")
        answer = self.ask(b"RCPT TO:<" + recipient + b">")
        if not answer.startswith(b"250"):
            return answer
        self.ask(b"DATA")
        return self.ask(text + b"\r\n.")

    def end(self):
        self.f.close()
        self.s.close()


def nul(i, user):
    c = Line(i.SMTP_PORT, b"EHLO c.example")
    t.check("mail with a NUL is taken", c.mail(user, b"Subject: n\0ul\r\nX-End: e\0\r\n\r\na\0b\r\n\0\0\r\n").startswith(b"250"))
    c.end()
    c = Line(i.IMAP_PORT)
    c.imap(b'LOGIN "%s" "%s"' % (i.USER1.encode(), i.PASS1.encode()))
    c.imap(b"SELECT INBOX")
    got = c.imap(b"FETCH * (RFC822.SIZE BODY.PEEK[] BODY.PEEK[TEXT] ENVELOPE)")
    t.check("FETCH: 0x80 stands for each NUL", b"a\x80b\r\n\x80\x80\r\n" in got and b"Subject: n\x80ul\r\n" in got, got)
    t.check("FETCH: no NUL anywhere", b"\0" not in got, got)
    size = int(re.search(rb"RFC822.SIZE (\d+)", got).group(1))
    t.check("FETCH: the sizes are those of the octets", b"BODY[] {%d}" % size in got and b"BODY[TEXT] {" in got, got)
    part = c.imap(b"FETCH * BODY.PEEK[]<%d.3>" % (size - 11))
    t.check("FETCH of a piece likewise", b"{3}\r\na\x80b" in part, part)
    part = c.imap(b"FETCH * BODY.PEEK[TEXT]<0.2>")
    t.check("FETCH of a piece that ends in a NUL", b"{2}\r\na\x80)" in part, part)
    for fields, wanted in ((b"HEADER.FIELDS (X-End)", b"{13}\r\nX-End: e\x80\r\n\r\n)"),
                           (b"HEADER.FIELDS (SUBJECT)", b"{17}\r\nSubject: n\x80ul\r\n\r\n)"),
                           (b"HEADER", b"\r\nX-End: e\x80\r\n\r\n)")):
        part = c.imap(b"FETCH * BODY.PEEK[%s]" % fields)
        t.check("FETCH of " + fields.decode(), wanted in part and b"\0" not in part, part)
    c.end()
    c = Line(i.POP3_PORT)
    c.ask(b"USER " + user.split(b"@")[0])
    c.ask(b"PASS " + i.PASS1.encode())
    count = int(c.ask(b"STAT").split()[1])
    t.check("RETR begins", c.ask(b"RETR %d" % count).startswith(b"+OK"))
    text = b""
    while not text.endswith(b"\r\n.\r\n"):
        line = c.f.readline()
        if not line:
            break
        text += line
    t.check("POP gives the message as it was sent (RFC 1939 has no rule)", b"a\0b\r\n\0\0\r\n" in text, text)
    c.end()


def id_of_full_size(i):
    """RFC 2971 section 3.3: 30 pairs, names of 30 octets, values of 1,024; before the login as after it."""
    names = [b"field-of-thirty-octets--------"[:28] + b"%02d" % n for n in range(30)]
    quoted = b" ".join(b'"%s" "%s"' % (n, b"v" * 1024) for n in names)
    literals = b" ".join(b'"%s" {1024+}\r\n%s' % (n, b"v" * 1024) for n in names)
    c = Line(i.IMAP_PORT)
    for when in ("before login", "after login"):
        for how, pairs in (("quoted", quoted), ("literals", literals)):
            answer = c.imap(b"ID (" + pairs + b")")
            t.check("ID of full size, %s, %s" % (how, when), b"* ID (" in answer and b" OK " in answer, answer)
        c.imap(b'LOGIN "%s" "%s"' % (i.USER1.encode(), i.PASS1.encode()))
    c.end()
    c = Line(i.IMAP_PORT)
    answer = c.imap(b"NOOP " + b"x" * 41000)
    t.check("a command over the limit before login ends the connection", b"BYE Command too long" in answer, answer)
    c.s.close()


def own_address(i, user):
    local = user.split(b"@")[0]
    c = Line(i.SMTP_PORT, b"EHLO c.example")
    for recipient, code in ((local + b"@[127.0.0.1]", b"250"), (local + b"@[127.0.0.2]", b"550"),
                            (b"nobody-here@[127.0.0.1]", b"550"), (local + b"@[IPv6:::1]", b"550"),
                            (user + b".", b"250")):
        answer = c.mail(recipient, b"Subject: literal\r\n\r\nx")
        c.ask(b"RSET")
        t.check("RCPT TO:<%s>" % recipient.decode(), answer.startswith(code), answer)
    c.end()


def log_of(i):
    text = ""
    folder = os.path.join(i.dir, "log")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), errors="replace") as f:
            text += f.read()
    return text


def drop_file(i):
    for folder, _, files in os.walk(i.dir):
        if i.USER1 in files and os.path.isdir(os.path.join(folder, i.USER1 + ".mbx")):
            return os.path.join(folder, i.USER1)
    raise SystemExit("no drop file of " + i.USER1)


def damage(i, user):
    """A delivery says what it finds, as a session does."""
    drop = drop_file(i)
    c = Line(i.LMTP_PORT, b"LHLO c.example")
    t.check("LMTP delivers", c.mail(user, b"Subject: before\r\n\r\nx").startswith(b"250"))
    index = [os.path.join(f, n) for f, _, names in os.walk(drop + ".mbx") for n in names if "idx" in n or "index" in n]
    t.check("there is an index", index, os.listdir(drop + ".mbx"))
    for path in index:
        with open(path, "r+b") as f:
            size = os.path.getsize(path)
            f.seek(0)
            f.write(b"\x5a" * min(size, 256))
    before = log_of(i).count("index-rebuilt")
    t.check("LMTP delivers beside a damaged index", c.mail(user, b"Subject: after\r\n\r\nx").startswith(b"250"))
    log = log_of(i)
    told = [l for l in log.splitlines() if "index-rebuilt" in l]
    t.check("the log has index-rebuilt, from the delivery, with its user", len(told) > before and
            "dsmtpd" in told[-1] and "user=" in told[-1], told[-3:] or log[-1500:])
    c.end()
    c = Line(i.IMAP_PORT)
    c.imap(b'LOGIN "%s" "%s"' % (i.USER1.encode(), i.PASS1.encode()))
    got = c.imap(b"SELECT INBOX")
    found = c.imap(b"SEARCH SUBJECT after")
    t.check("and nothing is lost", re.search(rb"SEARCH \d", found), got + found)
    c.end()


with harness.Instance("--imap", "0", "--pop3", "0", "--smtp", "0", "--lmtp", "0") as instance:
    address = instance.USER1.encode()
    if b"@" not in address:
        address += b"@" + getattr(instance, "DOMAIN", "localhost").encode()
    nul(instance, address)
    own_address(instance, address)
    id_of_full_size(instance)
    damage(instance, address)
sys.exit(t.end())
