#!/usr/bin/env python3
"""fetchmail: POP3 and IMAP into a local delivery program; nothing twice, nothing lost."""
import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message, run

harness.need("fetchmail")
t = harness.Suite()
with harness.Instance() as i:
    home = harness.scratch()

    def deliver(first, last):
        with smtplib.SMTP("localhost", i.SMTP_PORT) as s:
            for n in range(first, last + 1):
                s.sendmail("a@b.example", [i.MAIL1], message(n))

    def fetch(protocol, port, options=""):
        with open(home + "/rc", "w") as f:
            f.write("poll localhost service %d protocol %s %s\n  user %s password %s is root here\n"
                    "  %s sslproto '' mda 'cat >>%s/got'\n" % (port, protocol, "uidl" if "uidl" in options else "",
                                                          i.USER1, i.PASS1, options.replace("uidl", ""), home))
        os.chmod(home + "/rc", 0o600)
        status, out, err = run(["fetchmail", "-f", home + "/rc", "--pidfile", home + "/pid", "-i", home + "/ids", "-N", "-d0"],
                               env={"HOME": home, "FETCHMAILHOME": home})
        return status, out + err

    def got():
        with open(home + "/got", "rb") as f:
            return f.read()

    deliver(1, 20)
    status, text = fetch("pop3", i.POP3_PORT, "keep uidl")
    t.equal("POP3, keeping", status, 0) or print(text.decode())
    t.equal("20 arrived", got().count(b"Subject: message number"), 20)
    status, text = fetch("pop3", i.POP3_PORT, "keep uidl")
    t.equal("again: no mail", status, 1) or print(text.decode())
    deliver(21, 25)
    status, text = fetch("imap", i.IMAP_PORT, "fetchall no keep")
    t.equal("IMAP, taking all away", status, 0) or print(text.decode())
    t.equal("25 more arrived", got().count(b"Subject: message number"), 45)
    status, text = fetch("imap", i.IMAP_PORT, "fetchall no keep")
    t.equal("the mailbox is empty", status, 1) or print(text.decode())
    deliver(26, 27)
    status, text = fetch("pop3", i.POP3_PORT, "fetchall no keep")
    t.equal("POP3, taking all away", status, 0) or print(text.decode())
    t.equal("2 more arrived", got().count(b"Subject: message number"), 47)
t.end()
