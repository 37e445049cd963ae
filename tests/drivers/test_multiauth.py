#!/usr/bin/env python3
"""multiauth over two real nwauths and modules that misbehave; test_multiauth.py BUILD."""
import imaplib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
work = harness.scratch("dmail-multi.")
nwauth = harness.program("nwauth")
numbers = iter(range(1000))


def database(name, *users):
    for user, password, *labels in users:
        subprocess.run([nwauth, "-path", "%s/%s" % (work, name), "set", user, password, *labels], check=True,
                       stdout=subprocess.DEVNULL)
    return "binary %s -path %s/%s" % (nwauth, work, name)


def script(body):
    path = "%s/module%d" % (work, next(numbers))
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + body + "\n")
    os.chmod(path, 0o755)
    return "binary " + path


def configuration(text):
    path = "%s/%d.conf" % (work, next(numbers))
    with open(path, "w") as f:
        f.write(text)
    return path


class Module:
    def __init__(self, text, *options):
        self.p = subprocess.Popen([harness.program("multiauth"), "-config", configuration(text), *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        lines = []
        while True:
            lines.append(self.p.stdout.readline().rstrip("\n"))
            if not lines[-1].startswith("+DATA"):
                return lines[0] if len(lines) == 1 else lines

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)
        return self.p.stderr.read()


def ask(text, *lines):
    m = Module(text)
    answers = [m.ask(l) for l in lines]
    m.end()
    return answers[0] if len(lines) == 1 else answers


staff = database("staff", ("bob", "staffpw", "quota=1"), ("both", "first"), ("ann", "annpw"))
guests = database("guests", ("gus", "guestpw"), ("both", "second"))
two = "module 20\n%s\nmodule 10\n%s\n" % (guests, staff)

# In order, whatever the order of the blocks.
t.equal("first module", ask(two, "check bob staffpw"), '+OK bob config 0 quota="1"')
t.equal("second module", ask(two, "check gus guestpw"), "+OK gus config 0")
t.equal("the first that says yes", ask(two, "check both first", "check both second", "check both third", "lookup both"),
        ["+OK both config 0", "+OK both config 0", "-ERR both password wrong or not a valid user", "+OK both config 0"])
t.equal("nobody's", ask(two, "lookup ghost"), "-ERR ghost not a valid user")
t.check("wrong", ask(two, "check bob guestpw").startswith("-ERR"))
keys = script('while read -r v u x; do [ "$v $u $x" = "secret gus APOP" ] && echo "+OK $u config 0 password64=\\"cHc=\\"" || '
              "echo '-ERR'; done")
t.equal("keys pass through", ask(two + "module 30\n%s\n" % keys, "secret gus APOP", "secret bob APOP"),
        ['+OK gus config 0 password64="cHc="', "-ERR"])
token = script('while read -r v u x; do [ "$v $x" = "token abc" ] && echo "+OK $u config 0" || echo "-ERR"; done')
t.equal("tokens pass through", ask(two + "module 30\n%s\n" % token, "token gus abc", "token gus abd"),
        ["+OK gus config 0", "-ERR"])

# Patterns, and what a module is asked at all.
split = "module 1\n%s\nmatch *@staff.org\nstrip_suffix @staff.org\nmodule 2\n%s\nmatch g-*\nstrip_prefix g-\n" % (staff, guests)
t.equal("suffix", ask(split, "check bob@staff.org staffpw"), '+OK bob@staff.org config 0 quota="1"')
t.equal("case", ask(split, "lookup Bob@STAFF.org"), '+OK Bob@STAFF.org config 0 quota="1"')
t.equal("prefix", ask(split, "check g-gus guestpw"), "+OK g-gus config 0")
t.equal("nobody is asked", ask(split, "lookup bob", "check gus guestpw", "lookup @staff.org"),
        ["-ERR bob not a valid user", "-ERR gus not a valid user", "-ERR @staff.org not a valid user"])
quiet = "module 1\n%s\ndo_check false\nmodule 2\n%s\ndo_lookup false\n" % (staff, guests)
t.check("do_check false", ask(quiet, "check bob staffpw").startswith("-ERR"))
t.check("do_lookup false", ask(quiet, "lookup gus").startswith("-ERR") and ask(quiet, "check gus guestpw").startswith("+OK"))

# Changes: by default only where the user is, and no removal.
t.equal("set existing", ask(two, "set gus changed", "check gus changed"), ["+OK gus changed in database", "+OK gus config 0"])
t.check("it went to the second", "+OK" in subprocess.run([nwauth, "-path", work + "/guests", "check", "gus", "changed"],
                                                         capture_output=True, text=True).stdout)
t.check("set of a new user", ask(two, "set newcomer x").startswith("-ERR no module"))
t.check("del", ask(two, "del gus").startswith("-ERR no module"))
open_two = two.replace("module 10", "do_set true\ndo_del existing\nmodule 10")
t.equal("do_set true", ask(open_two, "set newcomer x", "lookup newcomer"), ["+OK newcomer added to database", "+OK newcomer config 0"])
t.equal("do_del existing", ask(open_two, "del newcomer", "del bob"), ["+OK newcomer deleted", "-ERR no module may do that for this user"])
t.equal("set with suffix", ask(split, 'set bob@staff.org (NULL) quota="2"', "lookup bob@staff.org")[1],
        '+OK bob@staff.org config 0 quota="2"')

# Search: all modules, each name once.
t.equal("search", ask(two, "search *"), ["+DATA ann", "+DATA bob", "+DATA both", "+DATA gus", "+OK Search Complete 4 items found"])
t.equal("part of it", ask(two, "search b* -from 1 -max 5"), ["+DATA both", "+OK Search Complete 2 items found"])
t.equal("names as they are asked", ask(split, "search *"),
        ["+DATA ann@staff.org", "+DATA bob@staff.org", "+DATA both@staff.org", "+DATA g-both", "+DATA g-gus",
         "+OK Search Complete 5 items found"])
t.equal("one module", ask(split, "search b*@staff.org")[-1], "+OK Search Complete 2 items found")
t.check("bad search", ask(two, "search x -from").startswith("-ERR"))

# A module that cannot answer stops the rest, and never becomes "no such user".
for what, body in [("says so", "while read -r l; do echo '-DEAD no database'; done"), ("dies", "read -r l; exit 1"),
                   ("hangs", "sleep 30"), ("is no module", "echo hello; sleep 30"),
                   ("talks of another", "while read -r l; do echo '+OK eve config 0'; done"),
                   ("answers twice", 'while read -r v u r; do printf "+OK $u config 0\\n+OK $u config 0\\n"; done')]:
    broken = script(body)
    stop = "module 1\n%s\ntimeout 1\nmodule 2\n%s\n" % (broken, staff)
    go_on = stop.replace("timeout 1", "timeout 1\non_dead continue")
    start = time.monotonic()
    t.check("stops: it " + what, ask(stop, "check bob staffpw").startswith("-DEAD"))
    t.check("goes on: it " + what, ask(go_on, "check bob staffpw").startswith("+OK bob"))
    t.check("unknown, but not for sure: it " + what, ask(go_on, "lookup ghost").startswith("-DEAD"))
    t.check("no wrong password: it " + what, ask(go_on, "check bob wrong").startswith("-DEAD"))
    t.check("set waits: it " + what, ask(go_on, "set bob x").startswith("-DEAD"))
    t.check("in time: it " + what, time.monotonic() - start < 50, time.monotonic() - start)
t.check("not started at all", ask("module 1\nbinary /nonexistent\n", "lookup bob").startswith("-DEAD"))

# Children run once, and are started again.
counting = script('echo x >>%s/started; while read -r v u p; do case $p in die) exit;; *) echo "+OK $u config 0";; esac; done' % work)
m = Module("module 1\n%s\n" % counting)
for i in range(5):
    m.ask("check bob x")
t.equal("one child for all", open(work + "/started").read(), "x\n")
t.check("it dies", m.ask("check bob die").startswith("-DEAD"))
t.check("its successor", harness.wait_until(lambda: m.ask("check bob x") == "+OK bob config 0"))
t.equal("two", open(work + "/started").read(), "x\nx\n")
child = subprocess.run(["pgrep", "-P", str(m.p.pid)], capture_output=True, text=True).stdout.split()
m.end()
t.check("none stays behind", child and harness.wait_until(lambda: not any(os.path.exists("/proc/" + c) for c in child)), child)
seen = script('while read -r v u p; do echo "+OK $u config 0 s=\\"$DMAIL_SERVICE\\" ip=\\"$DMAIL_CLIENT_IP\\""; done')
os.environ.update(DMAIL_SERVICE="pop", DMAIL_CLIENT_IP="10.1.2.3")
t.equal("they see where the client is", ask("module 1\n%s\n" % seen, "lookup bob"), '+OK bob config 0 s="pop" ip="10.1.2.3"')

# Hostile and odd questions.
m = Module(two, "-debug")
for line in ["", "check", "check bob", "check bob ", "check \x01 x", 'check a"b x', "lookup", "bogus", "check bob " + "x" * 2000,
             "x" * 9000, "secret bob", "check bob staffpw\x00"]:
    t.check("refused: %r" % line[:20], m.ask(line).startswith("-ERR"))
t.check("still there", m.ask("check bob staffpw").startswith("+OK"))
t.check("version", m.ask("version").startswith("+OK multiauth"))
t.equal("help", m.ask("help")[-1], "+OK")
debug = m.end()
t.check("-debug says who was asked", "module 10: check bob: yes" in debug, debug[-500:])
t.check("and no password", "staffpw" not in debug)
bad = configuration("module 1\nbinary /bin/x\nbogus 1\n")
p = subprocess.run([harness.program("multiauth"), "-config", bad, "lookup", "bob"], capture_output=True, text=True)
t.equal("mistakes", (p.returncode, p.stdout, p.stderr), (75, "-DEAD %s:3: bogus: unknown setting\n" % bad,
                                                        "multiauth: %s:3: bogus: unknown setting\n" % bad))
p = subprocess.run([harness.program("multiauth"), "-config", configuration(two), "check", "bob", "-"], input="staffpw\n",
                   capture_output=True, text=True)
t.check("one question", p.returncode == 0 and p.stdout.startswith("+OK bob"))

# Behind a server.
if os.geteuid() == 0:
    for folder, dirs, files in os.walk(work):
        for n in [folder] + [os.path.join(folder, f) for f in files]:
            os.chown(n, harness.MODULES, harness.MODULES)
process = "%s -config %s" % (harness.program("multiauth"), configuration(two))
with harness.Instance("--imap", "0", "--set", "authent_process " + process) as site:
    for user, password, good in [("bob", "staffpw", True), ("gus", "changed", True), ("gus", "staffpw", False), ("ghost", "x", False)]:
        i = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
        try:
            i.login(user, password)
            t.check("login of " + user, good)
            t.equal("mailbox of " + user, i.select()[0], "OK")
            i.logout()
        except imaplib.IMAP4.error as e:
            t.check("no login of " + user, not good, e)
t.end()
