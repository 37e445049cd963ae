"""make install over a host in use: sessions go on, and not one login fails."""
import threading

import mailhost

INSTALLS = 3


def run(t, site):
    open_session = site.imap("alice", "Sys-Secret1")
    stop, answers = threading.Event(), []

    def logins(number):
        user, password = (("alice", "Sys-Secret1"), ("nora", "Own-Secret2"))[number % 2]
        while not stop.is_set():
            answers.append(site.imap_verdict(user, password, port=(143, 993)[number % 2]))
            answers.append(site.deliver("joe@example.com", "under load"))

    threads = [threading.Thread(target=logins, args=(n,)) for n in range(2)]
    for x in threads:
        x.start()
    try:
        for n in range(INSTALLS):
            t.equal("make install, time %d" % (n + 1), site.run("make", "-s", "install", cwd=mailhost.TREE)[0], 0)
    finally:
        stop.set()
        for x in threads:
            x.join()
    failed = [a for a in answers if a[0] != "ok"]
    t.check("no login and no delivery of %d failed meanwhile" % len(answers), answers and not failed, failed[:5])
    t.equal("the open session goes on", open_session.select("INBOX")[0], "OK")
    open_session.logout()
