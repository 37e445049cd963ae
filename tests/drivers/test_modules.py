#!/usr/bin/env python3
"""Where passwords come from, seen from outside: vdomain_passwd files, imapd_authent_process, and modules that are
slow, dead or hostile, by IMAP, POP and SMTP.  What cannot be known now is a temporary failure everywhere, never a
wrong password and never an unknown user.  Row A18.
"""
import base64
import os
import socket
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

warnings.simplefilter("ignore", DeprecationWarning)
import crypt

t = harness.Suite()
root = os.geteuid() == 0
where = harness.scratch("dmail-modules.")


class Line:
    """A connection, spoken line by line."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 120)
        self.f = self.s.makefile("rb")
        self.f.readline()

    def read(self):
        while True:
            line = self.f.readline().decode("latin-1")
            if line[:1] != "*" and line[3:4] != "-":
                return line.rstrip("\r\n")

    def ask(self, text):
        self.s.sendall(text.encode("latin-1") + b"\r\n")
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.f.close()
        self.s.close()


def imap(server, user, password):
    with Line(server.IMAP_PORT) as c:
        return c.ask('a LOGIN "%s" "%s"' % (user, password))


def pop(server, user, password):
    with Line(server.POP3_PORT) as c:
        c.ask("USER " + user)
        return c.ask("PASS " + password)


def smtp(server, user, password):
    with Line(server.SUBMISSION_PORT) as c:
        c.ask("EHLO client.example")
        return c.ask("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode("latin-1")).decode())


def rcpt(server, address, lmtp=False):
    with Line(server.LMTP_PORT if lmtp else server.SMTP_PORT) as c:
        c.ask(("LHLO" if lmtp else "EHLO") + " client.example")
        c.ask("MAIL FROM:<a@b.example>")
        return c.ask("RCPT TO:<%s>" % address)


KINDS = {  # what a client sees, by protocol: begin of the answer, and what must be in it
    "right": (("a OK", ""), ("+OK", ""), ("235", "")),
    "wrong": (("a NO", "[AUTHENTICATIONFAILED]"), ("-ERR", "[AUTH]"), ("535", "")),
    "temporary": (("a NO", "[UNAVAILABLE]"), ("-ERR", "[SYS/TEMP]"), ("454", "")),
}


def login(what, server, user, password, kind):
    for protocol, (start, words) in zip((imap, pop, smtp), KINDS[kind]):
        answer = protocol(server, user, password)
        t.check("%s: %s by %s" % (what, kind, protocol.__name__), answer.startswith(start) and words in answer, answer)


def recipient(what, server, address, code):
    for lmtp in (False, True):
        answer = rcpt(server, address, lmtp)
        t.check("%s: %s at RCPT%s" % (what, code, " over LMTP" if lmtp else ""), answer.startswith(code), answer)


def log(server, name="imapd"):
    with open("%s/log/%s.log" % (server.dir, name), errors="replace") as f:
        return f.read()


# ---- vdomain_passwd

passwd = where + "/passwd"
os.mkdir(where + "/vmail", 0o755)
SALTS = {"yescrypt": "$y$j9T$dmaildmaildmaildmail00$", "sha512": "$6$saltsalt$", "sha256": "$5$rounds=5000$saltsalt$",
         "bcrypt": "$2b$05$saltsaltsaltsaltsaltse", "md5": "$1$saltsalt$", "scrypt": "$7$CU..../....salt.salt.salt.salt..$",
         "des": "ab"}
LINES = ["# a comment: with a colon", "", "no colon", ":empty:name", "x" * 5000, "nohash", "empty::1:1::/:", "star:*:1:1::/:",
         "locked:!%s:1:1::/:" % crypt.crypt("secret", SALTS["sha512"]), "short:x:1:1::/:", "plain:secret:1:1::/:"]
LINES += ["%s:%s:0:0:root:/:/bin/sh" % (name, crypt.crypt("secret", salt)) for name, salt in SALTS.items()]
LINES += ["twice:%s:" % crypt.crypt("first", SALTS["sha512"]), "twice:%s:" % crypt.crypt("second", SALTS["sha512"])]


def write(lines):
    with open(passwd + ".new", "w") as f:
        f.write("\n".join(lines) + "\n")
    os.chmod(passwd + ".new", 0o640)
    os.rename(passwd + ".new", passwd)


write(LINES)
with harness.Instance("--set", "vdomain v @v.example v.example " + where + "/vmail", "--set", "vdomain_passwd v.example " + passwd,
                      "--user", "sha512:other") as server:
    for name in SALTS:
        login(name, server, name + "@v.example", "secret", "right")
        login(name, server, name + "@v.example", "Secret", "wrong")
        recipient(name, server, name + "@v.example", "250")
    for name in ("empty", "star", "locked", "short", "plain", "nohash", "nobodyhere", "no colon", "x" * 200):
        for password in ("secret", "x", "*", "!"):
            answer = imap(server, name + "@v.example", password)
            t.check("no password fits " + name[:12], answer.startswith("a NO [AUTHENTICATIONFAILED]"), answer)
    login("an unknown user", server, "nobodyhere@v.example", "secret", "wrong")
    recipient("an unknown user", server, "nobodyhere@v.example", "550")
    login("the first of two lines", server, "twice@v.example", "first", "right")
    login("not the second", server, "twice@v.example", "second", "wrong")
    login("the main domain has its own users", server, "sha512", "other", "right")
    login("and does not know these", server, "md5", "secret", "wrong")
    login("nor these theirs", server, "sha512@v.example", "other", "wrong")
    if root:
        owners = {os.lstat(os.path.join(folder, n)).st_uid for folder, dirs, files in os.walk(where + "/vmail") for n in files}
        t.equal("mail is the mail user's, whatever uid the file says", owners, {63002})
    with Line(server.IMAP_PORT) as c:
        write(LINES + ["late:%s:" % crypt.crypt("new", SALTS["sha512"])])
        t.check("a change is seen by a connection that is there", c.ask("a LOGIN late@v.example new").startswith("a OK"))
    recipient("a new user", server, "late@v.example", "250")
    write(LINES)
    login("a removed user", server, "late@v.example", "new", "wrong")
    recipient("a removed user", server, "late@v.example", "550")

    def unusable(what, reason):
        login(what, server, "sha512@v.example", "secret", "temporary")
        recipient(what, server, "sha512@v.example", "45")
        for name in ("imapd", "dpopd", "dsmtpd"):
            t.check("%s: the log of %s says why" % (what, name), reason in log(server, name), log(server, name)[-1500:])

    os.chmod(passwd, 0o666)
    unusable("writable for all", "can be written by others")
    os.chmod(passwd, 0o660)
    unusable("writable for a group", "can be written by others")
    os.chmod(passwd, 0o640)
    if root:
        os.chown(passwd, 65534, 65534)
        unusable("somebody's own", "can be written by others")
        os.chown(passwd, 0, 0)
    os.unlink(passwd)
    unusable("missing", "No such file")
    os.mkdir(passwd)
    unusable("a directory", "passwd")
    os.rmdir(passwd)
    os.mkfifo(passwd, 0o600)
    unusable("a pipe", "passwd")
    os.unlink(passwd)
    with open(passwd, "w") as f:
        f.truncate(17 << 20)
    unusable("too large", "is too large")
    write(LINES)
    login("usable again", server, "sha512@v.example", "secret", "right")
    for name in ("imapd", "dpopd", "dsmtpd"):
        t.check("no password in the log of " + name, "secret" not in log(server, name))

# ---- modules

HOSTILE = {  # by name of the user: what the module says; %s is the name
    "dead": "echo '-DEAD no database'", "silent": "exec sleep 60", "gone": "exit", "killed": "kill -9 $$",
    "twice": "printf '+OK %s config 0\\n+OK %s config 0\\n' $u $u", "other": "echo '+OK root config 0'",
    "nobody": "echo +OK", "noend": "printf '+OK %s config 0' $u; exit", "lower": "echo \"+ok $u config 0\"",
    "junk": "echo 'HTTP/1.1 200 OK'", "empty": "echo", "nul": "printf '+OK %s config 0\\0\\n' $u",
    "escape": "printf '+OK %s config 0 fwd=\"\\033[2J\"\\n' $u", "long": "head -c 9000 /dev/zero | tr '\\0' x; echo",
    "flood": "while :; do echo '+DATA x'; done", "endless": "exec cat /dev/zero",
    "path": "echo \"+OK $u ../../etc/passwd 0\"", "uid": "echo \"+OK $u config 12x\"", "bigid": "echo \"+OK $u config 4294967295\"",
    "negative": "echo \"+OK $u config -2\"", "quote": "echo \"+OK $u config 0 quota=\\\"1\"",
    "quota": "echo \"+OK $u config 0 quota=\\\"many\\\"\"", "labels": "echo \"+OK $u config 0 $(seq -f 'l%g=1' -s ' ' 200)\"",
}
general, own = where + "/general", where + "/own"
with open(general, "w") as f:
    f.write("#!/bin/sh\nread -r verb u password\necho \"$DMAIL_SERVICE $verb $DMAIL_CLIENT_IP $(id -u)\" >>%s/asked\ncase $u in\n%s\n"
            "  *) if [ \"$verb$password\" = checksecret ] || [ \"$verb$u\" = lookupgood ]; then echo \"+OK $u config 0\"\n"
            "     else echo '-ERR no'; fi;;\nesac\n"
            % (where, "\n".join("  %s) %s;;" % item for item in HOSTILE.items())))
with open(own, "w") as f:
    f.write("#!/bin/sh\nwhile read -r verb u password; do\n  case $verb$password in\n    checkimaponly) echo \"+OK $u config 0\";;\n"
            "    checkdown) echo '-DEAD down';;\n    *) echo '-ERR no';;\n  esac\ndone\n")
for script in (general, own):
    os.chmod(script, 0o755)
open(where + "/asked", "w").close()
os.chmod(where + "/asked", 0o666)
with harness.Instance("--set", "authent_process " + general, "--set", "authent_timeout 2") as server:
    login("a module that behaves", server, "good", "secret", "right")
    login("a module that behaves", server, "good", "wrong", "wrong")
    recipient("a module that behaves", server, "good@" + server.MAIL_DOMAIN, "250")
    recipient("a module that behaves", server, "unknown@" + server.MAIL_DOMAIN, "550")
    asked = {tuple(l.split()) for l in open(where + "/asked")}
    uid = str(harness.MODULES)
    t.equal("what modules are told", asked, {("imap", "check", "127.0.0.1", uid), ("pop", "check", "127.0.0.1", uid),
                                            ("smtp", "check", "127.0.0.1", uid), ("smtp", "lookup", "127.0.0.1", uid)})
    for name in HOSTILE:
        login(name, server, name, "secret", "temporary")
        recipient(name, server, name + "@" + server.MAIL_DOMAIN, "45")
    start = time.monotonic()
    imap(server, "silent", "secret")
    t.check("authent_timeout", 1.9 < time.monotonic() - start < 50, time.monotonic() - start)
    with Line(server.IMAP_PORT) as c:
        t.check("after a failure the next try counts", c.ask("a LOGIN dead secret").startswith("a NO [UNAVAILABLE]") and
                c.ask("b LOGIN good wrong").startswith("b NO [AUTHENTICATIONFAILED]") and
                c.ask("c LOGIN good secret").startswith("c OK"))
    with Line(server.SMTP_PORT) as c:
        c.ask("EHLO client.example")
        c.ask("MAIL FROM:<a@b.example>")
        answers = [c.ask("RCPT TO:<%s@%s>" % (n, server.MAIL_DOMAIN))[:2] for n in ("good", "silent", "unknown", "twice", "good")]
        t.equal("one recipient's failure is not another's", answers, ["25", "45", "55", "45", "25"])
    for text in ("in time", "ended without an answer", "cannot answer: no database", "another user", "said more", "too long"):
        t.check("the log says: " + text, text in log(server), log(server)[-3000:])
    t.check("bytes of a module do not get into the log as they are", "\033" not in log(server))
    left = lambda: subprocess.run(["pgrep", "-f", "^/bin/sh " + general], capture_output=True, text=True).stdout
    t.check("no module is left", harness.wait_until(lambda: left() == ""), left())

with harness.Instance("--set", "authent_process " + general, "--set", "imapd_authent_process " + own) as server:
    t.check("imapd_authent_process is for imapd", imap(server, "joe", "imaponly").startswith("a OK"))
    t.check("instead of authent_process", imap(server, "joe", "secret").startswith("a NO [AUTHENTICATIONFAILED]"))
    t.check("dpopd does not ask it", pop(server, "joe", "imaponly").startswith("-ERR [AUTH]") and pop(server, "joe", "secret").startswith("+OK"))
    t.check("nor does dsmtpd", smtp(server, "joe", "imaponly").startswith("535") and smtp(server, "joe", "secret").startswith("235"))
    t.check("its failure is temporary", imap(server, "joe", "down").startswith("a NO [UNAVAILABLE]"))

for what, process in (("a module that is not there", "/nonexistent"), ("one that cannot be run", where + "/asked"),
                      ("a socket that is not there", "unix:" + where + "/none"), ("a relative path", "module"),
                      ("a relative socket", "unix:sock")):
    with harness.Instance("--set", "authent_process " + process) as server:
        login(what, server, "good", "secret", "temporary")
        recipient(what, server, "good@" + server.MAIL_DOMAIN, "45")

# A socket of somebody whom nobody trusts.
if root:
    os.mkdir(where + "/open")
    os.chmod(where + "/open", 0o777)
    stranger = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                                 "import os, socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('%s/open/s')\nos.chmod('%s/open/s', 0o777)\n"
                                 "s.listen()\nwhile True:\n c, _ = s.accept()\n q = c.recv(999)\n"
                                 " if q: open('%s/open/heard', 'ab').write(q)\n c.close()\n"
                                 % ((where,) * 3)])

    def listens():
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(where + "/open/s") == 0
    t.check("a stranger listens", harness.wait_until(listens))
    with harness.Instance("--set", "authent_process unix:" + where + "/open/s") as server:
        login("a stranger's socket", server, "good", "secret", "temporary")
        t.check("the log says why", "not trusted" in log(server), log(server))
    stranger.terminate()
    stranger.wait()
    t.check("the stranger heard no password", not os.path.exists(where + "/open/heard"))

# Passwords pass through them: no other process of their user reads their memory.
probe = """import subprocess, sys
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
p.stdin.write(b"version\\n")
p.stdin.flush()
p.stdout.readline()
try:
    open("/proc/%d/mem" % p.pid, "rb")
    print("open")
