#!/usr/bin/env python3
"""curl: SMTP, IMAP, POP3, each plain, with STARTTLS and on the TLS port."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message, run

harness.need("curl")
t = harness.Suite()
with harness.Instance() as i:
    def curl(*args, input=b""):
        status, out, err = run(["curl", "-sS", "--max-time", "20", *args], input)
        return out if status == 0 else b"curl failed: " + err

    ways = ((("smtp", i.SMTP_PORT), ("imap", i.IMAP_PORT), ("pop3", i.POP3_PORT), []),
            (("smtp", i.SUBMISSION_PORT), ("imap", i.IMAP_PORT), ("pop3", i.POP3_PORT), ["--ssl-reqd", "--cacert", i.CAFILE]),
            (("smtps", i.SUBMISSIONS_PORT), ("imaps", i.IMAPS_PORT), ("pop3s", i.POP3S_PORT), ["--cacert", i.CAFILE]))
    account = ["-u", i.USER1 + ":" + i.PASS1]
    for n, (smtp, imap, pop, tls) in enumerate(ways, 1):
        out = curl(*tls, "--mail-from", "a@b.example", "--mail-rcpt", i.MAIL1, "-T", "-", "%s://localhost:%d" % smtp, input=message(n))
        t.equal("SMTP delivery %d" % n, out, b"")
        out = curl(*tls, *account, "%s://localhost:%d/INBOX;MAILINDEX=%d" % (*imap, n))
        t.check("IMAP fetch %d" % n, out.endswith(message(n)), out)
        out = curl(*tls, *account, "%s://localhost:%d/%d" % (*pop, n))
        t.check("POP3 RETR %d" % n, out.endswith(message(n)), out)
    out = curl(*account, "imap://localhost:%d" % i.IMAP_PORT, "-X", "STATUS INBOX (MESSAGES)")
    t.check("STATUS", b"MESSAGES 3" in out, out)
    t.check("a wrong password", b"curl failed" in curl("-u", i.USER1 + ":wrong", "imap://localhost:%d" % i.IMAP_PORT))
    for method in ("PLAIN", "LOGIN"):
        out = curl(*account, "--login-options", "AUTH=" + method, "imap://localhost:%d" % i.IMAP_PORT)
        t.check("AUTHENTICATE " + method, b"INBOX" in out, out)
t.end()
