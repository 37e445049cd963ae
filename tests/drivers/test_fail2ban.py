#!/usr/bin/env python3
"""The fail2ban filter on the log lines of real failed logins, of each protocol; names that try to pass for an
address or a line of the log.  test_fail2ban.py BUILD
"""
import base64
import datetime
import os
import re
import shutil
import subprocess

from rules_fixture import Client, DAEMON, Site, attempt, harness

harness.need("fail2ban-regex")
t = harness.Suite()
FILTER = os.path.join(harness.ROOT, "tools/fail2ban/filter.d/dmail.conf")
FORGED = ['x" ip=6.6.6.6 service="imap" reason="password"', "6.6.6.6", "ip=6.6.6.6", "a\\", 'a\\" ip=6.6.6.6 ',
          'x"\n2026-11-21T10:00:00.000Z imapd[1] sid=a level=info event=login-failed user="a" account="a" ip=6.6.6.6 '
          'service="imap" method="LOGIN" reason="password" text=""', "dead:beef::1", "\u202e6.6.6.6", "x" * 900]


def plain(client, user):
    message = base64.b64encode(b"\0" + user.encode() + b"\0wrong").decode()
    return client.ask({"imap": "t AUTHENTICATE PLAIN ", "pop": "AUTH PLAIN ", "smtp": "AUTH PLAIN "}[client.service]
                      + message)


def found(log):
    """The addresses that the filter takes from a log, in order."""
    p = subprocess.run(["fail2ban-regex", "-o", "<ip> <time>", log, FILTER], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, env=dict(os.environ, TZ="America/New_York"))  # the log is UTC
    return [l.split() for l in p.stdout.decode().splitlines() if re.match(r"^[0-9a-f.:]+ [0-9.]+$", l)]


site = Site(user_ip_address="!127.0.0.66,127.*")
for n, service in enumerate(DAEMON):
    log = "%s/log/%s.log" % (site.path, DAEMON[service])
    ip = "127.0.1.%d" % n
    began = datetime.datetime.now().timestamp()
    attempt(site, service, ip, "joe", "wrong")
    attempt(site, service, ip, "nobody", "wrong")
    attempt(site, service, "127.0.0.66", "joe", "secret")
    attempt(site, service, "127.0.1.77", "no" + service, "secret")
    attempt(site, service, "127.0.1.88", "fromnine", "secret")
    attempt(site, service, "127.0.1.99", "dead", "secret")  # temporary: nobody's fault
    attempt(site, service, "127.0.1.98", "joe", "secret")   # a login
    rows = found(log)
    t.equal(service + ": addresses of failed logins", [r[0] for r in rows],
            [ip, ip, "127.0.0.66", "127.0.1.77", "127.0.1.88"])
    t.check(service + ": and their times", all(abs(float(r[1]) - began) < 120 for r in rows), rows)
    before = len(rows)
    for user in FORGED:
        c = Client(site, service, ip)
        if service == "smtp":
            c.ask("EHLO me.example")
        plain(c, user)
        c.end()
    rows = found(log)[before:]
    t.check(service + ": no name passes for an address", rows and all(r[0] == ip for r in rows), rows)
    lines = site.lines(service, "login-failed")[5:]
    lines = [l for l in lines if "ip=%s " % ip in l]
    t.equal(service + ": every line of a forger is found", len(rows), len(lines))
    t.check(service + ": lines begin as lines do", all(re.match(r"20\d\d-\d\d-\d\dT\S+Z (imapd|dpopd|dsmtpd)\[\d+\] sid=", l)
                                                     for l in site.log(service).split("\n") if l))

# The jail, as fail2ban reads it beside its own files.
if os.path.isdir("/etc/fail2ban"):
    tree = harness.scratch() + "/fail2ban"
    shutil.copytree("/etc/fail2ban", tree)
    for n in os.listdir(tree + "/jail.d"):
        os.unlink(tree + "/jail.d/" + n)
    shutil.copy(FILTER, tree + "/filter.d")
    with open(os.path.join(harness.ROOT, "tools/fail2ban/jail.d/dmail.conf")) as f:
        jail = f.read()
    with open(tree + "/jail.d/dmail.conf", "w") as f:
        f.write(jail.replace("/var/log/dmail", site.path + "/log"))
    p = subprocess.run(["fail2ban-client", "-c", tree, "-d"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = p.stdout.decode()
    t.check("the jail is read", p.returncode == 0 and "['start', 'dmail']" in said, said[-500:] + p.stderr.decode()[-500:])
    t.equal("with all three logs", sorted(re.findall(r"'addlogpath', '[^']*/(\w+)\.log'", said)), ["dpopd", "dsmtpd", "imapd"])
else:
    t.skip("fail2ban has no configuration here")
t.end()
