#!/usr/bin/env python3
"""make install while people log in: none fails, every connection is of one build, old builds go when nobody needs them."""
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from rules_fixture import ROOT, Client, Site, good

INSTALLS = 10
t = harness.Suite()
stage = harness.scratch("dmail-stage.")
libexec = stage + "/usr/local/lib/dmail"


def make_install():
    p = subprocess.run(["make", "-s", "-C", harness.ROOT, "B=" + os.path.relpath(harness.BUILD, harness.ROOT), "install",
                        "DESTDIR=" + stage], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=harness.without_make())
    return p.returncode, "" if p.returncode == 0 else p.stdout.decode()[-1500:]


def builds():
    return sorted(n for n in os.listdir(libexec) if re.fullmatch(r"[\d.]+-[0-9a-f]{12}", n))


t.equal("make install", make_install(), (0, ""))
programs = sorted(n for n in os.listdir(libexec) if n != "current" and not re.match(r"\d", n))
t.check("programs are links into the current build",
        all(os.readlink(libexec + "/" + n) == "current/" + n for n in programs) and [os.readlink(libexec + "/current")] == builds(), programs)
first = builds()
inodes = {n: os.stat(libexec + "/" + n).st_ino for n in programs}
t.equal("the same once more", make_install(), (0, ""))
t.equal("the same build is the same files", ({n: os.stat(libexec + "/" + n).st_ino for n in programs}, builds()), (inodes, first))
with open("%s/%s/imapd-login" % (libexec, first[0]), "ab") as f:
    f.write(b"damaged")
os.chmod("%s/%s/dpopd-session" % (libexec, first[0]), 0o600)
t.equal("the same over a damaged one", make_install(), (0, ""))
t.check("what was damaged is whole again", not open("%s/%s/imapd-login" % (libexec, first[0]), "rb").read().endswith(b"damaged")
        and os.stat(libexec + "/dpopd-session").st_mode & 0o777 == 0o711)

# Other builds, by hand as make install does it: the same programs with something behind their end.
whole = harness.scratch("dmail-whole.")
for name in programs:
    shutil.copy2("%s/%s/%s" % (libexec, first[0], name), whole)
version = re.match(r"[\d.]+", first[0]).group(0)


def install_other(n):
    other = harness.scratch("dmail-other.")
    for name in programs:
        with open(whole + "/" + name, "rb") as f, open(other + "/" + name, "wb") as to:
            to.write(f.read() + b"build %d" % n)
    p = subprocess.run([harness.ROOT + "/tools/build/install-programs", "libexec", other, libexec, version, "true", *programs],
                       capture_output=True, text=True)
    return p.returncode, "" if p.returncode == 0 else p.stdout + p.stderr


site = Site()
with open(site.path + "/dmail.conf") as f:
    rows = [l for l in f if not l.startswith("libexec_path")]
with open(site.path + "/dmail.conf", "w") as f:
    f.writelines(rows)
harness.program = lambda name: os.path.join(libexec, name)  # as inetd.conf names it

over, done, failures = threading.Event(), {"imap": 0, "pop": 0, "smtp": 0}, []


def log_in(service):
    while not over.is_set():
        try:
            c = Client(site, service)
            answer = c.login()
            if not good(service, answer) or not c.is_in():
                failures.append((service, c.greeting, answer))
            c.kill()
        except Exception as e:  # the server could not even be started
            failures.append((service, repr(e)))
        done[service] += 1


early = {s: Client(site, s) for s in done}
t.check("greeted before the installs", all(c.greeting for c in early.values()))
threads = [threading.Thread(target=log_in, args=(s,)) for s in done]
for thread in threads:
    thread.start()
for n in range(INSTALLS):
    before = dict(done)
    t.equal("install %d" % n, install_other(n) if n % 3 else make_install(), (0, ""))
    # A login of each kind has begun and ended under this build before the next one comes.
    while any(done[s] < before[s] + 2 for s in done) and len(failures) < 20:
        over.wait(0.01)
over.set()
for thread in threads:
    thread.join()
t.check("no login of %s fails during %d installs" % (done, INSTALLS), not failures and min(done.values()) >= INSTALLS, failures[:5])
t.check("their build is kept", first[0] in builds(), builds())
for service, c in early.items():
    exe = os.readlink("/proc/%d/exe" % c.p.pid) if ROOT else ""
    t.check(service + ": who was greeted before them still logs in", good(service, c.login()) and c.is_in())
    if service != "smtp" and ROOT:  # a session is closed to its own user
        now = os.readlink("/proc/%d/exe" % c.p.pid)
        t.check(service + ": with a session of the same build", os.path.dirname(now) == os.path.dirname(exe) and now != exe, now)
t.check("the logs have no failure", not any(e in site.log(s) for s in done for e in ("session-failed", "not-served", "login-program")),
        [l for s in done for l in site.log(s).split("\n") if "failed" in l][:3])
for c in early.values():
    c.kill()
for n in range(2):
    install_other(100 + n)
t.equal("builds that nobody needs go: there are this one and the one before", len(builds()), 2)
t.check("nothing is left half made", not [n for n in os.listdir(libexec) if n.startswith(".")])
# Back to the build before, by the lines of dmail-admin(7).
with open(harness.ROOT + "/man/dmail-admin.7") as f:
    back = re.search(r"(?m)^ *ln .*BUILD next.*$", f.read()).group(0).replace("\\-", "-")
other = next(b for b in builds() if b != os.readlink(libexec + "/current"))
subprocess.run(["sh", "-c", back.replace("BUILD", other)], cwd=libexec, check=True)
t.equal("back to the build before", os.readlink(libexec + "/current"), other)
c = Client(site, "imap")
t.check("and it serves", good("imap", c.login()) and c.is_in() and (not ROOT or "/" + other + "/" in os.readlink("/proc/%d/exe" % c.p.pid)))
c.kill()
# From programs that lie in the directory itself, as they did before.
for name in programs:
    os.unlink(libexec + "/" + name)
    with open(libexec + "/" + name, "wb") as f:
        f.write(b"old")
t.equal("over plain files", (install_other(200)[0], os.readlink(libexec + "/imapd")), (0, "current/imapd"))
t.end()
