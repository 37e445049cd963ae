"""Mail that is already there: an mbox file in /var/mail and folders in ~/mail are served in place."""
from conf_mistakes import replaced

MBOX = """\
From friend@there.example Mon Nov 23 10:00:00 2026
Return-Path: <friend@there.example>
From: friend@there.example
Subject: %s
Status: %s

Old as the hills.

"""


def run(t, site):
    site.sh("mkdir -p /var/mail; chown root:mail /var/mail; chmod 2775 /var/mail; install -d -o joe -g joe /home/joe/mail")
    site.host.write("/var/mail/joe", MBOX % ("old and read", "RO") + MBOX % ("old and new", "O"), 0o660)
    site.host.write("/home/joe/mail/Saved", MBOX % ("kept", "RO"), 0o600)
    site.sh("chown joe:mail /var/mail/joe; chown joe /home/joe/mail/Saved")

    def change(text):
        text = "".join(l for l in text.splitlines(True) if not l.startswith("vdomain"))
        text = replaced("hash_spool", "hash_spool 0")(replaced("drop_path", "drop_path /var/mail")(text))
        return replaced("authent_method", "authent_method unix_user")(text)
    with site.changed_conf(change):
        t.equal("dmconf host takes /var/mail as Debian makes it", site.host_is_content(), (0, []))
        t.equal("the messages of /var/mail/joe", site.subjects("joe", "Sys-Secret4"), ["old and read", "old and new"])
        c = site.imap("joe", "Sys-Secret4")
        c.select("INBOX")
        t.equal("what was read stays read", c.search(None, "SEEN")[1], [b"1"])
        t.equal("folders are made beside it", c.create("Archive")[0], "OK")
        c.logout()
        t.equal("new mail goes to the same file", site.deliver("joe@example.com", "added"), ("ok", ""))
        t.check("and other programs find it there", "Subject: added" in site.host.read("/var/mail/joe"))
    with site.changed_conf(lambda text: change(text) + "imapd_mailbox_name mail\n"):
        t.equal("folders in ~/mail are served where they are", site.subjects("joe", "Sys-Secret4", folder="Saved"), ["kept"])
    site.sh("rm -r /var/mail/joe* /home/joe/mail")
    t.equal("afterwards joe has his other drop file", site.imap_verdict("joe", "Sys-Secret4")[0], "ok")
