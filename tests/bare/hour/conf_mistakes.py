"""Mistakes in dmail.conf: mail must neither be split nor refused for good, and the line must be named."""
import re

import mailhost
from verdict import Mistake, judge

CONF = mailhost.CONF


def replaced(pattern, line):
    def change(text):
        new, count = re.subn("^%s.*$" % pattern, line, text, flags=re.M)
        if not count:
            raise ValueError("dmail.conf has no line " + pattern)
        return new
    return change


def added(line):
    return lambda text: text + line + "\n"


def line_of(site, start):
    for n, l in enumerate(site.host.read(CONF).splitlines(), 1):
        if l.startswith(start):
            return "dmail.conf:%d:" % n
    raise ValueError("no line " + start)


ROWS = [
    # setting misspelt: mail would be looked for in other files
    (replaced("hash_spool", "hash_spol 1"), "hash_spol", Mistake("hash_spol", check=["hash_spol", "hash_spool"], log=["hash_spol"])),
    (replaced("hash_spool", "hash_spool 3"), "hash_spool", Mistake("hash_spool 3", check=["hash_spool"], log=["hash_spool"])),
    (replaced("drop_path", "drop_path var/spool/dmail"), "drop_path",
     Mistake("relative drop_path", check=["drop_path"], log=["drop_path"])),
]


def run(t, site):
    for change, start, m in ROWS:
        with site.changed_conf(change):
            if m.check:
                m.check = [re.escape(line_of(site, start)), *m.check]
            judge(t, site, m)
        t.equal(m.name + ": mended, all is well", site.imap_verdict("alice", "Sys-Secret1")[0], "ok")
    missing(t, site)
    writable(t, site)
    quota_zero(t, site)


def missing(t, site):
    """Without dmail.conf nobody knows log_path: the usual log directory is where one looks."""
    site.sh("mv %s %s.away" % (CONF, CONF))
    judge(t, site, Mistake("no dmail.conf", log=[CONF]))
    t.equal("no dmail.conf: dmconf check cannot read it", site.run("dmconf", "check")[0], 2)
    site.sh("mv %s.away %s" % (CONF, CONF))


def writable(t, site):
    """Whoever writes dmail.conf names programs that root starts."""
    site.sh("chmod 666 " + CONF)
    judge(t, site, Mistake("dmail.conf of mode 666", host=[re.escape(CONF)], log=[CONF]))
    site.sh("chmod 640 " + CONF)


def quota_zero(t, site):
    """0 is no limit, as it always was; who writes it may have meant another thing and is told."""
    with site.changed_conf(added("user_quota 0")):
        status, out = site.run("dmconf", "check")
        t.check("user_quota 0: dmconf check says what it means", re.search(r"user_quota.*no limit", out), (status, out))
