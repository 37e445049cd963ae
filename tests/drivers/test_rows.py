#!/usr/bin/env python3
"""Rows of the catalogue of past failures (tests/ROWS) that need the real programs and odd surroundings.

F09 planted DB_CONFIG, F16 odd user names, F18 core dumps, F19 descriptors and signals, F20 no more processes,
A07-A09 and A16 hostile names and passwords, I21 idle sessions that pile up.  test_rows.py BUILD
"""
import base64
import os
import resource
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
ROOT = os.geteuid() == 0


def set_up(extra=""):
    """A site whose module takes every name with the password "secret"."""
    path = harness.scratch("dmail-rows.")
    for d in ("mail", "log", "empty", "work"):
        os.mkdir(os.path.join(path, d), 0o755)
    with open(path + "/auth", "w") as f:
        f.write("#!/bin/sh\nwhile read -r c u p; do\n  case $p in secret) echo \"+OK $u config 0 "
                "uid=\\\"%d\\\" gid=\\\"%d\\\"\";; *) echo '-ERR wrong';; esac\ndone\n"
                % ((63110, 63110) if ROOT else (os.getuid(), os.getgid())))
    os.chmod(path + "/auth", 0o755)
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\ndrop_path %s/mail\n"
                "hash_spool 1\nunix_uid_maximum 65534\nwork_path %s/work\nlog_path %s/log\nlogin_delay 0\njail_path %s/empty\nlibexec_path %s\n%s"
                % (path, path, path, path, path, os.path.dirname(harness.program("imapd")), extra))
        if ROOT:
            f.write("login_user 65533:65533\nmail_user 65532:65532\nmodule_user 65530:65530\n")
    return path


class Conn:
    """A daemon on one end of a TCP connection, as inetd starts it."""

    def __init__(self, path, daemon="imapd", **how):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.s = socket.create_connection(listener.getsockname(), 120)
            server, _ = listener.accept()
        how = {"stdin": server, "stdout": server, "stderr": server, **how}
        self.p = subprocess.Popen([harness.program(daemon), "-C", path + "/dmail.conf"], **how)
        server.close()
        self.f = self.s.makefile("rb")

    def say(self, data):
        try:
            self.s.sendall(data)
        except OSError:
            pass

    def line(self):
        try:
            return self.f.readline()
        except OSError:
            return b""

    def until(self, start):
        seen = b""
        while True:
            line = self.line()
            seen += line
            if not line or line.startswith(start):
                return seen

    def ask(self, text):
        self.say(text + b"\r\n")
        return self.line()

    def close(self):
        self.f.close()
        self.s.close()
        self.p.wait(60)


def descriptors_of(pid):
    try:
        return [os.readlink("/proc/%s/fd/%s" % (pid, n)) for n in os.listdir("/proc/%s/fd" % pid)]
    except OSError:
        return []


def children(pid):
    out = []
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                if f.read().rsplit(")", 1)[1].split()[1] == str(pid):
                    out.append(p)
        except OSError:
            pass
    return out


