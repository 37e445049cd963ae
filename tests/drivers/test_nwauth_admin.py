#!/usr/bin/env python3
"""nwauth for people: list, passwd at a terminal, dump and load, what set and del say besides, drop_path by dmail.conf; and
authpool -watch, which forgets what nwauth changes."""
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
home = harness.scratch("dmail-nwadmin.")
MODULES, GROUP = harness.MODULES, harness.MODULES if os.geteuid() == 0 else os.getegid()
NWAUTH, DB, CONF = harness.program("nwauth"), home + "/db", home + "/dmail.conf"


def conf(**more):
    rows = {"host_domain": "example.com", "drop_path": home + "/mail", "hash_spool": 1, "authent_method": "external",
            "vdomain": "v_ @virt.example virt.example %s/mail" % home, "module_user": "%d:%d" % (MODULES, GROUP), **more}
    with open(CONF, "w") as f:
        f.write("".join("%s %s\n" % row for row in rows.items()))


def run(*words, stdin="", db=DB, options=()):
    p = subprocess.run([NWAUTH, "-path", db, "-C", CONF, *options, *words], input=stdin, capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


conf()
os.makedirs(home + "/mail/g")

# ---- set, list, del
t.equal("a new user", run("set", "test", "pw"), (0, "+OK test added to database\n", ""))
t.equal("the same again is a change", run("set", "TEST", "pw2", "fwd=x@example.com"), (0, "+OK test changed in database\n", ""))
t.equal("in the protocol likewise", run(stdin="set test pw3\nset other x\n")[1], "+OK test changed in database\n+OK other added to database\n")
status, out, err = run("set", "test", "(NULL)", "quota=500")
t.check("a quota that does not count gets a word", status == 0 and out == "+OK test changed in database\n" and "user_quota" in err, (out, err))
conf(user_quota="true")
t.equal("one that counts gets none", run("set", "test", "(NULL)", "quota=500")[2], "")
t.equal("list", run("list"), (0, 'other\ntest fwd="x@example.com" quota="500"\n', ""))
t.equal("list of a pattern", run("list", "T*")[1], 'test fwd="x@example.com" quota="500"\n')
t.equal("list is no command of the protocol", run(stdin="list\ndump\npasswd test\nload\n")[1].count("-ERR unknown command"), 4)

# ---- drop_path: as the servers find it
t.equal("drop_path", run("drop_path", "test", "test@example.com", "vic@virt.example"),
        (0, "".join(home + "/mail/" + p + "\n" for p in ("g/test", "g/test", "k/v__vic")), "")) or print(run("drop_path", "vic@virt.example"))
conf(hash_spool=2)
t.equal("drop_path, another hash_spool", run("drop_path", "test", "vic@virt.example")[1].split(), [home + "/mail/t/e/test", home + "/mail/v/i/v__vic"])
status, out, err = run("drop_path", "", "test")
t.check("a name that is none is refused, the others are told", status == 1 and err.count("nwauth: ") == 1 and out.count("\n") == 1, (status, out, err))
status, out, err = run("drop_path", "1", "/m", "vic@virt.example")
t.check("hash and base given: no word about domains is guessed", status == 1 and out == "" and "nwauth drop_path vic@virt.example" in err, (status, out, err))
t.equal("hash and base given", run("drop_path", "1", "/m", "test")[1], "/m/g/test\n")
p = subprocess.run([NWAUTH, "-C", home + "/none", "drop_path", "test"], capture_output=True, text=True)
conf(hash_spool=3)
status, out, err = run("drop_path", "test")
t.check("a dmail.conf with which servers take no mail tells no path", status == 78 and out == "" and CONF + ":3: error: " in err, (status, out, err))
t.check("drop_path without dmail.conf says so", p.returncode == 78 and "cannot be used" in p.stderr and p.stdout == "", p)
conf()

# ---- what is left behind
with open(home + "/mail/g/test", "w") as f:
    f.write("From x\n")
status, out, err = run("del", "test")
t.check("del says what stays", (status, out) == (0, "+OK test deleted\n") and home + "/mail/g/test" in err and "dmwho --kick test" in err, (out, err))
status, out, err = run("set", "test", "pw")
t.check("a new user of the old name: the mail that is there", (status, out) == (0, "+OK test added to database\n") and home + "/mail/g/test" in err, err)
t.equal("said once", run("set", "test", "pw")[2], "")

# ---- dump and load
run("set", "kept", "kept's password", options=("-keep-plain",))
dump = home + "/users.dump"
t.equal("dump", run("dump", dump), (0, "+OK 3 users\n", ""))
t.equal("its mode", os.stat(dump).st_mode & 0o777, 0o600)
t.check("an older dump is not overwritten", run("dump", dump)[0] == 73 and os.path.getsize(dump) > 0)
t.equal("to standard output", run("dump")[1], open(dump).read())
t.equal("load into an empty database", run("load", dump, db=home + "/db2"), (0, "+OK 3 users added, 0 changed\n", ""))
t.equal("it is the same", run("dump", db=home + "/db2")[1], open(dump).read())
t.equal("passwords are right", [run("check", u, p, db=home + "/db2")[0] for u, p in (("test", "pw"), ("kept", "kept's password"), ("test", "x"))], [0, 0, 1])
t.check("keys for CRAM-MD5 too", "password64" in run("secret", "kept", "CRAM-MD5", db=home + "/db2")[1])
run("set", "later", "x", db=home + "/db2")
run("set", "test", "another", db=home + "/db2")
t.equal("load over it", run("load", dump, db=home + "/db2")[1], "+OK 0 users added, 3 changed\n")
t.equal("others stay, and what was changed is as it was", [run("check", u, p, db=home + "/db2")[0] for u, p in (("later", "x"), ("test", "pw"))], [0, 0])
whole = open(dump).read()
before = run("dump", db=home + "/db2")[1]
for what, text in (("cut short", whole[:len(whole) // 2]), ("without its end", whole[:whole.rindex("end ")]), ("one user less", whole.replace("user kept\n", "")),
                   ("another count", whole.replace("end 3", "end 2")), ("no dump", "hello\n"), ("empty", ""), ("no LF", whole[:-1]),
                   ("a record of another version", whole.replace(" nwauth 1\n", " nwauth 9\n")), ("a bad name", whole.replace("user test\n", "user te st\n")),
                   ("a long line", whole.replace("user test\n", "user test\n " + "x" * 9000 + "\n")), ("more behind its end", whole + "user a\n"),
                   ("a line that is not understood", whole.replace("user kept", "usr kept"))):
    with open(home + "/bad", "w") as f:
        f.write(text)
    status, out, err = run("load", home + "/bad", db=home + "/db2")
    t.check("load: " + what, status == 1 and out.startswith("-ERR ") and run("dump", db=home + "/db2")[1] == before, (status, out, err))
t.check("load of a pipe", run("load", stdin=whole)[0] == 1)
t.check("load of a file that is not there", run("load", home + "/nothing")[0] == 73)
t.check("a read-only database is dumped, and not loaded",
        run("dump", options=("-readonly",))[1] == whole and run("load", dump, options=("-readonly",))[0] == 75)

# ---- passwd
t.equal("passwd, a line of standard input", run("passwd", "test", stdin="from a pipe\n")[:2], (0, "+OK test changed in database\n"))
t.equal("it counts", run("check", "test", "from a pipe")[0], 0)
t.check("passwd of nobody makes none", run("passwd", "ghost", stdin="x\n")[0] == 1 and run("lookup", "ghost")[0] == 1)


def at_terminal(*typed, words=("passwd", "test")):
    """What the terminal shows, and the exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(NWAUTH, [NWAUTH, "-path", DB, "-C", CONF, *words])
    seen, left = b"", list(typed)
    while True:
        if not select.select([fd], [], [], 120)[0]:
            os.kill(pid, signal.SIGKILL)
            break
        try:
            chunk = os.read(fd, 1000)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
        if seen.endswith(b": ") and left:
            os.write(fd, left.pop(0).encode())
    status = os.waitpid(pid, 0)[1]
    os.close(fd)
    return seen.decode(), status


shown, status = at_terminal("typed one\n", "typed one\n")
t.check("passwd at a terminal shows no password", status == 0 and "typed" not in shown and "changed in database" in shown, (shown, status))
t.equal("and it counts", run("check", "test", "typed one")[0], 0)
shown, status = at_terminal("one\n", "two\n")
t.check("two that differ change nothing", os.waitstatus_to_exitcode(status) == 1 and "not the same" in shown and run("check", "test", "typed one")[0] == 0, shown)
shown, status = at_terminal("\n")
t.check("nothing typed changes nothing", os.waitstatus_to_exitcode(status) == 1 and run("check", "test", "typed one")[0] == 0, shown)
shown, status = at_terminal("half\x03")
t.check("interrupted", os.waitstatus_to_exitcode(status) in (-signal.SIGINT, 1) and run("check", "test", "typed one")[0] == 0, (shown, status))

shown, status = at_terminal("typed two\n", "typed two\n", words=("set", "typist", "-", "quota=7"))
t.check("set with - at a terminal asks likewise", status == 0 and "typed" not in shown and "New password for typist" in shown and
        run("check", "typist", "typed two")[:2] == (0, '+OK typist config 0 quota="7"\n'), (shown, status))
run("del", "typist")


def arguments_of_a_check():
    """What ps shows while a password among the arguments is checked; "" when it was over before."""
    p = subprocess.Popen([NWAUTH, "-path", DB, "-C", CONF, "check", "test", "among-the-arguments"], stdout=subprocess.DEVNULL)
    seen = ""
    while p.poll() is None:
        with open("/proc/%d/cmdline" % p.pid) as f:
            words = f.read().split("\0")
        if words[0] == NWAUTH and words[-2:-1] and words[-4:-2] == ["check", "test"]:
            seen = words[-2]
    return seen


t.check("a password among the arguments is soon gone from there",
        harness.wait_until(lambda: arguments_of_a_check() == "*" * len("among-the-arguments")))

# ---- authpool -watch
run_dir = home + "/run"
os.mkdir(run_dir)
# nwauth and authpool as whoever owns the database
owner = os.stat(DB)
if os.geteuid() == 0:
    os.chown(run_dir, owner.st_uid, owner.st_gid)
sock = run_dir + "/pool"
with open(home + "/pool.conf", "w") as f:
    f.write("module_user %d:%d\n" % (owner.st_uid, owner.st_gid))
argv = [harness.program("authpool"), "-C", home + "/pool.conf", "-listen", sock, "-ttl", "86400", "-watch", DB + "/changes", "--", NWAUTH, "-path", DB]
if os.geteuid() == 0 and owner.st_uid == 0:
    argv[1:1] = ["-user", "root"]
pool = subprocess.Popen(argv, stderr=subprocess.DEVNULL)


def ask(line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(sock)
        s.sendall(line.encode() + b"\n")
        return s.makefile().readline()


while not os.path.exists(sock) and pool.poll() is None:
    time.sleep(0.02)
try:
    for n in range(10):
        run("set", "gone", "pw%d" % n)
        t.check("authpool: the password of now, %d" % n, ask("check gone pw%d" % n).startswith("+OK") and
                (n == 0 or ask("check gone pw%d" % (n - 1)).startswith("-ERR")))
        t.check("remembered", ask("check gone pw%d" % n).startswith("+OK"))
    run("set", "gone", "(NULL)", "imap=no")
    t.check("a changed label", 'imap="no"' in ask("check gone pw9"), ask("lookup gone"))
    run("del", "gone")
    t.check("a deleted user is out at once", ask("check gone pw9").startswith("-ERR") and ask("lookup gone").startswith("-ERR"))
    run("load", dump)
    t.check("what was loaded counts", ask("check test pw").startswith("+OK") and ask("check test typed one").startswith("-ERR"))
finally:
    pool.send_signal(signal.SIGTERM)
    pool.wait(30)
t.end()
