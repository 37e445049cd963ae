#!/usr/bin/env python3
"""Who has the mail user's uid, as a session of a virtual user that was taken over, has no other's: he can neither read nor change
the password database, nor trace, stop or stand in for an authentication module.  And what a host says where the account of modules
or the owner of the database is not as it must be: nobody is let in, nobody is refused for good, and the log says what to type."""
import imaplib
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
if os.geteuid() != 0:
    print("skipped: without root there is one user only")
    sys.exit(77)
MAIL, MODULES = 63002, harness.MODULES
NWAUTH = harness.program("nwauth")
home = harness.scratch("dmail-modules.")


def as_mail_user(*argv, **how):
    """What such a process can do: no group, no capability."""
    return subprocess.run(["setpriv", "--reuid", str(MAIL), "--regid", str(MAIL), "--clear-groups", "--no-new-privs", *argv],
                          capture_output=True, text=True, timeout=120, **how)


def attempts(code, *arguments):
    """Lines of output of Python code run as the mail user; try_ prints what came of a call."""
    text = "import ctypes, os, signal, socket, sys\n" \
           "def try_(what, call):\n" \
           "    try: print(what, 'DONE', call())\n" \
           "    except OSError as e: print(what, 'refused', e.strerror)\n" + code
    p = as_mail_user("/usr/bin/python3", "-c", text, *map(str, arguments))
    t.check("the attempts are made", p.returncode == 0, p.stderr)
    return p.stdout.splitlines()


def all_refused(what, lines, count):
    t.check("%s: %d attempts, all refused" % (what, count), len(lines) == count and all(" refused " in l for l in lines), lines)


def login(server, user, password):
    """ok, wrong, temporary or what came."""
    try:
        with imaplib.IMAP4("localhost", server.IMAP_PORT) as i:
            i.login(user, password)
            return "ok" if i.select()[0] == "OK" else "no mailbox"
    except imaplib.IMAP4.error as e:
        return next((word for mark, word in (("UNAVAILABLE", "temporary"), ("AUTHENTICATIONFAILED", "wrong")) if mark in str(e)), str(e))


