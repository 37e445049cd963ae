#!/usr/bin/env python3
"""dmwho: lists whom IMAP, POP and SMTP sessions serve, over TLS too; ends one user's; forged facts are not believed."""
import calendar
import csv
import fcntl
import io
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import rules_fixture
from rules_fixture import Client, DAEMON, Site, good

t = harness.Suite()
if os.geteuid() != 0:
    status, out, err = harness.run([harness.program("dmwho")])
    t.check("only root can look into sessions", status == 77 and out == b"" and b"root" in err, (status, out, err))
    t.skip("the rest needs root")
    t.end()
DMWHO = harness.program("dmwho")
# Names of this test alone: other sessions of this host are nobody's business.
ONE, TWO, FORGED = ("%s%d" % (name, os.getpid()) for name in ("one", "two", "forged"))
rules_fixture.LABELS.update({ONE: "", TWO: ""})
site = Site()
site.set(**site.certificate())


def dmwho(*words):
    p = subprocess.run([DMWHO, *words], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def ours(*words):
    """What dmwho says of the processes of this test."""
    status, out, _ = dmwho("--json", *words)
    t.equal("dmwho --json", status, 0)
    return [s for s in json.loads(out) if s["pid"] in pids]


clients = {}
for n, service in enumerate(DAEMON):
    for tls in (False, True):
        c = clients[service, tls] = Client(site, service, "127.0.3.%d" % (n + 1), ("--tls",) if tls else ())
pids = {c.p.pid: key for key, c in clients.items()}
t.equal("who has not logged in is not listed", ours(), [])
for (service, tls), c in clients.items():
    t.check("login %s %s" % (service, tls), good(service, c.login(TWO if tls else ONE)) and c.is_in(), site.log(service)[-500:])
rows = ours()
t.equal("everybody is listed", sorted((s["service"], s["tls"], s["user"], s["address"]) for s in rows),
        sorted((s, tls, TWO if tls else ONE, "127.0.3.%d" % (list(DAEMON).index(s) + 1)) for s, tls in clients))
for s in rows:
    t.equal("its process", (s["service"], s["tls"]), pids[s["pid"]])
    t.equal("its program", s["program"], "dsmtpd" if s["service"] == "smtp" else DAEMON[s["service"]] + "-session")
    t.check("its line in the log", "sid=" + s["sid"] + " " in site.log(s["service"]))
    t.check("since", abs(time.time() - calendar.timegm(time.strptime(s["since"], "%Y-%m-%dT%H:%M:%SZ"))) < 120, s["since"])
t.equal("of one account", {s["user"] for s in ours(TWO[:-1].upper() + "?")}, {TWO})
t.equal("of an account that is not on", ours("nobody-of-this-name"), [])
status, out, err = dmwho()
t.check("a table", out.startswith("USER ") and sum(ONE in l.split()[:1] and "127.0.3." in l for l in out.split("\n")) == 3, out)
table = list(csv.reader(io.StringIO(dmwho("--csv")[1])))
t.equal("CSV", table[0], ["user", "service", "tls", "address", "since", "pid", "sid", "program"])
t.equal("CSV has the same", sorted(int(r[5]) for r in table[1:] if int(r[5]) in pids), sorted(pids))

# Memory of the right name and text that root has not sealed, or that is not root's.
forger = harness.scratch("dmail-forger.") + "/forger.py"
with open(forger, "w") as f:
    f.write("import fcntl, os, sys\nfd = os.memfd_create('dmail-session', os.MFD_ALLOW_SEALING)\n"
            "os.write(fd, b'dmail-session 1\\nservice imap\\nip 192.0.2.1\\nsession forged\\nsince 1\\ntls 0\\nuser %s\\n')\n"
            "if sys.argv[1] == 'sealed': fcntl.fcntl(fd, 1033, 15)\nprint('ready', flush=True)\nsys.stdin.read()\n" % FORGED)
for how, argv in (("not sealed", []), ("another user's", harness.unprivileged())):
    if how == "another user's" and not argv:
        continue
    p = subprocess.Popen([*argv, sys.executable, forger, "sealed" if argv else "open"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    p.stdout.readline()
    t.check("not believed: " + how, FORGED not in dmwho()[1])
    t.equal("nor ended: " + how, dmwho("--kick", FORGED)[0], 1)
    p.stdin.close()
    t.equal("it has lived on: " + how, p.wait(30), 0)

# Who may do nothing about it sees nothing.
if os.geteuid() == 0:
    alone = harness.scratch("dmail-alone.")
    p = subprocess.run([*harness.unprivileged(), DMWHO], capture_output=True, text=True)
    t.check("an ordinary user sees nothing", p.returncode == 77 and p.stdout == "" and "root" in p.stderr, p)

# ---- kick
status, out, err = dmwho("--kick", ONE.upper())
ended = [l for l in out.split("\n") if any("pid %d" % pid in l for pid in pids)]
t.check("--kick says whom", status == 0 and len(ended) == 3 and all(l.startswith("ended %s " % ONE) for l in ended), (out, err))
left = clients["imap", False]
t.check("IMAP's client is told", left.line().startswith("* BYE"))
for (service, tls), c in clients.items():
    if not tls:
        c.p.wait(30)
        t.check("%s of the one is over" % service, not good(service, c.ask({"imap": "n NOOP"}.get(service, "NOOP"))))
    else:
        t.check("%s of the other goes on" % service, c.is_in())
t.equal("who is left", {s["user"] for s in ours()}, {TWO})
status, out, err = dmwho("--kick", ONE)
t.check("nobody to end", status == 1 and out == "" and "no session" in err, (status, out, err))
stopped = clients["imap", True]
os.kill(stopped.p.pid, 19)  # SIGSTOP: it cannot end when asked to
status, out, err = dmwho("--kick", TWO)
t.check("one that does not listen is killed", status == 0 and "pid %d" % stopped.p.pid in out, (status, out, err))
for c in clients.values():
    c.p.wait(30)
t.equal("none is left", ours(), [])
for words, wanted in ((("--bogus",), 64), (("--kick",), 64), (("--kick", "--json", "x"), 64), (("--version",), 0), (("--help",), 0)):
    t.equal("dmwho " + " ".join(words), dmwho(*words)[0], wanted)
t.end()
