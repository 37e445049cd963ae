#!/usr/bin/env python3
"""dmail-admin(7): its lines are run as they stand, with places of this test: backup and restore, a new certificate under load,
locking an account out, dump and load; what it says of Postfix and Exim is understood by these where they are installed."""
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from rules_fixture import Client, Site, good

t = harness.Suite()
if os.geteuid() != 0:
    print("skipped: the page is root's")
    sys.exit(77)
USER = "ann%d" % os.getpid()  # of this test alone: it is kicked
with open(os.path.join(harness.ROOT, "man/dmail-admin.7")) as f:
    page = f.read()


def as_shown(text):
    return re.sub(r"(?m)^    ", "", text).replace("\\-", "-").replace("\\e", "\\")


blocks = [as_shown(b) for b in re.findall(r"\n\.nf\n(.*?)\n\.fi", page, re.S)]
TAKEN = set()


def block(start):
    found = [b for b in blocks if b.startswith(start)]
    t.equal("the page shows " + start, len(found), 1)
    TAKEN.update(found)
    return found[0]


site = Site()
home, root = site.path, os.geteuid() == 0
site.set(authent_process="%s -path %s/db" % (harness.program("nwauth"), home), drop_path=home + "/mail")
os.mkdir(home + "/db")
if root:
    os.chown(home + "/db", 65530, 65530)  # module_user of Site
    os.chmod(home + "/mail", 0o755)
os.mkdir(home + "/root")


def shell(text):
    text = re.sub(r"\bann\b", USER, text).replace("/root/", home + "/root/").replace("/etc/ssl/mail", home + "/ssl")
    text = 'nwauth() { %s -path %s/db -C %s/dmail.conf "$@"; }; dmwho() { %s "$@"; }; dmconf() { %s "$@" %s/dmail.conf; }\n' % (
        harness.program("nwauth"), home, home, harness.program("dmwho"), harness.program("dmconf"), home) + text
    return subprocess.run(["bash", "-c", "set -e\n" + text], capture_output=True, text=True, cwd=home + "/root", timeout=120)


t.equal("a user", shell("nwauth set ann secret").returncode, 0)


def ask(c, line):
    """All lines of an answer."""
    c.s.sendall(b"t " + line.encode() + b"\r\n")
    out = []
    while not (out and out[-1].startswith("t ")):
        line = c.f.readline()
        if not line:
            return out + ["t gone"]
        out.append(line.decode().rstrip("\r\n"))
    return out


def logged_in():
    c = Client(site, "imap")
    t.check("login", good("imap", c.login(USER)), site.log("imap")[-600:])
    return c


def append(c, folder, n):
    text = harness.message(n)
    c.s.sendall(b"t APPEND %s (\\Seen $Kept%d) {%d+}\r\n%s\r\n" % (folder.encode(), n, len(text), text))
    t.check("APPEND", "OK" in c.reply())


def state():
    """All that a mail program keeps of every folder (what is new to this session is for the session alone)."""
    c, out = logged_in(), []
    for folder in ("INBOX", "Sent", "Sent/2026"):
        selected = [l for l in ask(c, "SELECT " + folder) if "UIDVALIDITY" in l or "UIDNEXT" in l or "EXISTS" in l]
        fetched = ask(c, "UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])")[:-1]
        out += selected + [re.sub(r"\\Recent ?", "", line) for line in fetched if not re.fullmatch(r"\* \d+ RECENT", line)]
    out += ask(c, 'LSUB "" "*"')[:-1]
    c.end()
    return out


# ---- users and backup
c = logged_in()
for line in ("CREATE Sent", "CREATE Sent/2026", "SUBSCRIBE Sent"):
    t.check(line, ask(c, line)[-1].startswith("t OK"))
for n, folder in enumerate(("INBOX", "INBOX", "INBOX", "Sent", "Sent/2026", "Sent/2026")):
    append(c, folder, n)
