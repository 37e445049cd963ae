#!/usr/bin/env python3
"""The ports of dmtry: each its own, none that the system gives to outgoing connections, and a taken one refused."""
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
harness.need("xinetd")
PORTS = ("IMAP_PORT", "IMAPS_PORT", "POP3_PORT", "POP3S_PORT", "SMTP_PORT", "SUBMISSION_PORT", "SUBMISSIONS_PORT", "LMTP_PORT")

with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
    outgoing = int(f.read().split()[0])
with harness.Instance() as i:
    ports = [getattr(i, name) for name in PORTS]
    t.equal("each its own", len(set(ports)), len(PORTS))
    t.check("none of those for outgoing connections", all(1024 < p < outgoing for p in ports), ports)

# Several that start at once: a port is nobody else's between its choice and the start of the server.
started = [subprocess.Popen([harness.program("dmtry"), os.path.join(harness.scratch(), "i")], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(4)]
t.equal("four at once are all ready", [p.stdout.readline() for p in started], [b"ready\n"] * 4)
with harness.Instance() as i:
    t.check("a port has a name that keeps others off", "@dmail-port-%d\n" % i.IMAP_PORT in open("/proc/net/unix").read())
t.check("which goes with it", "@dmail-port-%d\n" % i.IMAP_PORT not in open("/proc/net/unix").read())
for p in started:
    p.stdin.close()
    p.wait(120)

with socket.create_server(("127.0.0.1", 0)) as taken:
    port = taken.getsockname()[1]
    p = subprocess.run([harness.program("dmtry"), os.path.join(harness.scratch(), "i"), "--imap", str(port)],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    t.check("a taken one is refused", p.returncode != 0 and b"port %d of 127.0.0.1 cannot be had" % port in p.stdout, p.stdout)


def refuses(what, directory, text):
    p = subprocess.run([harness.program("dmtry"), directory], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    t.check("refused: " + what, p.returncode != 0 and text in p.stdout and b"ready" not in p.stdout, p.stdout)


# A directory that somebody else can change would have programs of his run with our rights.
away = harness.scratch()
os.chmod(away, 0o755)
victim = os.path.join(away, "victim")
os.mkdir(victim, 0o700)
before = os.stat(victim)
mine = lambda name: (os.mkdir(os.path.join(away, name), 0o755), os.path.join(away, name))[1]
os.chmod(mine("open"), 0o777)
refuses("one that others can write", away + "/open", b"can be written by others")
os.chmod(mine("sticky"), 0o1777)
refuses("the sticky bit is not enough for its own", away + "/sticky", b"can be written by others")
os.symlink(victim, away + "/link")
refuses("a link", away + "/link", b"is a link")
for name in ("work", "log", "users", "spool", "run", "jail"):
    os.symlink(victim, mine("with-" + name) + "/" + name)
    refuses("a link for " + name, away + "/with-" + name, b"is a link")
os.symlink(victim + "/made", mine("logs") + "/log")
refuses("a link to nothing", away + "/logs", b"is a link")
if os.geteuid() == 0:
    other = 64777
    os.chown(mine("others"), other, other)
    refuses("somebody else's", away + "/others", b"belongs to uid 64777")
    refuses("one below somebody else's", away + "/others/new", b"belongs to uid 64777")
    os.chmod(away + "/open", 0o777)
    refuses("one below one that others can write", away + "/open/new", b"can be written by others")
    os.mkdir(mine("inside") + "/log")
    os.chown(away + "/inside/log", other, other)
    refuses("one with a part of somebody else's", away + "/inside", b"belongs to uid 64777")
    os.mkdir(mine("linked") + "/log")
    os.symlink(victim + "/nwauth.out", away + "/linked/log/nwauth.out")
    refuses("a log that is a link", away + "/linked", b"nwauth.out")
after = os.stat(victim)
t.equal("nothing of it came to anybody", (after.st_uid, after.st_mode, os.listdir(victim)), (before.st_uid, before.st_mode, []))
with harness.Instance() as i:
    t.equal("passwords are for the caller", os.stat(i.dir + "/env").st_mode & 0o777, 0o600)
t.end()
