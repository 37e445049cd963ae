"""An authentication module that is missing, does not run, or is not named: nobody is refused for good, and the log
names it as something to repair."""
from conf_mistakes import replaced
from verdict import Mistake, judge

ROWS = [
    (replaced("authent_process", "authent_process /usr/local/lib/dmail/nosuch"),
     Mistake("module missing", host=["/usr/local/lib/dmail/nosuch"], log=["/usr/local/lib/dmail/nosuch"])),
    (replaced("authent_process", "authent_process unix:/run/dmail/nobody"),
     Mistake("module not running", host=["/run/dmail/nobody"], log=["/run/dmail/nobody"])),
    (replaced("authent_process", "#"), Mistake("module unset", check=["authent_process"], log=["authent_process"])),
]


def run(t, site):
    for change, m in ROWS:
        with site.changed_conf(change):
            judge(t, site, m)
        t.equal(m.name + ": mended, all is well", site.imap_verdict("alice", "Sys-Secret1")[0], "ok")
