#!/usr/bin/env python3
"""authpool in front of real modules: copies, restarts, what is remembered, who may ask, and logins through it."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
where = harness.scratch("dmail-pool.")
os.chmod(where, 0o777)
root = os.geteuid() == 0
MODULES = 65530
authpool, nwauth = harness.program("authpool"), harness.program("nwauth")
sock = where + "/run/pool"
os.mkdir(where + "/run")
if root:
    os.chown(where + "/run", MODULES, MODULES)

# Answers what PASSWORD says, and writes down who asks as whom.
module = where + "/module"
with open(module, "w") as f:
    f.write("#!/bin/sh\nread -r uid rest < /proc/self/loginuid 2>/dev/null\n"
            "while read -r verb user pass; do\n  echo \"$verb $user $$ $(id -u)\" >>%s/asked\n  case $verb$pass in\n"
            "    checkright|lookup) echo \"+OK $user config 0\";;\n    checkslow) sleep 2; echo \"+OK $user config 0\";;\n"
            "    checkhang) sleep 60;; checkdead) echo '-DEAD no database';;\n    checkdie) kill -9 $$;;\n"
            "    checktwice) echo \"+OK $user\"; echo \"+OK $user\";;\n    setnew) echo \"+OK $user added\";;\n"
            "    *) echo '-ERR no';;\n  esac\ndone\n" % where)
os.chmod(module, 0o755)
open(where + "/asked", "w").close()
os.chmod(where + "/asked", 0o666)
with open(where + "/dmail.conf", "w") as f:
    f.write("host_domain example.com\ndrop_path %s\nmodule_user %s\nauthent_number 3\nauthent_timeout 4\n"
            % (where, "%d:%d" % (MODULES, MODULES) if root else "%d:%d" % (os.getuid(), os.getgid())))


class Pool:
    def __init__(self, *options, words=(module,)):
        self.log = open(where + "/err", "w+")
        self.p = subprocess.Popen([authpool, "-C", where + "/dmail.conf", "-listen", sock, *options, "--", *words],
                                  stderr=self.log)
        deadline = time.monotonic() + 60
        while self.p.poll() is None and time.monotonic() < deadline:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(sock)
                    break
            except OSError:
                time.sleep(0.02)

    def children(self):
        out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.p.pid)], capture_output=True, text=True).stdout
        return [int(x) for x in out.split()]

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        return self.p.wait(60)


def ask(*lines):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(sock)
    s.sendall(b"".join(l.encode() + b"\n" for l in lines))
    s.shutdown(socket.SHUT_WR)
    out = b""
    while chunk := s.recv(65536):
        out += chunk
    s.close()
    answers = out.decode().splitlines()
    return answers[0] if len(lines) == 1 and len(answers) == 1 else answers


def asked():
    """What was asked about somebody: questions about nobody only come between two others."""
    with open(where + "/asked") as f:
        return [l.split() for l in f if not l.startswith("lookup nobody-of-this-name ")]


pool = Pool()
t.equal("authent_number copies from the start", len(pool.children()), 3)
t.equal("mode of the socket", os.stat(sock).st_mode & 0o777, 0o600)
t.equal("right", ask("check bob right"), "+OK bob config 0")
t.equal("wrong", ask("check bob wrong"), "-ERR no")
t.equal("order is kept", ask("check bob wrong", "check bob right", "lookup ann", "check bob dead"),
        ["-ERR no", "+OK bob config 0", "+OK ann config 0", "-DEAD no database"])
count = len(asked())
for _ in range(10):
    ask("check bob right")
t.equal("a right password is asked for once", len(asked()), count)
t.equal("another's is not taken for it", ask("check ann wrong"), "-ERR no")
ask("check bob wrong")
ask("check bob wrong")
t.equal("-ERR is not remembered", len(asked()), count + 3)
t.equal("set goes through", ask("set Bob new"), "+OK Bob added")
ask("check bob right")
t.equal("and makes it ask again", len(asked()), count + 5)
if root:
    t.equal("modules run as module_user", {l[3] for l in asked()}, {str(MODULES)})
t.equal("the same few copies answered", len({l[2] for l in asked()} - {str(c) for c in pool.children()}), 0)

# Copies that are killed, hang or talk nonsense.
victim = pool.children()
for pid in victim:
    os.kill(pid, signal.SIGKILL)
harness.wait_until(lambda: not set(pool.children()) & set(victim))
t.equal("killed while idle: the next question is answered", ask("check joe right"), "+OK joe config 0")
t.check("by a new copy", not set(pool.children()) & set(victim) or len(pool.children()) >= 1, pool.children())
t.check("killed while asked", ask("check bob die").startswith("-DEAD"))
start = time.monotonic()
t.check("hanging", ask("check bob hang").startswith("-DEAD"))
t.check("for authent_timeout", 3.9 < time.monotonic() - start < 50, time.monotonic() - start)
t.equal("answered after all that", ask("check sue right"), "+OK sue config 0")
t.check("restarts are told", "restarted" in pool.errors() and "in time" in pool.errors(), pool.errors())
t.check("passwords are not", "right" not in pool.errors() and "hang" not in pool.errors())
for i in range(10):
    ask("check bob twice")
    t.check("two answers do not help the next password", ask("check bob wrong").startswith("-"))


def side_by_side(name, how_many):
    """The answers to as many slow questions that nobody has asked before, and the threads that wait for them."""
    answers = []
    waiting = [threading.Thread(target=lambda i=i: answers.append(ask("check %s%d slow" % (name, i)))) for i in range(how_many)]
    for x in waiting:
        x.start()
    return answers, waiting


def all_three():
    answers, waiting = side_by_side("again%d-" % time.monotonic_ns(), 3)
    for x in waiting:
        x.join()
    return all(a.startswith("+OK") for a in answers)


# Copies that failed rest before they are started again.
t.check("and all is well again", harness.wait_until(all_three))

# Three at a time, the others wait, and lookups that are remembered wait for nobody.
pool.end()  # copies that failed rest for a while
pool = Pool()
ask("lookup ann")
start = time.monotonic()
got, threads = side_by_side("u", 5)
harness.wait_until(lambda: sum(l[1][0] == "u" for l in asked()) == 3)
t.equal("a remembered answer while all are busy", (ask("lookup ann"), len(got)), ("+OK ann config 0", 0))
for x in threads:
    x.join()
t.check("five slow questions", sorted(got) == ["+OK u%d config 0" % i for i in range(5)] or
        (len(got) == 5 and sum(g.startswith("-DEAD") for g in got) <= 2), got)
t.check("three at a time", 3.9 < time.monotonic() - start < 9.9, time.monotonic() - start)  # one by one: 10 s

# Copies die in the middle of it all: whoever is answered is answered right.
wrong_answers, counts, ending = [], {"+OK": 0, "-ERR": 0, "-DEAD": 0}, time.monotonic() + 3


def going_on():
    many = counts["+OK"] > 20 and counts["-ERR"] > 20
    return time.monotonic() < ending + (0 if many else 60)


def ask_both(i):
    while going_on():
        for password, good in (("right", ("+OK", "-DEAD")), ("wrong%d" % i, ("-ERR", "-DEAD"))):
            user = "w%d-%d" % (i, time.monotonic_ns())  # never remembered
            answer = ask("check %s %s" % (user, password))
            word = answer.split(" ")[0]
            counts[word] = counts.get(word, 0) + 1
            if word not in good or (word == "+OK" and answer.split(" ")[1] != user):
                wrong_answers.append((user, password, answer))


threads = [threading.Thread(target=ask_both, args=(i,)) for i in range(6)]
for x in threads:
    x.start()
while going_on():
    for pid in pool.children()[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.1)
for x in threads:
    x.join()
t.equal("no answer goes to another question", wrong_answers, [])
t.check("and many are answered", counts["+OK"] > 20 and counts["-ERR"] > 20, counts)

# Hostile clients.
for junk in [b"\0" * 100000, b"x" * 20000, b"\n" * 5000, b"check " + b"\xff" * 500 + b"\n", b"check a b\rset bob x\n",
             b"check bob right"]:
    j = socket.socket(socket.AF_UNIX)
    j.connect(sock)
    try:
        j.sendall(junk)
    except OSError:
        pass
    j.close()
t.equal("junk does not hurt", ask("lookup ann"), "+OK ann config 0")
t.check("a line break does not get through", not any(l[0] == "set" and l[1] == "bob" for l in asked()))
if root:
    os.chmod(sock, 0o666)
    other = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                            "import socket; s=socket.socket(socket.AF_UNIX); s.connect(%r); s.sendall(b'lookup ann\\n');"
                            "print(s.recv(99))" % sock], capture_output=True, text=True)
    t.check("others are hung up on", "+OK" not in other.stdout and "uid 65534" in pool.errors(), other)
second = subprocess.run([authpool, "-C", where + "/dmail.conf", "-listen", sock, "--", module], capture_output=True)
t.check("only one listens", second.returncode == 75 and ask("lookup ann").startswith("+OK"), second)
hanging = threading.Thread(target=lambda: ask("check last hang"))
hanging.start()
t.check("one hangs", harness.wait_until(lambda: any(l[1] == "last" for l in asked())))
children = pool.children()
start = time.monotonic()
t.equal("SIGTERM ends it", pool.end(), 0)
t.check("soon", time.monotonic() - start < 40, time.monotonic() - start)
hanging.join()
t.check("no copy is left", not any(os.path.exists("/proc/%d" % c) for c in children), children)
t.check("nor the socket", not os.path.exists(sock))

# Settings and options.
with open(where + "/dmail.conf", "a") as f:
    f.write("auth_nocache true\n")
pool = Pool("-n", "1")
t.equal("-n", len(pool.children()), 1)
count = len(asked())
for _ in range(3):
    ask("check bob right")
t.equal("auth_nocache", len(asked()), count + 3)
pool.end()
pool = Pool("-cache", "10", "-ttl", "2")
for _ in range(20):
    start, count = time.monotonic(), len(asked())
    ask("check bob right")
    ask("check bob right")
    took = time.monotonic() - start
    time.sleep(2.1)
    ask("check bob right")
    if took < 2:
        break
t.equal("-ttl", len(asked()), count + 2)
pool.end()
for words in (["-n", "0"], ["-n", "x"], ["-ttl", "0"], ["-mode", "9"], ["-listen", "relative"], ["-bogus", "1"], ["-cache"]):
    p = subprocess.run([authpool, "-listen", sock, *words, "--", module], capture_output=True, timeout=60)
    t.equal("refused: " + " ".join(words), p.returncode, 64)
for words in (["-listen", sock], ["-listen", sock, "--"], ["-listen", sock, "--", "relative"], ["--", module]):
    p = subprocess.run([authpool, *words], capture_output=True, timeout=60)
    t.equal("refused: " + " ".join(words), p.returncode, 64)
base = [authpool, "-C", where + "/dmail.conf", "-listen", sock, "--"]
t.equal("a module that is not there", subprocess.run([*base, "/nonexistent"], capture_output=True, timeout=60).returncode, 75)
t.equal("settings that are not there",
        subprocess.run([authpool, "-C", where + "/none", "-listen", sock, "--", module], capture_output=True).returncode, 75)
if root:
    os.truncate(where + "/asked", 0)
    pool = Pool("-user", "root")
    ask("lookup bob")
    t.equal("-user root", asked()[0][3], "0")
    pool.end()

# nwauth behind it, and the servers in front.
subprocess.run([nwauth, "-path", where + "/db"], input=b"set joe secret\nset ann other\n", check=True, stdout=subprocess.DEVNULL)
if root:
    for folder, dirs, files in os.walk(where + "/db"):
        for n in [folder] + [os.path.join(folder, x) for x in files]:
            os.chown(n, MODULES, MODULES)
pool = Pool("-cache", "100", words=(nwauth, "-path", where + "/db"))
t.equal("nwauth: right", ask("check joe secret"), "+OK joe config 0")
t.equal("nwauth: wrong", ask("check joe wrong"), "-ERR joe password wrong or not a valid user")
t.equal("nwauth: search", ask("search *"), ["+DATA ann", "+DATA joe", "+OK Search Complete 2 items found out of 2"])
t.equal("nwauth: changed", (ask("set joe changed"), ask("check joe secret")[:4], ask("check joe changed")),
        ("+OK joe changed in database", "-ERR", "+OK joe config 0"))
t.equal("nwauth: removed", (ask("del joe"), ask("check joe changed")[:4], ask("lookup joe")[:4]), ("+OK joe deleted", "-ERR", "-ERR"))
with harness.Instance("--set", "authent_process unix:" + sock, "--set", "plaintext_login_from 127.*",
                      *(["--set", "module_user %d:%d" % (MODULES, MODULES)] if root else [])) as server:
    import imaplib
    import poplib
    for password, good in (("other", True), ("wrong", False)):
        try:
            poplib_ok = False
            pop = poplib.POP3("localhost", server.POP3_PORT)
            pop.user("ann")
            pop.pass_(password)
            poplib_ok = True
            pop.quit()
        except poplib.error_proto:
            pass
        try:
            imap = imaplib.IMAP4("localhost", server.IMAP_PORT)
            imap_ok = imap.login("ann", password)[0] == "OK"
            imap.logout()
        except imaplib.IMAP4.error:
            imap_ok = False
        t.equal("logins through it with " + password, (poplib_ok, imap_ok), (good, good))
    pool.end()
    try:
        imaplib.IMAP4("localhost", server.IMAP_PORT).login("ann", "other")
        text = "logged in"
    except imaplib.IMAP4.error as e:
        text = str(e)
    t.check("without it: not now, and no word of the password", "UNAVAILABLE" in text, text)
# As its page has systemd start it: as module_user, to whom dmail.conf is closed, as make install leaves it.
usual = subprocess.run([authpool, "--help"], capture_output=True, text=True).stdout.split("settings (")[1].split(")")[0]
alone = ["unshare", "--mount", "--propagation", "private"]
if root and subprocess.run([*alone, "true"]).returncode == 0 and os.path.isdir(os.path.dirname(usual)):
    p = subprocess.Popen([*alone, "sh", "-c", "mount -t tmpfs none %s && install -m 640 /dev/null %s && exec setpriv --reuid %d --regid %d "
                          "--clear-groups %s -listen %s -- %s" % (os.path.dirname(usual), usual, MODULES, MODULES, authpool, sock, module)],
                         stderr=subprocess.PIPE)
    said = p.stderr.readline() + p.stderr.readline()
    t.check("dmail.conf is closed to us: defaults", b"cannot read " + usual.encode() in said and b"listening at" in said, said)
    t.equal("... and questions are answered", ask("lookup joe"), "+OK joe config 0")
    p.send_signal(signal.SIGTERM)
    t.equal("... until the end", p.wait(60), 0)
t.end()
