#!/usr/bin/env python3
"""mbsync: both ways between a Maildir and imapd, twice, with flags, new folders and expunges."""
import imaplib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message, run

harness.need("mbsync")
t = harness.Suite()
with harness.Instance("--imap", "0", "--imaps", "0") as i:
    home = harness.scratch()
    os.mkdir(home + "/mail")
    with open(home + "/rc", "w") as f:
        f.write("""IMAPAccount a
Host localhost
Port %d
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account a

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""" % (i.IMAPS_PORT, i.USER1, i.PASS1, i.CAFILE, home, home))

    def sync(what):
        status, out, err = run(["mbsync", "-c", home + "/rc", "-a"], env={"HOME": home})
        t.equal(what, status, 0) or print(out.decode(), err.decode())

    def local(folder="INBOX"):
        path = home + "/mail/" + folder
        return sorted(open(path + "/" + d + "/" + n, "rb").read() for d in ("cur", "new") for n in os.listdir(path + "/" + d))

    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    for n in range(1, 31):
        c.append("INBOX", "(\\Seen)" if n % 2 else "", None, message(n))
    c.create("Lists")
    c.append("Lists", "", None, message(99))
    sync("first sync")
    t.equal("30 messages came", len(local()), 30)
    t.equal("the folder came", len(local("Lists")), 1)
    text = local()[0].replace(b"\r\n", b"\n")
    t.check("their text is whole", any(text.endswith(message(n, crlf="\n").split(b"\n\n", 1)[1]) for n in range(1, 31)))

    path = home + "/mail/INBOX/cur/"
    victim, flagged = sorted(os.listdir(path))[:2]
    os.rename(path + victim, path + victim.split(":2,")[0] + ":2,ST")
    os.rename(path + flagged, path + flagged.split(":2,")[0] + ":2,FS")
    os.makedirs(home + "/mail/Fresh/new"), os.makedirs(home + "/mail/Fresh/cur"), os.makedirs(home + "/mail/Fresh/tmp")
    with open(home + "/mail/Fresh/new/1.test", "wb") as f:
        f.write(message(200, crlf="\n"))
    c.select("INBOX")
    c.store("30", "+FLAGS", "\\Deleted")
    c.expunge()
    sync("second sync")
    t.equal("both deletions are here", len(local()), 28)
    c.noop()
    t.equal("both deletions are there", c.select("INBOX")[1], [b"28"])
    t.equal("the flag went up", len(c.search(None, "FLAGGED")[1][0].split()), 1)
    t.equal("the new folder went up", c.select("Fresh")[1], [b"1"])
    got = c.fetch("1", "(BODY.PEEK[TEXT])")[1][0][1]
    t.equal("its text is whole", got, message(200).split(b"\r\n\r\n", 1)[1])
    sync("a third sync changes nothing")
    t.equal("still 28", len(local()), 28)
    c.logout()
t.end()
