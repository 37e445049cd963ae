#!/usr/bin/env python3
"""mutt in a pseudo terminal: opens the INBOX, reads, flags, saves to a folder, deletes, sends by SMTP."""
import imaplib
import os
import pty
import select
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

harness.need("mutt")
t = harness.Suite()
with harness.Instance() as i:
    c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    for n in range(1, 6):
        c.append("INBOX", "", None, message(n))
    home = harness.scratch()
    with open(home + "/rc", "w") as f:
        f.write("""set folder="imaps://localhost:%d/" spoolfile="+INBOX"
set imap_user="%s" imap_pass="%s" ssl_ca_certificates_file="%s" certificate_file=%s/certs ssl_usesystemcerts=no
unset header_cache
unset message_cachedir
set sort=mailbox-order confirmcreate=no confirmappend=no delete=yes quit=yes
set mail_check=1 timeout=1 sleep_time=0 beep=no wait_key=no pager_stop=yes record="+Sent" from=%s
set smtp_url="smtp://localhost:%d/" ssl_starttls=yes realname="M" use_domain=no editor="true" abort_unmodified=no
push "<first-entry><flag-message><first-entry><next-entry><save-message>=Saved<enter><last-entry><delete-message><sync-mailbox><shell-escape>touch %s/done<enter><enter>"
""" % (i.IMAPS_PORT, i.USER1, i.PASS1, i.CAFILE, home, i.MAIL1, i.SMTP_PORT, home))

    def mutt(*arguments, until, limit=120):
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(HOME=home, TERM="vt100", LINES="40", COLUMNS="120")
            os.execvp("mutt", ["mutt", "-n", "-F", home + "/rc", *arguments])
        screen, pressed = b"", False
        end = time.monotonic() + limit
        while time.monotonic() < end and not until():
            if select.select([fd], [], [], 0.2)[0]:
                try:
                    screen += os.read(fd, 65536)
                except OSError:
                    break
            if b"Press any key" in screen and not pressed:  # of a mutt that does not know each of the settings
                pressed = True
                os.write(fd, b" ")
        try:
            os.write(fd, b"qq")
            time.sleep(0.3)
            os.kill(pid, 15)
        except OSError:
            pass
        os.close(fd)
        os.waitpid(pid, 0)
        return screen[-1500:]

    screen = mutt(until=lambda: os.path.exists(home + "/done"))
    t.check("mutt did its work", os.path.exists(home + "/done"), screen)
    t.equal("two left the INBOX", c.select("INBOX")[1], [b"3"])
    t.equal("one is flagged", c.search(None, "FLAGGED")[1], [b"1"])
    t.equal("one was saved", c.select("Saved")[1], [b"1"])
    t.equal("... whole", c.fetch("1", "(BODY.PEEK[])")[1][0][1], message(2))
    with open(home + "/text", "w") as f:
        f.write("sent by mutt\n")
    status, out, err = harness.run(["mutt", "-n", "-F", home + "/rc", "-e", "set ssl_starttls=no", "-s", "from mutt", i.MAIL2],
                                   input=b"sent by mutt\n", env={"HOME": home, "TERM": "vt100"})
    t.equal("mutt sends by SMTP", status, 0) or print(out, err)
    d = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
    d.login(i.USER2, i.PASS2)
    t.equal("it arrived", d.select("INBOX")[1], [b"1"])
    t.equal("the copy went to Sent", c.select("Sent")[1], [b"1"])
    d.logout()
    c.logout()
t.end()