ask(c, "SELECT INBOX")
ask(c, "STORE 2 +FLAGS (\\Deleted)")
ask(c, "EXPUNGE")
c.end()
before = state()
t.check("there is something to lose", len(before) > 60, len(before))
p = shell(block("D=$(nwauth drop_path ann)\ntar"))
t.equal("backup", (p.returncode, p.stderr), (0, ""))
c = logged_in()
append(c, "INBOX", 7)
ask(c, "SELECT Sent/2026")
ask(c, "STORE 1:* +FLAGS (\\Deleted)")
ask(c, "EXPUNGE")
ask(c, "DELETE Sent")
c.end()
t.check("it is another mailbox now", state() != before)
p = shell(block("D=$(nwauth drop_path ann)\nmkdir"))
t.equal("restore", (p.returncode, p.stderr), (0, ""))
after = state()
t.equal("restored exactly", after, before) or print([x for x in zip(before, after) if x[0] != x[1]][:4])

# ---- sessions
c = logged_in()
p = shell(block("nwauth set ann (NULL)").replace("(NULL)", "'(NULL)'"))
t.check("locked out and ended", p.returncode == 0 and "ended " + USER in p.stdout and c.line().startswith("* BYE"), p)
c.p.wait(30)
c = Client(site, "imap")
t.check("no login any more", not good("imap", c.login(USER)))
c.kill()
shell("nwauth set ann '(NULL)' imap=yes pop=yes smtp=yes")
for line in block("dmwho\n").split("\n"):
    p = shell(line)
    t.check(line, p.returncode == (1 if "kick" in line else 0), p)
p = shell(block("nwauth list").replace("nwauth passwd ann", "echo new secret | nwauth passwd ann"))
t.check("users", p.returncode == 0 and USER + " deleted" in p.stdout and home + "/mail" in p.stderr, p)
shell("nwauth set ann secret")
# The database of a host from before module_user; the account is there.
for name in os.listdir(home + "/db"):
    os.chown(home + "/db/" + name, 65532, 65532)
os.chown(home + "/db", 65532, 65532)
lines = block("useradd -r").replace("dmailmod:", "65530:65530").replace("/var/lib/dmail/nwauth", home + "/db")
t.equal("the database is module_user's", (shell("useradd() { :; }\n" + lines).returncode,
        {os.stat(d + "/" + n).st_uid for d, _, files in os.walk(home + "/db") for n in files + ["."]}), (0, {65530}))
p = shell(block("nwauth dump"))
t.equal("dump and load", (p.returncode, p.stdout), (0, "+OK 1 users\n+OK 0 users added, 1 changed\n"))

# ---- a certificate, changed while people log in
def pair(n):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=mail%d" % n,
                    "-days", "2", "-keyout", home + "/root/new-key.pem", "-out", home + "/root/new-chain.pem"], check=True, stderr=subprocess.DEVNULL)


settings = block("tls_certificate").replace("/etc/ssl/mail", home + "/ssl")
switch = block("cd /etc/ssl/mail")
t.check("the page's lines end with dmconf host", switch.endswith("\ndmconf host"))
switch = switch[:-len("\ndmconf host")]  # which looks at more than this test has
os.mkdir(home + "/ssl")
pair(0)
p = shell(switch)
t.equal("a first certificate", (p.returncode, p.stderr), (0, ""))
site.set(authent_process="%s -path %s/db" % (harness.program("nwauth"), home), **dict(r.split() for r in settings.split("\n")))
over, failures, names, logins = threading.Event(), [], set(), [0]


def connect():
    while not over.is_set():
        try:
            c = Client(site, "imap", args=("--tls",))
        except Exception as e:
            failures.append(repr(e))
            logins[0] += 1
            continue
        if not isinstance(c.s, ssl.SSLSocket) or not good("imap", c.login(USER)):
            failures.append(c.greeting)
        else:
            names.add(c.s.getpeercert(True))
        logins[0] += 1
        c.kill()


threads = [threading.Thread(target=connect) for _ in range(2)]
for thread in threads:
    thread.start()
