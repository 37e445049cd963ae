#!/usr/bin/env python3
"""dmconf rehash: mail moves to where today's settings look, and none is lost.

From every layout to every other; two places; what must be left; kill -9 while mail is delivered.  test_dmconf_rehash.py BUILD
"""
import fcntl
import os
import random
import re
import signal
import subprocess
import threading
import time

from rules_fixture import ROOT, Client, Site, harness

t = harness.Suite()
site = Site()
conf, spool = site.path + "/dmail.conf", site.path + "/mail"
UID = 63110 if ROOT else os.getuid()
LAYOUTS = [dict(hash_spool=h, imapd_enable_new_hashing=n) for h in (0, 1, 2) for n in ("true", "false")]
USERS = ("joe", "ann", "xy", "a.b", "o'neil")


def settings(**more):
    site.set(host_domain="example.com", vdomain="v @virt.example virt.example " + spool, **more)


def rehash(*options):
    p = subprocess.run([harness.program("dmconf"), "rehash", *options, conf], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=120)
    return p.returncode, p.stdout.decode()


def files():
    """Every drop file and folder with its text, by path below the spool."""
    found = {}
    for folder, _, names in os.walk(spool):
        for n in names:
            with open(os.path.join(folder, n), "rb") as f:
                found[os.path.relpath(os.path.join(folder, n), spool)] = f.read()
    return found


