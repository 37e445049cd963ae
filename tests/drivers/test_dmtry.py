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
t.end()