for n in range(1, 6):
    pair(n)
    p = shell(switch.replace("2026-12", "2027-%02d" % n))
    t.equal("certificate %d" % n, (p.returncode, p.stderr), (0, ""))
    # Between two of them as fast as can be: who opens them now meets the switch.
    began = logins[0]
    while logins[0] < began + 6:
        for old in ("2026-12", "2027-%02d" % n):
            os.symlink(old, home + "/ssl/next")
            os.rename(home + "/ssl/next", home + "/ssl/current")
over.set()
for thread in threads:
    thread.join()
t.check("no TLS connection of %d fails" % logins[0], not failures, (failures[:3], site.log("imap")[-600:]))
t.check("several certificates were seen", len(names) > 2, len(names))

# ---- from UW imapd
drop, loop = block("drop_path /var/mail"), block("for user in")
with open(home + "/uw.conf", "w") as f:
    f.write("host_domain example.com\nauthent_method unix_user\n" + drop.replace("/var/mail", "/tmp") + "\n")
status, out, err = harness.run([harness.program("dmconf"), "check", home + "/uw.conf"])
t.check("settings for mail of UW imapd are read without a remark", status == 0, (out + err).decode())
os.makedirs(home + "/uw/mail")
with open(home + "/uw/.mailboxlist", "w") as f:
    f.write("mail/Sent\nINBOX\nmail/lists/dmail\nother\n")
as_user = re.search(r'-c "(.*)" \$user', loop).group(1)
p = subprocess.run(["sh", "-c", as_user], env=dict(os.environ, HOME=home + "/uw"), capture_output=True, text=True)
with open(home + "/uw/mail/.mailboxlist") as f:
    t.equal("its subscriptions", (p.returncode, f.read()), (0, "Sent\nlists/dmail\n"))
p = subprocess.run(["sh", "-c", as_user], env=dict(os.environ, HOME=home + "/uw"), capture_output=True, text=True)
t.check("what is there is not overwritten", p.returncode != 0 and os.path.getsize(home + "/uw/mail/.mailboxlist") == 17, p)

# ---- what only other programs can read
TAKEN.update(b for b in blocks if b.startswith(("systemctl", "make && make install", "cd /usr/local/lib/dmail", "[Socket]")))
for b in blocks:
    for unit in re.findall(r"dmail-\w+\.s(?:ocket|ervice)", b):
        names = subprocess.run([harness.ROOT + "/tools/build/service-files", "names"], capture_output=True, text=True).stdout
        t.check("there is a unit " + unit, unit in names.split())
mydestination, virtual, restrict = block("mydestination"), block("virtual_mailbox"), block("smtpd_recipient")
if shutil.which("postconf"):
    folder = harness.scratch("dmail-postfix.")
    open(folder + "/master.cf", "w").close()
    with open(folder + "/main.cf", "w") as f:
        f.write("compatibility_level = 3.6\n" + "\n".join([mydestination, virtual, restrict]) + "\n")
    p = subprocess.run(["postconf", "-n", "-c", folder], capture_output=True, text=True)
    t.check("Postfix understands it", p.returncode == 0 and "unused" not in p.stderr, p)
else:
    t.skip("Postfix is not installed")
router, transport = block("dmail:"), block("dmail_lmtp:")
exim = shutil.which("exim4") or shutil.which("exim")
if exim:
    conf = harness.scratch("dmail-exim.") + "/exim.conf"
    with open(conf, "w") as f:
        f.write("domainlist local_domains = example.com\nbegin routers\n%s\nbegin transports\n%s\n" % (router, transport))
    p = subprocess.run([exim, "-C", conf, "-bV"], capture_output=True, text=True)
    t.check("Exim understands it", p.returncode == 0 and "Configuration file" in p.stdout, p)
else:
    t.skip("Exim is not installed")
t.equal("every example of the page is tried", [b for b in blocks if b not in TAKEN], [])
t.end()
