#!/usr/bin/env python3
"""Python's imaplib against imapd under xinetd: TLS, folders, flags, search, copy, expunge, two sessions."""
import imaplib
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

t = harness.Suite()
with harness.Instance("--imap", "0", "--imaps", "0", "--smtp", "0") as i:
    context = ssl.create_default_context(cafile=i.CAFILE)
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    t.check("the greeting has the original's shape", b"IMAP4rev1 v" in c.welcome and c.welcome.endswith(b"server ready"), c.welcome)
    t.equal("STARTTLS", c.starttls(context)[0], "OK")
    t.equal("LOGIN", c.login(i.USER1, i.PASS1)[0], "OK")
    names = [l.decode().rsplit(" ", 1)[1].strip('"') for l in c.list()[1]]
    t.check("the first login makes Sent, Drafts and Trash", {"INBOX", "Sent", "Drafts", "Trash"} <= set(names), names)
    for n in range(1, 11):
        t.equal("APPEND %d" % n, c.append("INBOX", "", None, message(n))[0], "OK")
    t.equal("SELECT says 10", c.select("INBOX"), ("OK", [b"10"]))
    for n in (1, 10):
        got = c.fetch(str(n), "(BODY.PEEK[])")[1][0][1]
        t.equal("message %d is the same bytes" % n, got, message(n))
    t.equal("SEARCH SUBJECT", c.search(None, "SUBJECT", '"number 7"')[1], [b"7"])
    t.equal("SEARCH BODY", c.search(None, "BODY", '"of 3."')[1], [b"3"])
    t.equal("SEARCH in UTF-8", c.search("UTF-8", "BODY", '"padding"')[1], [b""])
    t.equal("STORE", c.store("2,4", "+FLAGS", "(\\Seen \\Flagged $Label1)")[0], "OK")
    t.equal("SEARCH KEYWORD", c.search(None, "KEYWORD", "$Label1")[1], [b"2 4"])
    t.equal("CREATE", c.create("Work/2026")[0], "OK")
    t.equal("COPY", c.copy("1:5", "Work/2026")[0], "OK")
    t.equal("COPY into the parent is refused, it holds nothing yet, until it is created", c.copy("1", "Work")[0], "NO")
    t.equal("CREATE the parent", c.create("Work")[0], "OK")
    t.equal("a folder may hold both", c.copy("1", "Work")[0], "OK")
    t.equal("STATUS", c.status("Work/2026", "(MESSAGES UNSEEN UIDNEXT)")[1][0].decode().split("(")[1], "MESSAGES 5 UNSEEN 3 UIDNEXT 6)")

    other = imaplib.IMAP4_SSL(i.IMAP_HOST, i.IMAPS_PORT, ssl_context=context)
    t.equal("a second session on the TLS port", other.login(i.USER1, i.PASS1)[0], "OK")
    other.select("INBOX")
    c.store("1,3", "+FLAGS", "\\Deleted")
    t.equal("EXPUNGE takes the two, each by its number then", c.expunge()[1], [b"3", b"1"])
    t.equal("the second session hears of it", other.noop()[0], "OK")
    t.equal("... as two EXPUNGEs", len(other.response("EXPUNGE")[1]), 2)
    t.equal("... and reads on", other.uid("fetch", "2", "(FLAGS)")[1][0].count(b"\\Flagged"), 1)
    t.equal("RENAME", c.rename("Work", "Office")[0], "OK")
    t.equal("the child came along", c.select("Office/2026")[1], [b"5"])
    t.equal("DELETE of a folder in use", other.delete("Office/2026")[0], "OK")
    try:
        c.login("nobody", "x")
        t.check("LOGIN twice is refused", False)
    except imaplib.IMAP4.error:
        t.check("LOGIN twice is refused", True)
    other.logout()
    try:
        c.logout()
    except imaplib.IMAP4.abort:
        pass  # the deleted folder may have ended the session
    bad = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    for name, password in ((i.USER1, "wrong"), ("nosuchuser", "x")):
        try:
            bad.login(name, password)
            t.check("wrong login refused", False)
        except imaplib.IMAP4.error as e:
            t.check("wrong login refused with the same words", b"LOGIN failed" in e.args[0] or "LOGIN failed" in str(e), e)
    bad.shutdown()
t.end()