def put(path, text, folder=None):
    path = os.path.join(spool, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if folder:
        os.mkdir(path + ".mbx")
        put(path + ".mbx/" + folder, text)
        if ROOT:
            os.chown(path + ".mbx", UID, UID)
    with open(path, "wb") as f:
        f.write(text)
    os.chmod(path, 0o600)
    if ROOT:
        os.chown(path, UID, UID)


def mail(n):
    return b"From a@b Sat Nov 21 10:00:00 2026\nSubject: %d\n\nx\n\n" % n


def empty():
    subprocess.run(["rm", "-rf", spool], check=True)
    os.mkdir(spool)
    os.chmod(spool, 0o755)


# Every layout to every other, with folders; the texts tell whose they are.
settings(hash_spool=0)
for n, user in enumerate(USERS):
    put(user, mail(n), "Sent" if n % 2 == 0 else None)
put("v_vic", mail(99), "Sent")
put("README", b"not mail\n")
whole = sorted(files().values())
at = LAYOUTS[0]
for step in range(12):
    to = random.Random(step).choice([l for l in LAYOUTS if l != at])
    settings(drop_prefix="true" if step % 3 == 2 else "false", **to)
    before = files()
    status, out = rehash()
    t.equal("%s: dry run changes nothing" % to, files(), before)
    status, out = rehash("--move")
    t.equal("%s: exit status" % to, status, 0) or print(out)
    t.equal("%s: all is there" % to, sorted(files().values()), whole)
    t.check("%s: folders beside their drop file" % to, all(os.path.exists(os.path.join(spool, p.split(".mbx/")[0]))
                                                         for p in files() if ".mbx/" in p), sorted(files()))
    again = rehash("--move")
    t.check("%s: again there is nothing to do" % to, again[0] == 0 and "0 moved, 0 left" in again[1], again)
    at = to
settings(hash_spool=1)
rehash("--move")
t.check("where servers look", {"g/joe", "h/xy", "README"} <= set(files()), sorted(files()))
if ROOT:
    st = os.stat(spool + "/g")
    t.equal("hash directories are as servers make them", (st.st_uid, oct(st.st_mode & 0o7777)), (0, "0o711"))
    t.equal("drop files keep their owner", os.stat(spool + "/g/joe").st_uid, 63110)

# Two places.
empty()
put("joe", mail(1), "Sent")
put("g/joe", b"", "Drafts")
os.truncate(spool + "/g/joe.mbx/Drafts", 0)
status, out = rehash("--move")
t.check("an empty drop file makes room", status == 0 and "1 moved" in out, out)
t.check("mail and folders are in place", files().get("g/joe") == mail(1) and files().get("g/joe.mbx/Sent") == mail(1), files())
t.equal("the empty one is kept", files().get("joe"), b"")
t.equal("and is nothing to do", rehash("--move")[0], 0)
put("joe", mail(2))
before = files()
status, out = rehash("--move")
t.check("mail at both places is left", status == 1 and "mail here and at %s/g/joe" % spool in out and "1 with mail at both" in out, out)
t.equal("and not touched", files(), before)

# What must be left.
empty()
put("ann", mail(1))
os.rename(spool + "/ann", site.path + "/elsewhere")
os.symlink(site.path + "/elsewhere", spool + "/ann")
put("joe", mail(1))
os.link(spool + "/joe", spool + "/joe.old")
os.mkdir(spool + "/link")
os.symlink(spool + "/link", spool + "/x")
put("x2", mail(3))
status, out = rehash("--move")
t.check("a link is not moved", os.path.islink(spool + "/ann"), out)
t.check("nor a file with two names", os.path.exists(spool + "/joe") and "more than one name" in out, out)
os.unlink(spool + "/joe.old")
put("joe", mail(1), "Sent")
os.mkdir(spool + "/joe.mbx/.index")
open(spool + "/joe.mbx/.index/INBOX.journal", "w").close()
t.check("nor one whose rewriting was cut short", "a rewrite was cut short" in rehash("--move")[1] and os.path.exists(spool + "/joe"))
os.unlink(spool + "/joe.mbx/.index/INBOX.journal")

# drop_prefix turned on in a spool that two domains share: v_vic was vic's of the virtual domain, and is v_vic's now.


def module(*users):
    """The settings of a module that knows these addresses."""
    path = site.path + "/auth-full"
    with open(path + ".new", "w") as f:
        f.write("#!/bin/sh\nwhile read -r c u; do\n  case $u in\n")
        f.write("".join("    %s) echo '+OK %s config 0';;\n" % (u, u) for u in users))
        f.write("    *) echo '-ERR no such user';;\n  esac\ndone\n")
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return dict(authent_domain="true", authent_process=path)


VIC, OTHER = "vic@virt.example", "v_vic@example.com"
for hash_spool in (0, 1):
    for users in ((VIC,), (OTHER,), (VIC, OTHER), ()):
        empty()
        put("v_vic", mail(1), "Sent")
        settings(hash_spool=hash_spool, drop_prefix="true", **module(*users))
        status, out = rehash("--move")
        now = {p for p in files() if not p.endswith("/Sent")}
        what = "v_vic, hash_spool %d, with %s" % (hash_spool, " and ".join(users) or "neither")
        if len(users) == 1:
            moves = users == (VIC,) or hash_spool == 1
            t.check(what + ": is the one's there is", status == 0 and ("1 moved, 0 left, 0 in" if moves else "0 moved, 0 left, 1 in") in out, out)
            t.check(what + ": is where that one's mail is", len(now) == 1 and (next(iter(now)).endswith("/vic") == (users == (VIC,))), now)
        else:
            t.check(what + ": is left, and both are named", status == 1 and re.search(r"/v_vic: may be mail of vic@virt\.example.* or v_vic.*: left", out)
                    and "1 left" in out, out)
            t.equal(what + ": is not touched", now, {"v_vic"})
empty()
put("v_vic", mail(1))
put("v/vic", mail(2))
settings(hash_spool=0, drop_prefix="true", **module(VIC))
before = files()
status, out = rehash("--move")
t.check("nor is mail of before put to mail of today", status == 1 and "1 with mail at both" in out and files() == before, out)
# Names without a domain: the module knows one v_vic, who is vic.
empty()
put("v_vic", mail(1))
settings(hash_spool=0, drop_prefix="true")
status, out = rehash("--move")
t.check("one account has one place", status == 0 and files() == {"v/vic": mail(1)}, out)

# A session has it open; when it is over the mail moves.
empty()
settings(hash_spool=0)
c = Client(site, "imap")
c.login()
t.check("a session", c.ask("s SELECT INBOX").startswith("s OK"))
settings(hash_spool=1)
status, out = rehash("--move")
t.check("mail of a session is left", status == 1 and "a session has the mailbox open" in out and os.path.exists(spool + "/joe"), out)
c.ask("o LOGOUT")
c.p.wait(30)
t.equal("and moved after it", rehash("--move")[0], 0)
t.check("at last", os.path.exists(spool + "/g/joe") and not os.path.exists(spool + "/joe"), sorted(files()))

# A directory of earlier settings.
empty()
os.rename(spool, site.path + "/old")
os.mkdir(spool)
os.chmod(spool, 0o755)
with open(site.path + "/old/joe", "wb") as f:
    f.write(mail(7))
if ROOT:
    os.chown(site.path + "/old/joe", UID, UID)
t.equal("--from", rehash("--move", "--from", site.path + "/old")[0], 0)
t.equal("--from: mail has come", files().get("g/joe"), mail(7))

# The module cannot answer, or says another place: nothing is moved.
empty()
put("joe", mail(1))
settings(hash_spool=1, authent_process="/bin/false")
status, out = rehash("--move")
t.check("a module that is silent", status == 2 and "module cannot say" in out and os.path.exists(spool + "/joe"), out)
site.set(hash_spool=3)
status, out = rehash("--move")
t.check("settings that servers defer on", status == 2 and "nothing is moved while servers defer" in out, out)

# Another program puts a new file in place while the locks are waited for: who writes there now does not know of us.
empty()
put("joe", mail(1))
settings(hash_spool=1, lock_timeout=300)
open(spool + "/joe.lock", "w").close()
p = subprocess.Popen([harness.program("dmconf"), "rehash", "--move", conf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def looked():
    """dmconf has the lock of the file as it was, and waits for the other one."""
    with open(spool + "/joe", "rb+") as f:
        try:
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return p.poll() is not None


t.check("the dotlock is waited for", harness.wait_until(looked) and p.poll() is None)
put("joe.new", mail(2))
os.rename(spool + "/joe.new", spool + "/joe")
os.unlink(spool + "/joe.lock")
out = p.communicate(timeout=120)[0].decode()
t.check("a file put in place meanwhile is left", "not now: mail came in, or the files were changed, meanwhile" in out, out)
t.equal("and stands there", files().get("joe"), mail(2))

# kill -9 at any moment, while mail comes in.
empty()
delivered, stop = [], threading.Event()


def deliver():
    n = 0
    while not stop.is_set():
        n += 1
        user = ("joe", "ann")[n % 2]
        c = Client(site, "smtp", args=("--lmtp",))
        c.ask("LHLO me")
        c.ask("MAIL FROM:<s@there.example>")
        c.ask("RCPT TO:<%s@example.com>" % user)
        c.ask("DATA")
        if c.ask("Subject: kill-%d\r\n\r\nx\r\n." % n).startswith("250"):
            delivered.append(n)
        c.kill(children=False)
        c.p.wait(30)


settings(hash_spool=0)
for n in range(300):
    put("user%d" % n, mail(n), "Sent" if n % 3 == 0 else None)
sum_before = sorted(files().values())
thread = threading.Thread(target=deliver)
thread.start()
killed = 0
dice = random.Random(5)
end = time.monotonic() + 60
for round_ in range(12):
    settings(hash_spool=round_ % 3)
    p = subprocess.Popen([harness.program("dmconf"), "rehash", "--move", conf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen = 0
    wanted = dice.randrange(1, 200)
    for _ in p.stdout:  # whole lines come in pieces: killed at some user's, wherever that is
        seen += 1
        if seen == wanted:
            p.send_signal(signal.SIGKILL)
            killed += 1
            break
    p.stdout.close()
    p.wait(60)
stop.set()
thread.join(60)
settings(hash_spool=1)
for _ in range(20):  # until what deliveries had locked is free
    status, out = rehash("--move")
    if " left" in out and (status == 0 or "at both places" in out):
        break
t.check("some runs were killed", killed >= 4, killed)
now = files()
inboxes = b"".join(text for path, text in now.items() if os.path.basename(path) in ("joe", "ann"))
missing = [n for n in delivered if b"Subject: kill-%d\n" % n not in inboxes]
t.check("mail was delivered meanwhile", len(delivered) > 5, delivered)
t.equal("no delivered mail is lost", missing, [])
rest = sorted(text for path, text in now.items() if re.search(r"/user\d+(\.mbx/Sent)?$", "/" + path))
t.equal("nor any other", rest, sum_before)
t.check("and all of it is where servers look", all(re.search(r"^[a-z]/user\d+", p) for p in now if "user" in p),
        [p for p in now if "user" in p and not re.search(r"^[a-z]/user\d+", p)])
t.end()
