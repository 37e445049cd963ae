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
    from_before_modules_had_an_account(t, site)


def from_before_modules_had_an_account(t, site):
    """The password database was the mail user's: logins wait, dmconf host has the command, make install does it by itself."""
    def nora():
        return site.imap_verdict("nora", "Own-Secret2")[0]
    site.sh("chown -R dmail: /var/lib/dmail/nwauth")
    t.equal("a database of the mail user's: a login waits", nora(), "temporary")
    command = [l.split("then ", 1)[1] for l in site.host_is_content()[1] if "belongs to" in l and "mail_user" in l and "then " in l]
    t.equal("dmconf host has the command", command, ["chown -R dmailmod: /var/lib/dmail/nwauth"])
    status, out = site.run("make", "-s", "install", cwd=mailhost.TREE)
    t.check("make install gives it to modules, and says so", status == 0 and "gave the password database /var/lib/dmail/nwauth to dmailmod" in out and
            "try-restart dmail-nwauth" in out, out[-1500:])
    t.equal("and she is in", nora(), "ok")
    t.equal("dmconf host is content", site.host_is_content(), (0, []))
    site.sh("userdel dmailmod")
    t.equal("without the account a login waits", nora(), "temporary")
    t.equal("and mail for her", site.deliver("nora@example.com", "later")[0], "temporary")
    t.check("the log says what to do", "level=error event=login-failed" in (log := site.sh("tail -3 /var/log/dmail/imapd.log")) and
            "module_user dmailmod: no such account" in log and "setup-host" in log, log)
    t.check("make install makes it", "made the system account dmailmod" in site.run("make", "-s", "install", cwd=mailhost.TREE)[1])
    site.sh("chown -R dmailmod: /var/lib/dmail/nwauth")  # a new account has another number
    t.equal("and all is well", (nora(), site.deliver("nora@example.com", "now")[0]), ("ok", "ok"))