except PermissionError:
    print("closed")
p.stdin.close()
p.wait()
"""
as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if root else []
for words in ((harness.program("nwauth"), "-path", harness.scratch()), (harness.program("ldapauth"), "-config", "/nonexistent"),
              (harness.program("multiauth"), "-config", "/nonexistent")):
    p = subprocess.run([*as_nobody, "/usr/bin/python3", "-c", probe, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
    t.equal("the memory of %s" % os.path.basename(words[0]), p.stdout, b"closed\n")

resident = """import os, socket, subprocess, sys, time
p = subprocess.Popen(sys.argv[2:])
def listens():
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(sys.argv[1]) == 0
while p.poll() is None and not listens():
    time.sleep(0.02)
try:
    open("/proc/%d/mem" % p.pid, "rb")
    print("open")
except PermissionError:
    print("closed")
p.terminate()
p.wait()
"""
home = harness.scratch()
if root:
    os.chown(home, 65534, 65534)
with open(home + "/dmail.conf", "w") as f:
    f.write("host_domain example.com\ndrop_path %s\n" % home)
p = subprocess.run([*as_nobody, "/usr/bin/python3", "-c", resident, home + "/s", harness.program("authpool"), "-C", home + "/dmail.conf",
                    "-listen", home + "/s", "--", harness.program("nwauth"), "-path", home + "/db"],
                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
t.equal("the memory of authpool", p.stdout, b"closed\n")
t.end()
