"""Backup and restore of one user's mail by tar: drop file and the directory beside it."""
from spool_mistakes import drop_file


def state(site):
    c = site.imap("alice", "Sys-Secret1")
    found = {}
    for folder in ("INBOX", "Sent"):
        c.select(folder, readonly=True)
        found[folder] = (c.response("UIDVALIDITY")[1], c.uid("SEARCH", "ALL")[1])
    c.logout()
    return found


def run(t, site):
    c = site.imap("alice", "Sys-Secret1")
    c.append("Sent", r"(\Seen)", None, b"Subject: sent\r\n\r\nx\r\n")
    c.logout()
    before, subjects, drop = state(site), site.subjects("alice", "Sys-Secret1"), drop_file(site, "alice")
    site.sh("tar -C / -cpf /root/alice.tar ${0#/}* && rm -r $0 $0.mbx".replace("$0", drop).replace("${0#/}", drop[1:]))
    t.equal("without it the mailbox is empty", site.subjects("alice", "Sys-Secret1"), [])
    site.sh("rm -r %s*; tar -C / -xpf /root/alice.tar" % drop)
    t.equal("after the restore UIDs and UIDVALIDITY are what they were", state(site), before)
    t.equal("and the messages", site.subjects("alice", "Sys-Secret1"), subjects)