def recipient(server, address):
    with socket.create_connection(("127.0.0.1", server.SMTP_PORT)) as s:
        f = s.makefile("rw", newline="\r\n")
        answers = [f.readline()]
        for line in ("HELO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % address):
            f.write(line + "\n")
            f.flush()
            answers.append(f.readline())
        return answers[-1][:3]


def log(server):
    text = ""
    for name in ("imapd", "dsmtpd"):
        try:
            with open("%s/log/%s.log" % (server.dir, name)) as f:
                text += f.read()
        except FileNotFoundError:
            pass
    return text


def processes(name, uid):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/status" % pid) as f:
                status = f.read()
            with open("/proc/%s/cmdline" % pid) as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if any(w == name or os.path.basename(w) == name for w in words[:2]) and re.search(r"(?m)^Uid:\t%d\t" % uid, status):
            found.append((int(pid), words))
    return found


TOUCH = """
pid = int(sys.argv[1])
try_('trace', lambda: 1 / 0 if ctypes.CDLL(None, use_errno=True).ptrace(16, pid, 0, 0) == 0
     else (_ for _ in ()).throw(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))))
try_('read memory', lambda: open('/proc/%d/mem' % pid, 'rb').read(1))
try_('change memory', lambda: open('/proc/%d/mem' % pid, 'wb'))
try_('environment', lambda: open('/proc/%d/environ' % pid, 'rb').read(1))
try_('descriptors', lambda: os.listdir('/proc/%d/fd' % pid))
for number in (0, signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
    try_('signal %d' % number, lambda: os.kill(pid, number))
"""


def resident():
    with harness.Instance("--user", "joe:joes-password") as server:
        t.equal("a login", login(server, "joe", "joes-password"), "ok")
        users = server.dir + "/users"
        files = [users] + [os.path.join(users, n) for n in os.listdir(users)]
        t.check("there is a database", users + "/users.db" in files, files)
        t.equal("it is module_user's alone", {(os.lstat(f).st_uid, os.lstat(f).st_mode & 0o077) for f in files}, {(MODULES, 0)})
        (pid, _), = [p for p in processes("nwauth", MODULES) if users in p[1]]
        all_refused("the database", attempts("""
for path in sys.argv[1:]:
    try_('read ' + path, lambda: os.open(path, os.O_RDONLY))
    try_('write ' + path, lambda: os.open(path, os.O_RDWR))
    try_('mode of ' + path, lambda: os.chmod(path, 0o777))
    try_('rename ' + path, lambda: os.rename(path, path + '.old'))
try_('into it', lambda: os.open(sys.argv[1] + '/more', os.O_CREAT | os.O_WRONLY))
""", *files), 4 * len(files) + 1)
        for words in (("set", "evil", "x"), ("set", "joe", "x"), ("del", "joe"), ("check", "joe", "joes-password"), ("dump",), ("list",)):
            p = as_mail_user(NWAUTH, "-path", users, *words)
            t.check("nwauth %s as the mail user" % " ".join(words), p.returncode == 75 and p.stdout.startswith("-DEAD") and "joe" not in p.stdout,
                    (p.returncode, p.stdout, p.stderr))
        all_refused("the resident module", attempts(TOUCH, pid), 9)
        sock = server.dir + "/auth/socket"
        ask = "def ask(line):\n    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(line + b'\\n'); a = s.recv(1000)\n" \
              "    if not a: raise OSError(0, 'hung up')\n    return a\n" \
              "for line in (b'lookup joe', b'secret joe CRAM-MD5', b'set joe mine', b'check joe joes-password'): try_(line, lambda: ask(line))\n" \
              "try_('in its place', lambda: os.rename(sys.argv[1], sys.argv[1] + '.old'))\n"
        all_refused("its socket", attempts(ask, sock), 5)
        os.chmod(sock, 0o666)
        all_refused("its socket, open to all", attempts(ask, sock), 5)
        t.equal("and the password is what it was", (login(server, "joe", "joes-password"), login(server, "joe", "mine")), ("ok", "wrong"))
        # A session with the uid of all passwords is not had for the asking, either.
        p = harness.run([NWAUTH, "-path", users, "set", "joe", "(NULL)", "uid=%d" % MODULES, "gid=%d" % MODULES])
        t.check("module_user's uid for an account", p[0] == 0 and login(server, "joe", "joes-password") != "ok" and
                "uid %d is module_user's" % MODULES in log(server), (p, log(server)[-600:]))


def as_child():
    """A module that each connection starts, while it works."""
    with open(home + "/slow", "w") as f:
        f.write("#!/bin/sh\nread -r verb user password\necho $$ >%s/pids/$$\nwhile [ ! -e %s/go ]; do sleep 0.1; done\necho \"+OK $user config 0\"\n"
                % (home, home))
    os.chmod(home + "/slow", 0o755)
    os.mkdir(home + "/pids")
    os.chmod(home + "/pids", 0o777)
    with harness.Instance("--set", "authent_process %s/slow" % home, "--set", "authent_timeout 60") as server:
        s = socket.create_connection(("127.0.0.1", server.IMAP_PORT), 120)
        f = s.makefile("rb")
        f.readline()
        s.sendall(b"a LOGIN joe secret\r\n")
        t.check("the module was started", harness.wait_until(lambda: os.listdir(home + "/pids")))
        pid = int(os.listdir(home + "/pids")[0])
        t.equal("as module_user", os.stat("/proc/%d" % pid).st_uid, MODULES)
        all_refused("a module at work", attempts(TOUCH, pid), 9)
        open(home + "/go", "w").close()
        line = f.readline()
        t.check("it answers all the same", b"a OK" in line, line)
        s.close()


def impostor():
    """The mail user's own module, where work_path lets it have a socket."""
    code = "import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen(9)\n" \
           "while True:\n    c, _ = s.accept()\n    line = c.recv(1000).split()\n" \
           "    if line: c.sendall(b'+OK %s config 0 uid=\"1\"\\n' % line[1])\n"
    with harness.Instance() as server:
        sock = os.path.join(server.dir, "work", "evil")  # the mail user may write in work_path
        with open(server.dir + "/dmail.conf", "a") as f:
            f.write("authent_process unix:%s\n" % sock)
        p = subprocess.Popen(["setpriv", "--reuid", str(MAIL), "--regid", str(MAIL), "--clear-groups", "/usr/bin/python3", "-c", code, sock])
        try:
            t.check("it listens", harness.wait_until(lambda: os.path.exists(sock)))
            t.equal("a module of the mail user is asked nothing", login(server, "anybody", "x"), "temporary")
            t.check("the log says why", re.search(r"level=error event=login-failed .*belongs to a process of uid %d: not trusted.* uid %d's"
                                                  % (MAIL, MODULES), log(server)), log(server)[-600:])
            status, out, err = harness.run([harness.program("dmconf"), "host", server.dir + "/dmail.conf"])
            t.check("dmconf host likewise", b"belongs to a process of uid %d, and servers trust only" % MAIL in out + err, (out + err)[-600:])
        finally:
            p.kill()
            p.wait()


def no_account():
    """An upgrade before setup-host has run."""
    with open(home + "/tell", "w") as f:
        f.write("#!/bin/sh\ntouch %s/ran/$(id -u)\nread -r verb user password\necho \"+OK $user config 0\"\n" % home)
    os.chmod(home + "/tell", 0o755)
    os.mkdir(home + "/ran")
    os.chmod(home + "/ran", 0o777)
    for value, text in (("none-such-user", "module_user none-such-user: no such account"), ("root", "module_user root: no such account"),
                        (str(MAIL), "module_user %d has the uid of mail_user" % MAIL)):
        with harness.Instance("--set", "authent_process %s/tell" % home, "--set", "module_user " + value) as server:
            t.equal("module_user %s: a login waits" % value, login(server, "joe", "x"), "temporary")
            t.equal("module_user %s: mail waits" % value, recipient(server, "joe@dmail.test")[:1], "4")
            t.check("module_user %s: the log says what to do" % value, re.search(r"level=error event=login-failed .*" + text, log(server)),
                    log(server)[-600:])
            if value == "none-such-user":
                t.check("and names setup-host", "setup-host" in log(server))
            t.equal("module_user %s: no module ran, as nobody" % value, os.listdir(home + "/ran"), [])
            t.check("dmconf host says so", b"module_user: " in harness.run([harness.program("dmconf"), "host", server.dir + "/dmail.conf"])[1])


def owner():
    """A database of the mail user, as it was before modules had an account."""
    base = home + "/old"
    os.mkdir(base, 0o755)
    users = base + "/users"
    os.mkdir(users, 0o700)
    os.chown(users, MAIL, MAIL)
    p = subprocess.run([NWAUTH, "-path", users, "-moduleuser", str(MODULES), "set", "joe", "pw"], capture_output=True, text=True)
    t.equal("by hand it is used as whose it is", (p.returncode, {os.lstat(os.path.join(users, n)).st_uid for n in os.listdir(users)}), (0, {MAIL}))
    with harness.Instance("--set", "authent_process %s -path %s" % (NWAUTH, users)) as server:
        def wrong(what, path):
            t.equal(what + ": a login waits", login(server, "joe", "pw"), "temporary")
            t.equal(what + ": mail waits", recipient(server, "joe@dmail.test")[:1], "4")
            line = [l for l in log(server).splitlines() if "event=login-failed" in l][-1]
            t.check(what + ": the log has path, owner and what to type", " level=error " in line and
                    "%s belongs to uid %d, must be module_user's (uid %d): chown -R %d:%d %s" % (path, MAIL, MODULES, MODULES, MODULES, users) in line, line)
            out = harness.run([harness.program("dmconf"), "host", server.dir + "/dmail.conf"])[1].decode()
            t.check(what + ": dmconf host likewise", "%s belongs to uid %d (mail_user, whose sessions could change it)" % (path, MAIL) in out, out)
            return re.search(r"then (chown -R .*)$", out, re.M).group(1)
        wrong("the directory is mail_user's", users)
        os.chown(users, MODULES, MODULES)
        command = wrong("a file is mail_user's", users + "/" + os.listdir(users)[0])
        subprocess.run(["sh", "-ec", command], check=True)
        t.equal("what dmconf host says helps", login(server, "joe", "pw"), "ok")
        t.check("and then it is content", b"belongs to" not in harness.run([harness.program("dmconf"), "host", server.dir + "/dmail.conf"])[1])
        # Whoever owns the directory above can put another database there.
        os.chown(base, MAIL, MAIL)
        out = harness.run([harness.program("dmconf"), "host", server.dir + "/dmail.conf"])[1].decode()
        t.check("dmconf host looks above it", "%s belongs to uid %d" % (base, MAIL) in out and "chown root " + base in out, out)
        os.rename(users, users + ".true")
        os.mkdir(users, 0o755)
        os.chown(users, MAIL, MAIL)
        for name in os.listdir(users + ".true"):
            with open(users + ".true/" + name, "rb") as f, open(users + "/" + name, "wb") as g:
                g.write(f.read())
            os.chown(users + "/" + name, MAIL, MAIL)
            os.chmod(users + "/" + name, 0o666)
        t.equal("a database that another put there is not used", login(server, "joe", "pw"), "temporary")


def never_root():
    """The network's names and passwords do not reach root."""
    for who, uid in (("root", 0), ("the mail user", MAIL)):
        path = "%s/of-%d" % (home, uid)
        os.mkdir(path, 0o700)
        os.chown(path, uid, uid)
        p = subprocess.run([NWAUTH, "-path", path, "-moduleuser", str(MODULES), "-listen", path + ".sock"], capture_output=True, text=True, timeout=60)
        t.check("a database of %s: nwauth does not stay" % who, p.returncode == 75 and not os.path.exists(path + ".sock") and
                "must be module_user's (uid %d)" % MODULES in p.stderr and "chown -R" in p.stderr, (p.returncode, p.stderr))
    p = subprocess.run([NWAUTH, "-path", home + "/new", "-moduleuser", "root", "-listen", home + "/s"], capture_output=True, text=True, timeout=60)
    t.check("nor as root by name", p.returncode == 75 and "does not stay as root" in p.stderr and not os.path.exists(home + "/new"), p.stderr)
    # What an older script makes for the socket.
    os.mkdir(home + "/run", 0o755)
    os.chown(home + "/run", MAIL, MAIL)
    p = subprocess.run([NWAUTH, "-path", home + "/new", "-moduleuser", str(MODULES), "-listen", home + "/run/s"], capture_output=True,
                       text=True, timeout=60)
    t.check("a directory for the socket that is the mail user's: it is named", p.returncode == 75 and
            "(uid %d; %s/run is %d:%d, mode 0755)" % (MODULES, home, MAIL, MAIL) in p.stderr, (p.returncode, p.stderr))
    p = subprocess.run([NWAUTH, "-path", home + "/new", "-mailuser", "dmail", "-listen", home + "/s"], capture_output=True, text=True, timeout=60)
    t.check("the old option is no longer one", p.returncode == 64 and "it is -moduleuser now" in p.stderr, p.stderr)


resident()
as_child()
impostor()
no_account()
owner()
never_root()
t.end()