def descriptors():
    path = set_up()
    site_log = path + "/log/imapd.log"
    # F19: everything closed: nothing to talk to, and nothing is written into whatever opens as 0, 1 or 2
    for closed in ((0,), (1,), (2,), (0, 1, 2)):
        c = Conn(path, preexec_fn=lambda closed=closed: [os.close(n) for n in closed])
        good = closed == (2,)
        answer = c.line() if good else c.f.read()
        t.check("F19: started with %s closed" % (closed,), answer.startswith(b"* OK") if good else b"OK" not in answer or closed == (0,),
                answer)
        c.close()
        t.check("F19: and it ends by itself", c.p.returncode is not None and c.p.returncode >= 0, c.p.returncode)
    # 1000 inherited descriptors reach neither the login program nor the session
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
    extra = [os.open("/etc/passwd", os.O_RDONLY) for _ in range(1000)]
    c = Conn(path, pass_fds=extra)
    t.check("F19: 1000 inherited descriptors, greeted", c.line().startswith(b"* OK"))

    kids = children(c.p.pid)
    t.check("F19: the login program has none of them", kids and all("/etc/passwd" not in descriptors_of(k) and len(descriptors_of(k)) < 9
                                                                     for k in kids), [descriptors_of(k) for k in kids])
    t.check("F19: login", b"a OK" in c.ask(b"a LOGIN joe secret"))
    found = [p for p in [str(c.p.pid), *children(c.p.pid)] if descriptors_of(p)]
    t.check("F19: the session has none of them", found and all("/etc/passwd" not in descriptors_of(p) for p in found),
            [descriptors_of(p) for p in found])
    limits = open("/proc/%d/limits" % c.p.pid).read()
    core = [l for l in limits.split("\n") if l.startswith("Max core")][0].split()
    t.equal("F18: no core dumps", core[4:6], ["0", "0"])
    t.check("LOGOUT", b"BYE" in c.ask(b"b LOGOUT"))
    c.close()
    for n in extra:
        os.close(n)
    # SIGPIPE ignored, signals blocked, an odd umask, an empty or hostile environment
    c = Conn(path, restore_signals=False, umask=0o777, env={"LD_PRELOAD": "/nonexistent.so", "IFS": "x", "PATH": ""},
             preexec_fn=lambda: (signal.signal(signal.SIGPIPE, signal.SIG_IGN), signal.signal(signal.SIGCHLD, signal.SIG_IGN),
                                 signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM})))
    t.check("F19: odd signals, umask and environment: greeted", c.line().startswith(b"* OK"))
    t.check("F19: and login works", b"a OK" in c.ask(b"a LOGIN umask secret"))
    t.check("F19: and mail can be stored", b"b OK" in (c.say(b"b APPEND INBOX {4+}\r\na: b\r\n") or c.until(b"b ")))
    c.close()
    drop = [os.path.join(d, n) for d, _, fs in os.walk(path + "/mail") for n in fs if n == "umask"]
    t.check("F19: the drop file's mode is ours", drop and os.stat(drop[0]).st_mode & 0o777 == 0o600, drop)
    t.check("nothing died", "died" not in open(site_log).read(), open(site_log).read()[-1500:])


def no_more_processes():
    if not ROOT:
        return t.skip("F20: needs root")
    path = set_up()
    c = Conn(path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (0, 0)))
    c.s.settimeout(60)
    if c.line().startswith(b"* OK"):  # systems that count only at fork
        talking = [os.stat("/proc/" + p).st_uid for p in children(c.p.pid)]
        t.check("F20: at the limit of processes whoever talks is not root", talking and 0 not in talking, talking)
    else:
        t.check("F20: at the limit of processes nobody is served", True)
    c.close()


def odd_names():
    path = set_up()
    names = [b".", b"..", b"a/b", b"../../x", b"/etc/passwd", b"n" * 300, b"-rf", b"x.lock", b"x.mbx", b".hidden", b"\xff\xfe", b"\xc0\xaf",
             b"%{env:PATH}", b"$name", b"%s%n", b"*)(uid=*", b"tab\there", b"a'b", b"joe@", b"@", b"@example.com", b"q" * 1024, b"m" * 4000,
             b"Grete", b"grete", b"z", b"gr\xc3\xbc\xc3\x9fe"]
    for name in names:
        c = Conn(path)
        c.line()
        c.say(b"a LOGIN {%d+}\r\n%s {6+}\r\nsecret\r\nb APPEND INBOX {4+}\r\na: b\r\nc LOGOUT\r\n" % (len(name), name))
        seen = c.until(b"c OK")
        t.check("F16: %r gets an answer" % name[:20], b"a OK" in seen or b"a NO" in seen or b"a BAD" in seen, seen)
        c.close()
        c = Conn(path, "dpopd")
        c.line()
        c.say(b"USER " + name + b"\r\nPASS secret\r\nQUIT\r\n")
        seen = c.until(b"never")
        t.check("F16: %r gets an answer by POP" % name[:20], seen.startswith((b"+OK", b"-ERR")), seen)
        c.close()
    made = [os.path.relpath(os.path.join(d, n), path) for d, ds, fs in os.walk(path) for n in ds + fs]
    outside = [n for n in made if not n.startswith(("mail", "log", "work", "empty", "auth", "dmail.conf"))]
    t.equal("F16: nothing outside the spool", outside, [])
    depth = {n.count("/") for n in made if n.startswith("mail/") and ".mbx" not in n}
    t.check("F16: drop files lie in their hash directory", depth and max(depth) <= 2, sorted(made)[:60])
    drops = [n for n in made if n.startswith("mail/") and n.count("/") == 2]
    t.check("F16: no drop file is called as a lock or a folder directory of another",
            not any(n.endswith(".lock") for n in drops) and not any(n.endswith("/x.mbx") for n in drops), drops)
    logs = b"".join(open(os.path.join(path, "log", n), "rb").read() for n in os.listdir(path + "/log"))
    t.check("A08: no raw byte of a name in the log", all(32 <= b < 127 or b == 10 for b in logs))
    t.check("A09: nothing is expanded", b"/usr/bin:" not in logs)


