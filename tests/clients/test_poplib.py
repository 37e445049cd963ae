#!/usr/bin/env python3
"""Python's smtplib delivers, poplib reads, and what POP read stays in IMAP."""
import imaplib
import os
import poplib
import smtplib
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

t = harness.Suite()
with harness.Instance() as i:
    context = ssl.create_default_context(cafile=i.CAFILE)
    s = smtplib.SMTP("localhost", i.SMTP_PORT)
    s.starttls(context=context)
    for n in range(1, 6):
        t.equal("SMTP delivers", s.sendmail("a@b.example", [i.MAIL1, i.MAIL2], message(n)), {})
    try:
        s.sendmail("a@b.example", ["nosuchuser@" + i.MAIL_DOMAIN], message(1))
        t.check("unknown user", False)
    except smtplib.SMTPRecipientsRefused as e:
        t.equal("unknown user gets 550", list(e.recipients.values())[0][0], 550)
    try:
        s.sendmail("a@b.example", ["x@elsewhere.example"], message(1))
        t.check("no relaying", False)
    except smtplib.SMTPRecipientsRefused as e:
        t.equal("no relaying: 550", list(e.recipients.values())[0][0], 550)
    s.quit()
    with smtplib.SMTP_SSL("localhost", i.SUBMISSIONS_PORT, context=context) as s:
        s.login(i.USER1, i.PASS1)
        t.equal("submission with TLS and AUTH", s.sendmail(i.MAIL1, [i.MAIL2], message(6)), {})
    with smtplib.LMTP("localhost", i.LMTP_PORT) as l:
        refused = l.sendmail("a@b.example", [i.MAIL1, "nosuchuser@" + i.MAIL_DOMAIN], message(7))
        t.equal("LMTP answers per recipient", list(refused), ["nosuchuser@" + i.MAIL_DOMAIN])

    def login(tls):
        if tls:
            p = poplib.POP3_SSL("localhost", i.POP3S_PORT, context=context)
        else:
            p = poplib.POP3("localhost", i.POP3_PORT)
            p.stls(context)
        t.check("USER", b"nice to hear from you" in p.user(i.USER1))
        t.check("PASS", b"+OK burst ok" in p.pass_(i.PASS1))
        return p

    p = login(False)
    t.equal("STAT counts", p.stat()[0], 6)
    ids = [l.split()[1] for l in p.uidl()[1]]
    t.equal("UIDL: all different", len(set(ids)), 6)
    body = b"\r\n".join(p.retr(1)[1]) + b"\r\n"
    t.check("RETR gives the delivered bytes after the trace headers", body.endswith(message(1)), body)
    t.check("trace headers", body.startswith(b"Return-Path: <a@b.example>\r\nReceived: from "), body[:200])
    top = p.top(2, 1)[1]
    t.equal("TOP 2 1 ends with the first body line", top[-1], b"Body of 2.")
    t.equal("DELE", p.dele(3)[:3], b"+OK")
    t.check("QUIT", p.quit().startswith(b"+OK"))

    p = login(True)
    t.equal("one is gone", p.stat()[0], 5)
    t.equal("UIDL is stable", [l.split()[1] for l in p.uidl()[1]], ids[:2] + ids[3:])
    p.dele(1)
    p.rset()
    p.dele(2)
    p.close()  # no QUIT: nothing is removed
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    t.equal("IMAP sees what POP read", c.select("INBOX")[1], [b"5"])
    t.equal("RETR left \\Seen", c.search(None, "SEEN")[1], [b"1"])
    c.logout()
t.end()
