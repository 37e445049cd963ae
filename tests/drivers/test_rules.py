#!/usr/bin/env python3
"""Who may log in, from where, how often and how many at a time: the same through imapd, dpopd and dsmtpd.

valid_users, user_ip_address, switches and addresses of an account; delays that grow with failures, shared by
all servers; connections of an address and sessions of an account.  test_rules.py BUILD
"""
import os
import shutil
import threading
import time

from rules_fixture import Client, Site, attempt, good, harness, slack

t = harness.Suite()
SERVICES = ("imap", "pop", "smtp")
SLACK = 0.01  # clocks count milliseconds


def rules(how):
    mechanisms = "plain cram-md5"
    site = Site(valid_users="!bad*,*", user_ip_address="!127.0.0.66,127.*", login_delay=150,
                imapd_mechanisms=mechanisms, dpop_mechanisms=mechanisms, dsmtp_mechanisms=mechanisms)
    cases = [("joe", "secret", "127.0.0.5", None), ("yes", "secret", "127.0.0.5", None),
             ("fromnine", "secret", "127.0.0.9", None),
             ("joe", "wrong", "127.0.0.6", "password"), ("nobody", "wrong", "127.0.0.7", "password"),
             ("bad1", "secret", "127.0.0.8", "name"), ("joe", "secret", "127.0.0.66", "name"),
             ("no%s", "secret", "127.0.0.10", "service"), ("fromnine", "secret", "127.0.0.11", "address")]
    for service in SERVICES:
        refusals, times = set(), []
        for user, password, ip, reason in cases:
            user = user % service if "%" in user else user
            what = "%s by %s, %s from %s" % (service, how.__name__, user, ip)
            answer, took = attempt(site, service, ip, user, password, how)
            if reason is None:
                t.check(what + " gets in", good(service, answer), answer)
                last = site.lines(service, "login")[-1:]
                t.check(what + ": log line", last and 'user="%s"' % user in last[0] and "ip=" + ip in last[0], last)
            else:
                t.check(what + " is refused", answer and not good(service, answer), answer)
                refusals.add(answer)
                times.append(took)
                last = site.lines(service, "login-failed")[-1:]
                t.check(what + ": log line", last and 'user="%s"' % user in last[0] and "ip=" + ip in last[0]
                        and 'reason="%s"' % reason in last[0], last)
        t.equal(service + ": one answer, whatever the rule", len(refusals), 1)
        # A whole number of steps each; a busy machine may need a second one.
        t.check(service + ": one time, whatever the rule", min(times) >= 0.15 - SLACK, times)
        t.equal(service + ": switches of other services do not matter",
                [good(service, attempt(site, service, "127.0.0.12", "no" + s, "secret", how)[0])
                 for s in SERVICES if s != service], [True, True])
        answer, _ = attempt(site, service, "127.0.0.5", "dead", "secret", how)
        t.check(service + ": a module that cannot answer is not a wrong password", answer and answer not in refusals,
                answer)


