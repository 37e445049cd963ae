"""Owners and modes in the spool that would lend mail to others, a port that is taken, a full disk."""
import contextlib
import glob

import mailhost
from verdict import Mistake, judge

SPOOL = mailhost.SPOOL


def drop_file(site, user):
    """Where the user's drop file lies, as a path inside."""
    found = glob.glob(site.host.path(SPOOL) + "/?/" + user)  # hash_spool 1
    return found[0][len(site.host.root):]


@contextlib.contextmanager
def made(site, script, undo):
    site.sh(script)
    try:
        yield
    finally:
        site.sh(undo)


def directory(t, site):
    rows = [("chown joe", "chown root", Mistake("spool owned by a user", host=[SPOOL, "joe|uid 1001"], log=[SPOOL])),
            ("chmod 777", "chmod 755", Mistake("spool of mode 777", host=[SPOOL], log=[SPOOL])),
            ("chmod 700", "chmod 755", Mistake("spool of mode 700", host=[SPOOL], log=[SPOOL]))]
    for do, undo, m in rows:
        with made(site, "%s %s" % (do, SPOOL), "%s %s" % (undo, SPOOL)):
            judge(t, site, m)


def drop_files(t, site):
    drop = drop_file(site, "alice")
    with made(site, "chown joe " + drop, "chown alice " + drop):
        judge(t, site, Mistake("foreign drop file", log=[drop, "alice"]))
    with made(site, "mv %s /root/drop; ln -s /root/drop %s" % (drop, drop), "rm %s; mv /root/drop %s" % (drop, drop)):
        judge(t, site, Mistake("drop file a link", log=[drop, "link"]))


def unknown_user(t, site):
    before = site.log_position()
    verdict, words = site.deliver("noone@example.com", "to nobody")
    t.check("unknown user: 550 5.1.1 (%s)" % words, verdict == "refused" and words.startswith("550 5.1.1"))
    line = site.log_line(before, "noone")
    t.check("unknown user: the log does not speak of a password", line and "password" not in line, line)


def full_disk(t, site):
    """A spool of 2 MB that fills up: temporary answers, and the user can make room."""
    site.host.mount_tmpfs(SPOOL, "size=2m,mode=755")
    try:
        fill(t, site)
    finally:
        site.host.unmount(SPOOL)


def fill(t, site):
    t.equal("the first message fits", site.deliver("alice@example.com", "fits", size=20000)[0], "ok")
    before, verdict, n = site.log_position(), "ok", 0
    while verdict == "ok" and n < 200:
        verdict, words = site.deliver("alice@example.com", "filling %d" % n, size=100000)
        n += 1
    t.equal("full disk: a delivery's answer (%s)" % words, verdict, "temporary")
    t.check("full disk: the log names the path, level=error", site.log_line(before, "level=error", SPOOL, "No space left"),
            site.log_since(before)[-1500:])
    site.run("sh", "-c", "cat /dev/zero >%s/filler" % SPOOL)
    c = site.imap("alice", "Sys-Secret1")
    status, data = c.append("INBOX", None, None, b"Subject: no room\r\n\r\n" + b"x" * 50000)
    t.check("full disk: APPEND is refused for now", status == "NO" and b"UNAVAILABLE" in data[0], (status, data))
    c.select("INBOX")
    c.store("1", "+FLAGS", r"(\Deleted)")
    site.sh("rm %s/filler; dd if=/dev/zero of=%s/filler bs=4096 count=$(( $(df --output=avail -k %s | tail -1) / 4 - 3 )) 2>/dev/null"
            % (SPOOL, SPOOL, SPOOL))
    for command in (lambda: c.store("1", "+FLAGS", r"(\Deleted)"), c.expunge):
        status, data = command()
        t.check("nearly full disk: the user can delete a message", status == "OK", (status, data))
    with contextlib.suppress(Exception):
        c.logout()


def run(t, site):
    directory(t, site)
    drop_files(t, site)
    unknown_user(t, site)
    full_disk(t, site)