def empty_passwords():
    path = set_up()
    b64 = lambda b: base64.b64encode(b)
    for daemon, words in (("imapd", [b'a LOGIN joe ""', b"a LOGIN joe {0+}\r\n", b"a AUTHENTICATE PLAIN " + b64(b"\0joe\0"),
                                     b"a AUTHENTICATE PLAIN =", b"a AUTHENTICATE LOGIN " + b64(b"joe") + b"\r\n"]),
                          ("dpopd", [b"USER joe\r\nPASS ", b"USER joe\r\nPASS", b"AUTH PLAIN " + b64(b"\0joe\0"), b"AUTH PLAIN =",
                                     b"AUTH LOGIN " + b64(b"joe") + b"\r\n"])):
        for word in words:
            c = Conn(path, daemon)
            c.line()
            c.say(word + b"\r\n")
            c.s.shutdown(socket.SHUT_WR)
            seen = c.until(b"never")
            t.check("A16: no login with an empty password: %s %r" % (daemon, word[:25]),
                    b"a OK" not in seen and b"burst ok" not in seen and (b"-ERR" in seen or b"a NO" in seen or b"a BAD" in seen), seen)
            c.close()


def planted_db_config():
    home = harness.scratch("dmail-dbconfig.")
    evil = home + "/evil"
    os.mkdir(evil)
    os.chmod(evil, 0o777)
    os.mkdir(home + "/cwd")
    with open(home + "/cwd/DB_CONFIG", "w") as f:
        f.write("set_data_dir %s\nset_lg_dir %s\nset_tmp_dir %s\nadd_data_dir %s\n" % (evil, evil, evil, evil))
    harness.give_away(home)
    words = "set joe secret\ncheck joe secret\n"
    p = subprocess.run(harness.unprivileged() + [harness.program("nwauth"), "-path", home + "/users"], input=words.encode(),
                       cwd=home + "/cwd", env={**os.environ, "HOME": home + "/cwd", "DB_HOME": home + "/cwd"}, stdout=subprocess.PIPE)
    t.equal("F09: DB_CONFIG in the current directory: nwauth works", p.stdout.count(b"+OK"), 2)
    t.equal("F09: and does nothing of it", os.listdir(evil), [])
    t.equal("F09: nor where it stands", os.listdir(home + "/cwd"), ["DB_CONFIG"])


def idle_pile_up(sessions=int(os.environ.get("DMAIL_SOAK_SESSIONS", "25"))):
    began = time.monotonic()
    path = set_up()
    for n in range(5):
        c = Conn(path)
        c.line()
        c.ask(b"a LOGIN idle%d secret" % n)
        c.close()
    # All of them must have begun by then, on a slow machine, too.
    timeout = 3 + sessions // 25 + int(sessions * (time.monotonic() - began))
    path = set_up("imapd_timeout %d\n" % timeout)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 10 * sessions + 1000), most))
    idle = []
    for n in range(sessions):
        c = Conn(path)
        c.line()
        t.check("I21: login", b"a OK" in c.ask(b"a LOGIN idle%d secret" % (n % 5)))
        c.say(b"b SELECT INBOX\r\n")
        c.until(b"b ")
        c.say(b"c IDLE\r\n")
        c.until(b"+")
        idle.append(c)
    live = Conn(path)
    live.line()
    live.ask(b"a LOGIN idle0 secret")
    live.say(b"b SELECT INBOX\r\n")
    live.until(b"b ")
    idle[0].say(b"DONE\r\nd APPEND INBOX {4+}\r\na: b\r\n")
    live.say(b"c NOOP\r\n")
    t.check("I21: new mail is told among many idle sessions", b"d OK" in idle[0].until(b"d ") and
            b"EXISTS" in (live.say(b"e NOOP\r\n") or live.until(b"e ")))
    limit = time.monotonic() + timeout + 60
    for c in idle + [live]:
        try:
            c.p.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
    t.equal("I21: all have ended by the idle limit", sum(c.p.poll() is None for c in idle + [live]), 0)
    for c in idle + [live]:
        c.close()


for part in (descriptors, no_more_processes, odd_names, empty_passwords, planted_db_config, idle_pile_up):
    part()
t.end()
