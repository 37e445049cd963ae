#!/usr/bin/env python3
"""The files for systemd, xinetd and logrotate: systemd and xinetd understand them, they name what is installed, and the servers
serve under what the units leave to them."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import confined
from rules_fixture import Client, DAEMON, Site, good

t = harness.Suite()
LIBEXEC = os.path.dirname(harness.program("imapd"))
FILES = os.path.join(harness.ROOT, "tools/build/service-files")
units = harness.scratch("dmail-units.")
subprocess.run([FILES, "systemd", LIBEXEC, LIBEXEC, "root", units], check=True)
names = subprocess.run([FILES, "names"], capture_output=True, text=True, check=True).stdout.split()
t.equal("names are the files that are made", sorted(names), sorted(os.listdir(units)))
services = {}
with open(harness.ROOT + "/tools/build/services") as f:
    for line in f:
        if not line.startswith("#"):
            words = line.split(";")[0].split()
            services[words[0]] = words[1:]
t.equal("eight services", len(services), 8)
text = {n: open(units + "/" + n).read() for n in names}
for n in names:
    t.check(n + ": nothing of the template is left", not re.search(r"LIBEXEC|SBIN|COMMAND|MODULEUSER|SANDBOX|=HOME|DESCRIPTION|LISTEN\b|PROGRAM", text[n]),
            text[n])
    t.check(n + " is for everybody to read", os.stat(units + "/" + n).st_mode & 0o777 == 0o644)
for name, (port, *command) in services.items():
    start = re.search(r"(?m)^ExecStart=(.*)$", text["dmail-%s@.service" % name]).group(1)
    t.equal(name + ": what is started", start, LIBEXEC + "/" + " ".join(command))
    listen = re.search(r"(?m)^ListenStream=(.*)$", text["dmail-%s.socket" % name]).group(1)
    t.equal(name + ": where", listen, "/run/dmail-lmtp/socket" if port == "-" else port)
    for setting in ("Accept=yes", "MaxConnections=1000", "TriggerLimitIntervalSec=2s", "TriggerLimitBurst=4000"):
        t.check("%s: %s" % (name, setting), setting in text["dmail-%s.socket" % name].split("\n"))
    t.check(name + ": connections of one address, or the mode of a socket",
            ("SocketMode=0660" if port == "-" else "MaxConnectionsPerSource=50") in text["dmail-%s.socket" % name])

# inetd.conf.example and the file of xinetd have the same services.
with open(harness.ROOT + "/inetd.conf.example") as f:
    lines = [l.lstrip("#").split() for l in f if re.match(r"#?\s*\w+\s+stream\s+tcp", l)]
t.equal("inetd.conf.example has them", {("lmtp" if w[0] == "24" else w[0]): [w[6], *w[7:]] for w in lines},
        {n: c[1:] for n, c in services.items()})
xinetd = subprocess.run([FILES, "xinetd", LIBEXEC], capture_output=True, text=True, check=True).stdout
entries = dict(re.findall(r"(?ms)^service dmail-(\w+)\n\{\n(.*?)^\}", xinetd))
t.equal("xinetd's file has them", sorted(entries), sorted(services))
t.check("LMTP is off, and for this host alone", "disable     = yes" in entries["lmtp"] and "bind        = 127.0.0.1" in entries["lmtp"])

if shutil.which("systemd-analyze"):
    for n in names:
        # A template is looked at as one of its instances.
        p = subprocess.run(["systemd-analyze", "--man=no", "verify", units + "/" + n.replace("@.", "@1.")], capture_output=True, text=True)
        told = [l for l in p.stderr.split("\n") if n.split(".")[0].rstrip("@") in l]
        t.check("systemd-analyze verify " + n, p.returncode == 0 and not told, p.stderr)
        if n.endswith(".socket"):
            continue
        copy = units + "/" + n.replace("@.", "@1.")
        if copy != units + "/" + n:
            shutil.copy(units + "/" + n, copy)
        most = 31 if "@" in n or "pam" in n else 20  # tenths
        p = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=%d" % most, copy],
                           capture_output=True, text=True)
        t.check("systemd-analyze security %s: at most %d/10" % (n, most), p.returncode == 0, (p.stdout + p.stderr)[-300:])
else:
    t.skip("systemd-analyze is not installed")

# ---- the servers under what is left to them

def client(site, service, args=(), **how):
    class Confined(Client):
        pass
    real = subprocess.Popen

    def popen(argv, **more):
        unit = "%s/dmail-%s@.service" % (units, {"imap": "imap", "pop": "pop3", "smtp": "submission"}[service])
        return real([sys.executable, os.path.join(harness.ROOT, "tests/drivers/confined.py"), unit, *argv], **more)
    subprocess.Popen = popen
    try:
        return Client(site, service, args=args, **how)
    finally:
        subprocess.Popen = real


MESSAGE = "From: a@b.example\r\nSubject: confined\r\n\r\ntext\r\n"


def use(site, args, what):
    for service in DAEMON:
        c = client(site, service, args)
        t.check("%s: %s: greets" % (what, service), c.greeting, site.log(service)[-600:])
        t.check("%s: %s: logs in" % (what, service), good(service, c.login()) and c.is_in(), site.log(service)[-600:])
        if service == "smtp":
            for line in ("MAIL FROM:<a@b.example>", "RCPT TO:<joe@example.com>"):
                t.check("%s: %s" % (what, line), c.ask(line).startswith("2"))
            t.check(what + ": DATA", c.ask("DATA").startswith("3"))
            t.check(what + ": a message is delivered", c.ask((MESSAGE + ".\r\n").encode()).startswith("250"), site.log(service)[-600:])
        elif service == "imap":
            t.check(what + ": CREATE", "OK" in c.ask("a CREATE Sent-%s" % what), site.log(service)[-600:])
            c.s.sendall(("b APPEND Sent-%s {%d+}\r\n%s\r\n" % (what, len(MESSAGE), MESSAGE)).encode())
            t.check(what + ": APPEND", "OK" in c.reply())
        c.end()


if shutil.which("systemd-analyze"):
    site = Site()
    use(site, (), "plain")
    site.set(**site.certificate())
    use(site, ("--tls",), "TLS")
    # A question to PAM is answered, one way or the other.
    site.set(authent_method="unix_user")
    c = client(site, "imap")
    answer = c.login("no-such-user-here", "x")
    t.check("unixauth under the unit", answer.startswith("t NO") and 'reason="temporary"' not in site.log("imap"), (answer, site.log("imap")[-900:]))
    c.end()
    t.check("systemd's sets are known", len(confined.allowed_calls(units + "/dmail-imap@.service")) > 150)
else:
    t.skip("without systemd nobody says which system calls are in its sets")
t.end()
