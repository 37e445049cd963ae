#!/usr/bin/env python3
"""Every message of a directory of real mail, by SMTP and by LMTP, back byte for byte by IMAP and by POP.

DMAIL_MAIL_DIR names the directory; a file with several messages in mbox form counts for each.  Line ends are made
CRLF first (SMTP has no others); a message with a bare CR is sent too and must be refused, not mended.
"""
import imaplib
import mailbox
import os
import poplib
import re
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

if not os.path.isdir(harness.MAIL_DIR):
    print("skipped: no directory of real mail (set DMAIL_MAIL_DIR)")
    sys.exit(77)


def messages():
    for folder, dirs, files in sorted(os.walk(harness.MAIL_DIR)):
        dirs.sort()
        for n in sorted(files):
            path = os.path.join(folder, n)
            if folder == harness.MAIL_DIR:
                continue  # the collection's own notes
            if n.endswith(".mbox"):
                box = mailbox.mbox(path, create=False)
                for key in box.keys():
                    yield "%s#%s" % (path, key), box.get_bytes(key)
            else:
                with open(path, "rb") as f:
                    yield path, f.read()


t = harness.Suite()
with harness.Instance() as i:
    def send(connection, body):
        connection.ehlo_or_helo_if_needed()
        connection.mail("a@b.example")
        code, text = connection.rcpt(i.MAIL1)
        if code != 250:
            return code, text
        code, text = connection.docmd("DATA")
        stuffed = re.sub(rb"(?m)^\.", b"..", body)
        connection.send(stuffed + b".\r\n")
        return connection.getreply()

    sent, refused = [], 0
    smtp = smtplib.SMTP("localhost", i.SMTP_PORT)
    lmtp = smtplib.LMTP("localhost", i.LMTP_PORT)
    for path, raw in messages():
        body = re.sub(rb"\r?\n", b"\r\n", raw)
        if not body.endswith(b"\r\n"):
            body += b"\r\n"
        bare = re.search(rb"\r(?!\n)", body)
        for kind in ("smtp", "lmtp"):
            connection = smtp if kind == "smtp" else lmtp
            try:
                code, text = send(connection, body)
            except smtplib.SMTPServerDisconnected:
                code, text = 0, b"disconnected"
            if bare:
                refused += 1
                t.check("bare CR is refused: %s by %s" % (os.path.basename(path), kind), code // 100 != 2, (code, text))
                if kind == "smtp":
                    smtp = smtplib.SMTP("localhost", i.SMTP_PORT)
                else:
                    lmtp = smtplib.LMTP("localhost", i.LMTP_PORT)
            elif t.equal("%s by %s" % (os.path.basename(path), kind), code, 250) or print(text):
                sent.append((path, kind, body))
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    t.equal("all are in the INBOX", c.select("INBOX")[1], [b"%d" % len(sent)])
    p = poplib.POP3("localhost", i.POP3_PORT)
    p.user(i.USER1)
    p.pass_(i.PASS1)
    poplib._MAXLINE = 1 << 24
    imaplib._MAXLINE = 1 << 26
    trace = re.compile(rb"\AReturn-Path: <a@b\.example>\r\nReceived: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*X-Rcpt-To: <[^\r]*>\r\n")
    for n, (path, kind, body) in enumerate(sent, 1):
        got = c.fetch(str(n), "(RFC822.SIZE BODY.PEEK[])")[1][0]
        size = int(re.search(rb"RFC822.SIZE (\d+)", got[0]).group(1))
        head = trace.match(got[1])
        name = "%s by %s" % (os.path.basename(path), kind)
        if not t.check("trace headers: " + name, head, got[1][:300]):
            continue
        # A literal of IMAP holds no NUL (RFC 3501 9, CHAR8).
        t.check("IMAP gives the same bytes: " + name, got[1][head.end():] == body.replace(b"\0", b"\x80"), (len(got[1]) - head.end(), len(body)))
        t.equal("RFC822.SIZE: " + name, size, len(got[1]))
        if kind == "smtp" or n % 5 == 0:
            lines = p.retr(n)[1]
            t.check("POP gives the same bytes: " + name, b"\r\n".join(lines) + b"\r\n" == got[1][:head.end()] + body)
    structures = c.fetch("1:*", "(ENVELOPE BODYSTRUCTURE)")[1]
    t.check("every message has an ENVELOPE and a BODYSTRUCTURE", sum(1 for s in structures if re.match(rb"\d+ \(ENVELOPE", s if isinstance(s, bytes) else s[0])) == len(sent))
    print("%d deliveries came back the same, %d refused for a bare CR" % (len(sent), refused))
    c.logout()
    p.quit()
t.end()
