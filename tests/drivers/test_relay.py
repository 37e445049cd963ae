#!/usr/bin/env python3
"""Relay after login, end to end: a login by IMAP or POP, then RCPT by SMTP from the same address; dmrelay.

test_relay.py BUILD
"""
import time

from rules_fixture import Client, Site, attempt, good, harness

t = harness.Suite()
DENIED, ALLOWED = "550 5.7.1 ", "550 5.3.2 "  # there is no queue yet: the rule is told by the answer


def rcpt(site, ip, user=None, args=(), to="someone@elsewhere.example"):
    c = Client(site, "smtp", ip, args)
    c.ask(("LHLO" if "--lmtp" in args else "EHLO") + " me.example")
    if user:
        t.check("SMTP login", good("smtp", c.ask("AUTH PLAIN AGpvZQBzZWNyZXQ=")))
    c.ask("MAIL FROM:<joe@example.com>")
    answer = c.ask("RCPT TO:<%s>" % to)
    c.end()
    return answer


def rule(site):
    line = site.lines("smtp", "recipient-refused")[-1]
    return line.split(' relay="', 1)[1].split('"', 1)[0] if ' relay="' in line else ""


def expect(what, site, answer, wanted, name):
    t.check(what, answer.startswith(wanted), answer)
    t.equal(what + ": rule in the log", rule(site), name)


site = Site()
expect("nobody relays by default", site, rcpt(site, "127.0.0.5"), DENIED, "nobody")
expect("a login by SMTP", site, rcpt(site, "127.0.0.5", "joe"), ALLOWED, "login")
attempt(site, "imap", "127.0.0.5", "joe", "secret")
expect("a login by IMAP opens nothing unless forward_user says so", site, rcpt(site, "127.0.0.5"), DENIED, "nobody")

site.set(forward_from_ip="!127.0.0.6,127.0.0.*")
expect("forward_from_ip", site, rcpt(site, "127.0.0.5"), ALLOWED, "forward_from_ip")
expect("forward_from_ip, a refusal", site, rcpt(site, "127.0.0.6"), DENIED, "nobody")
expect("not by LMTP", site, rcpt(site, "127.0.0.5", args=("--lmtp",)), DENIED, "nobody")
t.check("local recipients are nobody's business", rcpt(site, "127.0.0.6", to="joe@example.com").startswith("250"))

WINDOW = 3
site.set(forward_user="!ann,*", forward_window=WINDOW)
for service, ip in (("imap", "127.0.0.11"), ("pop", "127.0.0.12")):
    expect(service + ": before the login", site, rcpt(site, ip), DENIED, "nobody")
    attempt(site, service, ip, "joe", "wrong")
    expect(service + ": after a wrong password", site, rcpt(site, ip), DENIED, "nobody")
    attempt(site, service, ip, "ann", "secret")
    expect(service + ": after a login of a user who may not", site, rcpt(site, ip), DENIED, "nobody")
    for _ in range(20):
        began = time.monotonic()
        attempt(site, service, ip, "joe", "secret")
        answer = rcpt(site, ip)
        if time.monotonic() - began < WINDOW - 1:
            break  # else the window may have been over
    expect(service + ": after the login", site, answer, ALLOWED, "forward_user")
    line = site.lines("smtp", "recipient-refused")[-1]
    t.check(service + ": the log says on whose account", 'relay_user="joe"' in line, line)
    expect(service + ": not from another address", site, rcpt(site, "127.0.0.13"), DENIED, "nobody")
    time.sleep(max(0.0, began + WINDOW + 1.1 - time.monotonic()))
    expect(service + ": when the window is over", site, rcpt(site, ip), DENIED, "nobody")
attempt(site, "smtp", "127.0.0.14", "joe", "secret")
expect("a login by SMTP is for its own connection only", site, rcpt(site, "127.0.0.14"), DENIED, "nobody")
status, out = site.dmrelay("purge")
t.check("dmrelay purge", status == 0 and out == "2 removed\n", (status, out))

site.set(forward_user="true", forward_window=600)
attempt(site, "imap", "127.0.0.21", "joe", "secret")
attempt(site, "pop", "127.0.0.22", "ann", "secret")
status, out = site.dmrelay("-p", "list")
rows = [l.split("\t") for l in out.splitlines()]
t.equal("dmrelay -p list", (status, [r[:2] for r in rows]), (0, [["127.0.0.21", "joe"], ["127.0.0.22", "ann"]]))
t.check("dmrelay -p list: times", all(len(r) == 4 and abs(int(r[2]) - time.time()) < 60 and 500 < int(r[3]) <= 600
                                      for r in rows), rows)
status, out = site.dmrelay("list")
t.check("dmrelay list", status == 0 and out.count("\n") == 2 and "ann" in out and "s left" in out, out)
t.equal("dmrelay remove", site.dmrelay("remove", "127.0.0.21"), (0, ""))
t.equal("dmrelay remove, again", site.dmrelay("remove", "127.0.0.21")[0], 1)
expect("removed", site, rcpt(site, "127.0.0.21"), DENIED, "nobody")
expect("the other one still may", site, rcpt(site, "127.0.0.22"), ALLOWED, "forward_user")
attempt(site, "imap", "127.0.0.21", "joe", "secret")
expect("the next login, however soon, opens it again", site, rcpt(site, "127.0.0.21"), ALLOWED, "forward_user")
t.equal("dmrelay add", site.dmrelay("add", "127.0.0.23", "joe"), (0, ""))
expect("added by hand", site, rcpt(site, "127.0.0.23"), ALLOWED, "forward_user")
site.set(forward_user="ann", forward_window=600)
expect("forward_user of now counts", site, rcpt(site, "127.0.0.23"), DENIED, "nobody")
for bad in (["remove", "nonsense"], ["add", "nonsense", "joe"], ["add", "127.0.0.1"], ["frobnicate"], []):
    t.equal("dmrelay %s" % " ".join(bad), site.dmrelay(*bad)[0], 2)
t.check("the servers can still write after dmrelay ran", "tally-failed" not in site.log("imap") + site.log("smtp"))
t.end()
