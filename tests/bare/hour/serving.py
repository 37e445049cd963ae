"""xinetd, then openbsd-inetd: each serves all ports, and users of every kind get and read mail."""
import poplib

import mailhost
from setup import USERS


def through(t, site, server):
    """Mail in by SMTP, out by IMAP and POP3, for each kind of user."""
    for kind, (user, password, address) in USERS.items():
        subject = "%s for %s" % (server, kind)
        t.equal(subject + " comes in", site.deliver(address, subject), ("ok", ""))
        for port in (143, 993):
            t.check("%s is read on port %d" % (subject, port), subject in site.subjects(user, password, port=port))
        pop = poplib.POP3_SSL("127.0.0.1", 995, context=site.tls, timeout=30)
        pop.user(user)
        pop.pass_(password)
        t.check(subject + " is read by POP3", any(b"Subject: " + subject.encode() in b"\n".join(pop.top(n + 1, 0)[1])
                                                  for n in range(pop.stat()[0])))
        pop.quit()
        if kind != "vdomain":
            status, out = site.run("curl", "-sS", "--ssl-reqd", "-k", "-u", user + ":" + password, "imap://127.0.0.1/INBOX;MAILINDEX=*")
            t.check(subject + " is read by curl", status == 0 and subject in out, (status, out[-500:]))
    for port in (465, 587):
        url = "smtps://127.0.0.1" if port == 465 else "smtp://127.0.0.1:587"
        status, out = site.run("curl", "-sS", "--ssl-reqd", "-k", "-u", "alice:Sys-Secret1", "--mail-from", "alice@example.com",
                               "--mail-rcpt", "nora@example.com", "-T", "-", url, input=b"Subject: submitted %d\r\n\r\nx\r\n" % port)
        t.equal("%s: alice submits on port %d" % (server, port), (status, out), (0, ""))
        t.check("and nora reads it", "submitted %d" % port in site.subjects("nora", "Own-Secret2"))


def xinetd(t, site):
    """The file that was installed, copied where make install says."""
    site.sh("cp %s/xinetd.d/dmail /etc/xinetd.d" % mailhost.DOCS)
    site.serve("xinetd", "-dontfork", "-stayalive")
    through(t, site, "xinetd")


def inetd(t, site):
    """The lines of inetd.conf.example, as they were installed."""
    site.end_serving()
    site.sh("DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-download install openbsd-inetd")
    site.sh("kill $(pidof inetd) 2>/dev/null || true; cat %s/inetd.conf.example >>/etc/inetd.conf" % mailhost.DOCS)
    site.serve("inetd", "-i")
    through(t, site, "openbsd-inetd")


def run(t, site):
    xinetd(t, site)
    inetd(t, site)