def delays():
    site = Site(login_delay=200, login_delay_max=900, login_delay_exempt="127.0.0.200")
    begin = lambda ms: ms / 1000
    wanted = [200, 400, 800, 900, 900]
    for i, ms in enumerate(wanted):
        service = SERVICES[i % 3]
        _, took = attempt(site, service, "127.0.0.5")
        t.check("failure %d (%s) takes %d ms" % (i + 1, service, ms), begin(ms) - SLACK <= took < begin(ms) + slack(site), took)
    _, took = attempt(site, "imap", "127.0.0.6")
    t.check("another address pays only for itself", 0.2 - SLACK <= took < 0.2 + slack(site), took)
    for _ in range(4):
        answer, took = attempt(site, "pop", "127.0.0.200")
        t.check("an exempt address pays the plain delay", 0.2 - SLACK <= took < 0.2 + slack(site), took)
    answer, took = attempt(site, "imap", "127.0.0.7", "joe", "secret")
    t.check("an address without failures does not wait", good("imap", answer) and took < 0.2 + slack(site), (answer, took))

    # Side by side they are no faster than one after the other: each attempt waits for those before it.
    attempt(site, "imap", "127.0.0.8")  # one failure
    attempt(site, "imap", "127.0.0.8")  # two: 400 ms
    times, threads = [], []

    def one(service):
        times.append(attempt(site, service, "127.0.0.8")[1])
    for service in SERVICES:
        threads.append(threading.Thread(target=one, args=(service,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    t.check("parallel attempts queue up", len(times) == 3 and max(times) >= 1.2 - SLACK, times)
    answer, took = attempt(site, "smtp", "127.0.0.8", "joe", "secret")
    t.check("the right password still gets in, after the wait", good("smtp", answer), answer)
    _, took = attempt(site, "smtp", "127.0.0.8")
    t.check("a success forgives nothing", took >= 0.9 - SLACK, took)

    # However many come at once, they are looked at one delay apart, and what does not fit in is not looked at.
    crowd = Site(login_delay=400, login_delay_max=1600, login_delay_exempt="127.0.0.200", max_connections_per_ip=0)
    began, answers = time.monotonic(), []
    threads = [threading.Thread(target=lambda n=n: answers.append(attempt(crowd, "imap", "127.0.0.9", "joe", "wrong%d" % n)[0]))
               for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    judged = crowd.log("imap").count('reason="password"')
    unjudged = [l for l in crowd.lines("imap", "login-failed") if 'reason="limit"' in l]
    t.check("a crowd of guesses is no faster", 1 <= judged <= 4 + took / 0.4 + 1 and judged < 40, (judged, took))
    t.equal("the others are refused unjudged", len(unjudged), 40 - judged)
    t.check("and read that it is for now", sum("[UNAVAILABLE]" in a for a in answers) == len(unjudged), answers)

    db = os.path.join(site.path, "work", "tally")
    t.check("the records are the mail user's", all(
        os.stat(os.path.join(db, n)).st_uid == (65532 if os.geteuid() == 0 else os.getuid()) for n in os.listdir(db)))
    t.check("nothing was complained about", "tally-failed" not in site.log("imap") + site.log("smtp"))

    # Without the database, or without the program, everybody pays the plain delay.
    shutil.rmtree(db)
    with open(db, "w") as f:
        f.write("no directory")
    broken_tally(site, "a damaged database")
    os.unlink(db)
    site.bin = harness.scratch("dmail-bin.")
    for n in os.listdir(os.path.dirname(harness.program("imapd"))):
        if n != "dmtally":
            shutil.copy2(harness.program(n), site.bin)
    site.set(login_delay=200, login_delay_max=900)
    broken_tally(site, "a missing program")


def work_path_of_root():
    """As `make install` makes it: the mail user can make nothing there."""
    if os.geteuid() != 0:
        return
    site = Site(login_delay=200, login_delay_max=900)
    work = site.path + "/work"
    shutil.rmtree(work)
    os.mkdir(work, 0o755)
    status, out = site.dmrelay("list")
    t.check("work_path is root's: dmrelay before the first login", (status, out) == (0, "No address may relay because of a login.\n"), out)
    shutil.rmtree(work + "/tally", ignore_errors=True)
    took = [attempt(site, s, "127.0.0.5")[1] for s in SERVICES]
    t.check("work_path is root's: delays grow", 0.2 - SLACK <= took[0] and took[1] >= 0.4 - SLACK and took[2] >= 0.8 - SLACK, took)
    t.check("work_path is root's: nothing is complained about", all(not site.lines(s, "tally-failed") for s in SERVICES))
    st = os.stat(work + "/tally")
    t.equal("work_path is root's: the records are the mail user's alone", (st.st_uid, st.st_mode & 0o777), (65532, 0o700))
    # A server was killed after it had made the directory.
    shutil.rmtree(work + "/tally")
    os.mkdir(work + "/tally", 0o700)
    took = [attempt(site, s, "127.0.0.6")[1] for s in SERVICES]
    t.check("the directory is still root's: delays grow", took[1] >= 0.4 - SLACK and took[2] >= 0.8 - SLACK, took)
    t.equal("and is given away", os.stat(work + "/tally").st_uid, 65532)


def without_mail_user():
    """Nothing of ours is ever kept by root."""
    if os.geteuid() != 0:
        return
    site = Site(login_delay=200, mail_user="no-such-user")
    answer, took = attempt(site, "imap", "127.0.0.5")
    t.check("no mail_user: the plain delay", took >= 0.2 - SLACK, took)
    t.check("no mail_user: the log says so", any("root" in l for l in site.lines("imap", "tally-failed")))
    t.check("no mail_user: no files of root", not os.path.exists(os.path.join(site.path, "work", "tally")))


def broken_tally(site, what):
    for service in SERVICES:
        before = len(site.lines(service, "tally-failed"))
        answer, took = attempt(site, service, "127.0.0.5", "joe", "secret")
        t.check("%s: %s login goes on" % (what, service), good(service, answer) and took < 0.3 + slack(site), (answer, took))
        t.equal("%s: %s says so in one line" % (what, service), len(site.lines(service, "tally-failed")), before + 1)
        took = attempt(site, service, "127.0.0.5")[1]
        took2 = attempt(site, service, "127.0.0.5")[1]
        t.check("%s: %s failures take the plain delay" % (what, service), 0.2 - SLACK <= min(took, took2)
                and max(took, took2) < 0.2 + slack(site), (took, took2))


def connections():
    site = Site(max_connections_per_ip=3, login_delay_exempt="127.0.0.200")
    full = {"imap": "* BYE ", "pop": "-ERR ", "smtp": "421 4.7.0 "}
    held = [Client(site, s, "127.0.0.5") for s in SERVICES]
    t.check("three connections are served", all(c.greeting and not c.greeting.startswith(full[c.service]) for c in held),
            [c.greeting for c in held])
    t.check("one of them logs in", good("imap", held[0].login()))
    for s in SERVICES:
        c = Client(site, s, "127.0.0.5")
        t.check("the fourth is not (%s)" % s, c.greeting.startswith(full[s]) and c.line() == "", c.greeting)
        t.check("and the log says so", any("ip=127.0.0.5" in l for l in site.lines(s, "too-many-connections")))
        c.end()
    places = os.path.join(site.path, "work", "places")
    t.check("places are files of the monitor alone, and empty", all(
        (st.st_uid, st.st_mode & 0o077, st.st_size) == (os.geteuid(), 0, 0)
        for st in [os.stat(os.path.join(places, n)) for n in os.listdir(places)] + [os.stat(places)]
        if not st.st_mode & 0o040000) and os.stat(places).st_mode & 0o077 == 0)
    for ip in ("127.0.0.6", "127.0.0.200"):
        c = Client(site, "pop", ip)
        t.check("%s is served" % ip, c.greeting.startswith("+OK"), c.greeting)
        c.end()
    for c in held[:]:
        c.kill()
        again = Client(site, c.service, "127.0.0.5")
        t.check("kill -9 frees the place (%s)" % c.service, not again.greeting.startswith(full[c.service]), again.greeting)
        late = Client(site, c.service, "127.0.0.5")
        t.check("one place, not more", late.greeting.startswith(full[c.service]), late.greeting)
        late.end()
        held.append(again)
    for c in held[3:]:
        c.end()
    if harness.has_ipv6():
        six = [Client(site, "pop", "::1") for _ in range(4)]
        t.equal("three of IPv6", [c.greeting[:4] for c in six], ["+OK ", "+OK ", "+OK ", "-ERR"])
        for c in six:
            c.end()
    else:
        t.skip("three of IPv6: the host has no ::1")
    many = [Client(site, "pop", "127.0.0.200") for _ in range(20)]
    t.check("an exempt address has no limit", all(c.greeting.startswith("+OK") for c in many))
    for c in many:
        c.end()


def sessions():
    full = {"imap": "t NO [LIMIT] ", "pop": "-ERR [IN-USE] Too many ", "smtp": "454 4.7.0 "}
    for s in SERVICES:
        # A maildrop is open once only: a second POP session of joe would be refused by the mailbox.
        limit = 1 if s == "pop" else 2
        site = Site(max_sessions_per_user=limit)
        held = [Client(site, s, "127.0.0.%d" % (5 + i)) for i in range(limit)]
        answers = [c.login() for c in held]
        t.check(s + ": as many as allowed", all(good(s, a) for a in answers), answers)
        c = Client(site, s, "127.0.0.9")
        answer = c.login()
        t.check(s + ": one too many", answer.startswith(full[s]), answer)
        last = site.lines(s, "login-failed")[-1:]
        t.check(s + ": and the log says so", last and 'user="joe"' in last[0] and 'reason="limit"' in last[0], last)
        c.end()
        c = Client(site, s, "127.0.0.9")
        t.check(s + ": another account is not concerned", good(s, c.login("ann")))
        c.end()
        other = "pop" if s == "imap" else "imap"
        c = Client(site, other, "127.0.0.9")
        t.check(s + ": another service is not concerned", good(other, c.login()))
        c.end()
        held[0].kill()
        c = Client(site, s, "127.0.0.9")
        answer = c.login()
        t.check(s + ": kill -9 of a session frees its place", good(s, answer) and c.is_in(), answer)
        for each in held[1:] + [c]:
            each.end()


def under_tls():
    site = Site()
    site.set(max_sessions_per_user=1, max_connections_per_ip=2, **site.certificate())
    a = Client(site, "imap", "127.0.0.5", ("--tls",))
    t.check("TLS: a session", good("imap", a.login()))
    b = Client(site, "imap", "127.0.0.5", ("--tls",))
    answer = b.login()
    t.check("TLS: one too many", answer.startswith("t NO [LIMIT]"), answer)
    late = Client(site, "imap", "127.0.0.5", ("--tls",))
    t.equal("TLS: a connection too many just ends", late.greeting, "")
    late.end()
    a.kill(children=False)  # the session alone; the process that speaks TLS sees it go
    answer = b.login()
    t.check("TLS: kill -9 of the session frees its place", good("imap", answer) and b.is_in(), answer)
    again = Client(site, "imap", "127.0.0.5", ("--tls",))
    t.check("TLS: and that of the connection", again.greeting.startswith("* OK"), again.greeting)
    for c in (b, again):
        c.end()


def behind_a_proxy():
    """A trusted proxy's connections are those of the clients it names."""
    site = Site(max_connections_per_ip=1, trusted_proxies="127.0.0.50", login_delay=800)

    def connect(service, client, proxy="127.0.0.50"):
        c = Client(site, service, proxy)
        if service == "smtp":
            c.ask("EHLO proxy.example")
        return c, c.ask(('t ID ("x-originating-ip" "%s")' if service == "imap" else "XCLIENT ADDR=%s") % client)

    for service in ("imap", "smtp"):
        held = [connect(service, "192.0.2.%d" % i) for i in range(3)]
        t.check(service + " proxied: each client has its place", all(c.is_in() for c, _ in held), held)
        late, answer = connect(service, "192.0.2.1")
        t.equal(service + " proxied: a client has one place", answer, "")
        last = site.lines(service, "too-many-connections")[-1:]
        t.check(service + " proxied: and the log says whose", last and "ip=192.0.2.1 " in last[0] + " ", last)
        late.end()
        for c, _ in held:
            c.end()
    for client, low in (("192.0.2.1", 0.8), ("192.0.2.1", 1.6), ("192.0.2.2", 0.8)):
        c, _ = connect("imap", client)
        began = time.monotonic()
        c.login("joe", "wrong")
        took = time.monotonic() - began
        t.check("failures through a proxy count for the client", low - SLACK <= took < low + slack(site), (client, took))
        c.end()


rules(Client.login)
rules(Client.cram_md5)
under_tls()
behind_a_proxy()
delays()
work_path_of_root()
without_mail_user()
connections()
sessions()
t.end()
