"""What the tests in tests/*/ share: private instances, programs run without root, counting.

Every test gets the build directory as its first argument, starts its own instance on loopback on free
ports, and ends only what it started.
"""
import atexit
import fcntl
import glob
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else os.path.join(ROOT, "build")
MAIL_DIR = os.environ.get("DMAIL_MAIL_DIR") or os.path.join(ROOT, "..", "shared", "mail")
NOBODY = 65534
MODULES = 63004 if os.geteuid() == 0 else os.geteuid()  # whom modules of dmtry's instances run as
# Whatever the shell that starts us is like: files can be reached, messages of other programs are English.
os.umask(0o022)
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("LANGUAGE", None)
# Programs that `make check` only unpacked (tools/build/unpack-packages) come after those of the host.
UNPACKED = os.path.join(ROOT, "build-unpacked")
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", "/usr/bin:/bin"), "/usr/sbin", "/sbin", UNPACKED + "/bin"])


def of_package(pattern):
    """A file of a package, installed or only unpacked, by its path (with * and ?); None when it is not there."""
    return next(iter(glob.glob(pattern) or glob.glob(UNPACKED + "/root" + pattern)), None)


def scratch(prefix="dmail-test."):
    """A directory of our own that other users may enter, removed at the end."""
    path = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
    os.chmod(path, 0o755)
    if not os.environ.get("DMAIL_KEEP"):
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def without_make():
    """The environment for a make of our own, when a make has started us."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")}


_programs = None


def program(name):
    """Path of a built program, in a place that every user can reach."""
    global _programs
    if _programs is None:
        _programs = scratch("dmail-bin.")
        for n in os.listdir(os.path.join(BUILD, "bin")):
            shutil.copy2(os.path.join(BUILD, "bin", n), _programs)
    return os.path.join(_programs, name)


def unprivileged():
    """argv prefix that gives up root, for programs that refuse it."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]


def give_away(path):
    """Makes `path` and all below it the unprivileged user's."""
    if os.geteuid() != 0:
        return
    os.chown(path, NOBODY, NOBODY)
    for folder, dirs, files in os.walk(path):
        for n in dirs + files:
            os.lchown(os.path.join(folder, n), NOBODY, NOBODY)


def need(*commands):
    """Ends the test as skipped, by name, where a client is missing."""
    missing = [c for c in commands if not shutil.which(c)]
    if missing:
        print("skipped: not installed: " + " ".join(missing))
        sys.exit(77)


class Instance:
    """A running dmtry; attributes are the variables of its env file."""

    def __init__(self, *options, as_user=False, dmtry=None):
        self.dir = scratch("dmail-try.")
        argv = [dmtry or program("dmtry"), self.dir, *options]
        if as_user and os.geteuid() == 0:
            give_away(self.dir)
            argv = unprivileged() + argv
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        word = self.process.stdout.readline().strip()
        if word != b"ready":
            self.process.wait()
            self.show_logs()
            raise SystemExit("dmtry did not start: %r" % word)
        with open(os.path.join(self.dir, "env")) as f:
            for line in f:
                name, value = line.rstrip("\n").split("=", 1)
                value = value[1:-1].replace("'\\''", "'")
                setattr(self, name, int(value) if name.endswith("_PORT") else value)

    def show_logs(self):
        folder = os.path.join(self.dir, "log")
        for n in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, n), errors="replace") as f:
                print("---- " + n + "\n" + f.read()[-3000:])

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(120)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            self.show_logs()
        self.stop()


class Suite:
    """Counts checks and prints what failed; `end()` exits with the counts as the last line."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: " + what + (": " + str(detail)[:2000] if detail != "" else ""))
        return good

    def equal(self, what, got, wanted):
        return self.check(what, got == wanted, "got %.600r, wanted %.600r" % (got, wanted))

    def skip(self, what):
        self.skipped += 1
        print("skipped: " + what)

    def end(self):
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped))
        sys.exit(1 if self.failed else 0)


def has_ipv6():
    """Whether the host has ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


_ports = []


def free_port():
    """A port of 127.0.0.1 that the system gives to no outgoing connection, and no other test to its server
    while this program runs: whoever has the name in the abstract namespace has the port."""
    for port in random.sample(range(10000, 20000), 2000):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind("\0dmail-port-%d" % port)
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        # Out of the way of tests that give programs descriptors of low numbers.
        _ports.append(fcntl.fcntl(name, fcntl.F_DUPFD_CLOEXEC, 200))
        name.close()
        return port
    raise SystemExit("no port is free")


def wait_until(true, seconds=120):
    """Whether `true()` became so; a condition, never a time that something is thought to take."""
    limit = time.monotonic() + seconds
    while not (got := true()) and time.monotonic() < limit:
        time.sleep(0.02)
    return got


def run(argv, input=b"", timeout=300, env=None):
    """A client program: (exit status, standard output, standard error)."""
    p = subprocess.run(argv, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                       env=dict(os.environ, **(env or {})))
    return p.returncode, p.stdout, p.stderr


def message(n, size=0, crlf="\r\n"):
    """A small message with an id of its own; lines that look like mbox separators and dots are in it."""
    lines = ["From: Sender %d <s%d@there.example>" % (n, n), "To: you@here.example",
             "Subject: message number %d" % n, "Date: Sat, 21 Nov 2026 10:%02d:%02d +0000" % (n // 60 % 60, n % 60),
             "Message-ID: <m%d@there.example>" % n, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "",
             "Body of %d." % n, "", "From me to you: a line like a separator", "From x Sat Nov 21 10:00:00 2026",
             ">From quoted already", ".", "..two dots", "ünïcödé", "last line"]
    while size > sum(len(l) + 2 for l in lines):
        lines.append("padding " + "x" * 60)
    return (crlf.join(lines) + crlf).encode()
