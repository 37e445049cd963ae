#!/usr/bin/env python3
"""tools/build/setup-host on a host that has an older dmail, in a mount namespace with an /etc and a /var of its own: the password
database of the mail user becomes module_user's, whether it is run once, twice, or broken off in the middle; nothing else does."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
ALONE = ["unshare", "--mount", "--propagation", "private"]
if os.geteuid() != 0 or subprocess.run([*ALONE, "true"], stderr=subprocess.DEVNULL).returncode != 0:
    print("skipped: needs root and a mount namespace")
    sys.exit(77)
home = harness.scratch("dmail-host.")
SETUP = harness.ROOT + "/tools/build/setup-host"
NAMES = ["tmail", "tlogin", "tauth", "tmodule"]  # of no host
for name in ("etc", "lib", "spool", "log"):
    os.mkdir("%s/%s" % (home, name))
subprocess.run(["cp", "-a", "/etc/.", home + "/etc"], check=True)
for lock in ("passwd.lock", "group.lock", "shadow.lock", "gshadow.lock"):
    if os.path.exists("%s/etc/%s" % (home, lock)):
        os.unlink("%s/etc/%s" % (home, lock))
with open(home + "/example.conf", "w") as f:
    f.write("host_domain x.example\n")
MOUNTS = "".join("mount --bind %s/%s %s && " % (home, ours, there)
                 for ours, there in (("etc", "/etc"), ("lib", "/var/lib"), ("spool", "/var/spool"), ("log", "/var/log")))


def there(script):
    p = subprocess.run([*ALONE, "sh", "-c", MOUNTS + script], capture_output=True, text=True, timeout=300)
    return p.returncode, p.stdout + p.stderr


def setup(more=""):
    return there("%s%s %s /var/lib/dmail/empty /etc/dmail.conf %s/example.conf" % (more, SETUP, " ".join(NAMES), home))


def ids(name):
    return [int(x) for l in open(home + "/etc/passwd") if l.startswith(name + ":") for x in l.split(":")[2:4]]


def owners():
    return {n: tuple(getattr(os.lstat(os.path.join(folder, n)), a) for a in ("st_uid", "st_gid"))
            for folder, dirs, files in os.walk(home + "/lib/dmail") for n in dirs + files}


status, out = setup()
if not t.equal("a new host", status, 0):
    print(out)
t.check("four accounts", all(ids(n) for n in NAMES) and "made the system account tmodule" in out, out)
mail, module = tuple(ids("tmail")), tuple(ids("tmodule"))
t.equal("the database is module_user's, the tally mail_user's", (owners()["nwauth"], owners()["tally"]), (module, mail))
t.equal("for nobody else", os.stat(home + "/lib/dmail/nwauth").st_mode & 0o777, 0o700)
t.check("nothing is given away", "gave" not in out, out)
before = owners()
status, out = setup()
t.equal("once more changes nothing", (status, owners(), "gave" in out), (0, before, False))

# As it was before.
DB = home + "/lib/dmail/nwauth"
NWAUTH = harness.program("nwauth")
shutil.rmtree(DB)
os.mkdir(DB, 0o700)
os.chown(DB, *mail)
subprocess.run([NWAUTH, "-path", DB, "set", "joe", "pw"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
files = sorted(os.listdir(DB))
victim = home + "/lib/victim"
with open(victim, "w") as f:
    f.write("root's\n")
os.symlink(victim, DB + "/link")
os.link(victim, DB + "/other-name")
for name in files:
    os.chown(os.path.join(DB, name), *mail)
os.chown(DB + "/link", *mail, follow_symlinks=False)
# A link that mail_user made to a file of his elsewhere, too: what has two names is not given away by one of them.
with open(home + "/lib/mail-file", "w") as f:
    f.write("his\n")
os.link(home + "/lib/mail-file", DB + "/his-other-name")
os.chown(home + "/lib/mail-file", *mail)
status, out = setup()
t.check("an older host", status == 0 and "gave the password database /var/lib/dmail/nwauth to tmodule (it was tmail's)" in out and
        "try-restart dmail-nwauth" in out, out)
now = owners()
t.equal("directory and files are module_user's", {now[n] for n in ["nwauth", *files]}, {module})
t.equal("nothing behind a link is", (os.stat(victim).st_uid, now["other-name"][0], now["his-other-name"]), (0, 0, mail))
t.equal("the tally stays mail_user's", now["tally"], mail)
status, out = setup()
t.equal("twice", (status, owners(), "gave" in out), (0, now, False))
for n in ("link", "other-name", "his-other-name"):
    os.unlink(os.path.join(DB, n))
p = harness.run([NWAUTH, "-path", DB, "check", "joe", "pw"])
t.check("and joe is there", p[0] == 0, p)

# Broken off between the directory and its files.
for n in files:
    os.chown(os.path.join(DB, n), *mail)
status, out = setup()
t.equal("broken off before: the rest is done", (status, {owners()[n] for n in ["nwauth", *files]}), (0, {module}))
t.check("and told again", "try-restart" in out, out)
# Somebody else's database is his.
for n in [".", *files]:
    os.chown(os.path.join(DB, n), 63111, 63111)
status, out = setup()
t.equal("another's stays another's", (status, {owners()[n] for n in ["nwauth", *files]}, "gave" in out), (0, {(63111, 63111)}, False))
# What dmail.conf says of the accounts counts.
with open(home + "/etc/dmail.conf", "a") as f:
    f.write("mail_user tlogin\nmodule_user tauth\n")
for n in [".", *files]:
    os.chown(os.path.join(DB, n), *ids("tlogin"))
status, out = setup()
t.equal("accounts of dmail.conf", (status, {owners()[n] for n in ["nwauth", *files]}), (0, {tuple(ids("tauth"))}))
# A link in its place is followed by nobody.
shutil.rmtree(DB)
os.mkdir(home + "/lib/elsewhere")
os.chown(home + "/lib/elsewhere", *mail)
os.symlink("/var/lib/elsewhere", DB)
status, out = setup()
t.equal("a link in its place", (status, os.stat(home + "/lib/elsewhere").st_uid), (0, mail[0]))
t.end()
