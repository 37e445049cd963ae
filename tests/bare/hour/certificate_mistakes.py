"""Certificates that cannot serve, or not for long: dmconf host looks at them as the servers and clients will."""
from verdict import Mistake, judge

PAIR = "/etc/ssl/mail.pem /etc/ssl/private/mail.key"
NEW = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=mail.example.com"

ROWS = [
    ("rm /etc/ssl/mail.pem", Mistake("certificate missing", host=["/etc/ssl/mail.pem"], imap="", smtp="")),
    (NEW + " -days 365 -keyout /etc/ssl/private/mail.key -out /dev/null",
     Mistake("certificate of another key", host=["/etc/ssl/private/mail.key"], imap="", smtp="")),
    ("echo garbage >/etc/ssl/mail.pem", Mistake("certificate garbage", host=["/etc/ssl/mail.pem"], imap="", smtp="")),
    ("openssl req -new -key /etc/ssl/private/mail.key -subj /CN=mail.example.com -out /tmp/req.pem; "
     "openssl x509 -req -in /tmp/req.pem -signkey /etc/ssl/private/mail.key -days -1 -out /etc/ssl/mail.pem",
     Mistake("certificate expired", host=["/etc/ssl/mail.pem", "expired"], imap="", smtp="")),
]


def run(t, site):
    for script, m in ROWS:
        site.sh("cp -p %s /root; { %s; } 2>/dev/null" % (PAIR, script))
        judge(t, site, m)
        usable = "expired" in m.name
        before = site.log_position()
        verdict, words = site.imap_verdict("alice", "Sys-Secret1", port=993)
        t.check("%s: TLS from the start (%s)" % (m.name, words), (verdict == "ok") == usable)
        if not usable:
            t.check(m.name + ": the log names the file, level=error", site.log_line(before, "level=error", m.host[0]),
                    site.log_since(before)[-1500:])
            verdict, words = site.imap_verdict("alice", "Sys-Secret1", starttls=False)
            t.equal("%s: port 143 without TLS still serves this host (%s)" % (m.name, words), verdict, "ok")
            t.equal(m.name + ": mail comes in", site.deliver("alice@example.com", m.name), ("ok", ""))
        site.sh("cp -p /root/mail.pem /etc/ssl/mail.pem; cp -p /root/mail.key /etc/ssl/private/mail.key")
    t.equal("the old pair again", site.imap_verdict("alice", "Sys-Secret1", port=993)[0], "ok")
