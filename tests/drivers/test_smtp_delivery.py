#!/usr/bin/env python3
"""Delivery as the recipient, through the real dsmtpd: what the delivery process is and holds, what it cannot be
led to write, and that 250 means stored.  Rows of the catalogue of attacks: F04, F12, F14, F18, F19.  Root only.
"""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
IDS = {"alice": 70001, "bob": 70002}


def set_up():
    path = harness.scratch("dmail-delivery.")
    for d in ("bin", "mail", "log", "empty"):
        os.mkdir(os.path.join(path, d), 0o755)
    for n in ("dsmtpd", "dsmtpd-session", "dsmtpd-deliver"):
        shutil.copy2(os.path.join(harness.BUILD, "bin", n), path + "/bin/" + n)
        os.chmod(path + "/bin/" + n, 0o711 if n == "dsmtpd-deliver" else 0o755)  # as make install does
    with open(path + "/auth", "w") as f:
        f.write("#!/bin/sh\nwhile read c u p; do\n  case $u in\n  alice) echo \"+OK $u config 70001\";;\n"
                "  bob) echo \"+OK $u config 70002\";;\n  small) echo \"+OK $u config 70002 quota=\\\"1\\\"\";;\n"
                "  *) echo '-ERR no';;\n  esac\ndone\n")
    os.chmod(path + "/auth", 0o755)
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\nlock_timeout 2\nunix_uid_maximum 70002\nuser_quota true\n"
                "drop_path %s/mail\nwork_path %s\nlog_path %s/log\nlogin_user 65533:65533\n"
                "mail_user 65532:65532\nmodule_user 65530:65530\njail_path %s/empty\n" % ((path,) * 5))
    return path


class Client:
    """LMTP over a socket pair, the monitor started with rubbish in its environment and descriptors."""

    def __init__(self, path):
        self.s, theirs = socket.socketpair()
        leak = os.open("/etc/shadow", os.O_RDONLY)
        self.p = subprocess.Popen([path + "/bin/dsmtpd", "-C", path + "/dmail.conf", "--lmtp"], stdin=theirs,
                                  stdout=theirs, stderr=subprocess.DEVNULL, pass_fds=(leak,),
                                  env={"LD_PRELOAD": "/tmp/x.so", "SECRET": "x", "TZ": "UTC"})
        os.close(leak)
        theirs.close()
        self.s.settimeout(120)
        self.f = self.s.makefile("rb")
        self.line()
        self.ask("LHLO x")

    def line(self):
        return self.f.readline().decode("latin-1").rstrip()

    def ask(self, text):
        self.s.sendall(text.encode() + b"\r\n")
        while (line := self.line())[3:4] == "-":
            continue
        return line

    def send(self, names, body="hello"):
        """The replies to RCPT, or those after the message."""
        self.ask("MAIL FROM:<x@y.example>")
        replies = [self.ask("RCPT TO:<%s@example.com>" % n) for n in names]
        if not all(r.startswith("250") for r in replies):
            return replies
        self.ask("DATA")
        self.s.sendall(b"Subject: x\r\n\r\n" + body.encode() + b"\r\n.\r\n")
        return [self.line() for _ in names]

    def end(self):
        self.f.close()
        self.s.close()
        self.p.wait(120)


def one(path, names, body="hello"):
    c = Client(path)
    try:
        return c.send(names, body)
    finally:
        c.end()


def waits_for(path, seconds):
    """How long a delivery waits for a lock from now on."""
    with open(path + "/dmail.conf") as f:
        conf = re.sub(r"lock_timeout \d+", "lock_timeout %d" % seconds, f.read())
    with open(path + "/dmail.conf", "w") as f:
        f.write(conf)


def descriptors(pid):
    """{number: what it leads to}; what is closed while we look is not among them."""
    found = {}
    for n in os.listdir("/proc/%d/fd" % pid):
        try:
            found[int(n)] = os.readlink("/proc/%d/fd/%s" % (pid, n))
        except FileNotFoundError:
            pass
    return found


def deliveries(path):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid) == path + "/bin/dsmtpd-deliver":
                found.append(int(pid))
        except OSError:
            pass
    return found


class Held:
    """The drop file of `name` locked, and the delivery that waits for it."""

    def __init__(self, path, name, names=None):
        self.file = open(path + "/mail/" + name, "r+b")
        fcntl.lockf(self.file, fcntl.LOCK_EX)
        self.replies = None
        self.thread = threading.Thread(target=self.run, args=(path, names or [name]))
        self.thread.start()
        until = time.monotonic() + 60
        self.pid = 0
        while self.pid == 0 and time.monotonic() < until:
            time.sleep(0.01)
            self.pid = next((pid for pid in deliveries(path) if self.has_begun(pid, path + "/mail/" + name)), 0)

    @staticmethod
    def has_begun(pid, file):
        try:
            return file in descriptors(pid).values()
        except OSError:
            return False  # it has ended

    def run(self, path, names):
        self.replies = one(path, names)

    def result(self):
        self.thread.join(120)
        self.file.close()
        return self.replies


def content(path, name):
    with open(path + "/mail/" + name, "rb") as f:
        return f.read()


def who_and_what(path):
    waits_for(path, 60)  # it is looked at meanwhile, and killed
    held = Held(path, "alice")
    if not t.check("a delivery waits for the lock", held.pid, held.pid):
        return held.result()
    proc = "/proc/%d/" % held.pid
    status = open(proc + "status").read()
    for key, want in (("Uid", [70001] * 4), ("Gid", [70001] * 4), ("Groups", [])):
        line = next(l for l in status.splitlines() if l.startswith(key + ":"))
        t.equal("delivery: " + key, [int(x) for x in line.split()[1:]], want)
    t.equal("delivery: environment", open(proc + "environ").read(), "TZ=UTC\0")
    fds = descriptors(held.pid)
    t.check("delivery: no descriptor of ours", "/etc/shadow" not in fds.values() and
            not any("socket" in v for v in fds.values()), fds)
    flags = open(proc + "fdinfo/0").read()
    t.check("delivery: the message is read-only", int(flags.split("flags:")[1].split()[0], 8) & 3 == 0, flags)
    t.equal("delivery: its user cannot reach its descriptors", os.stat(proc + "fd").st_uid, 0)
    os.kill(held.pid, signal.SIGKILL)
    before = content(path, "alice")
    replies = held.result()
    t.check("a killed delivery is a temporary failure", replies[0].startswith("451"), replies)
    t.equal("a killed delivery leaves what was there", content(path, "alice"), before)
    waits_for(path, 2)
    held = Held(path, "alice", ["alice", "bob"])
    replies = held.result()
    t.check("a locked mailbox: its recipient alone waits for another day",
            replies[0].startswith("451") and replies[1].startswith("250"), replies)


def traps(path):
    drop = path + "/mail/alice"
    victim = path + "/mail/bob"
    before = content(path, "bob")

    def trap(what, make, undo=os.unlink, bob="250"):
        os.path.lexists(drop) and os.unlink(drop)
        make()
        replies = one(path, ["alice", "bob"])
        t.check(what + ": refused", replies[0].startswith("451"), replies)
        t.check(what + ": the other recipient", replies[1].startswith(bob), replies)
        undo(drop)

    trap("a link to another's mail", lambda: os.symlink(victim, drop))
    trap("a link to nothing", lambda: os.symlink(path + "/mail/made-by-root", drop))
    t.check("nothing was made through a link", not os.path.exists(path + "/mail/made-by-root"))
    trap("a hard link to another's mail", lambda: os.link(victim, drop), bob="451")
    trap("another's file", lambda: (open(drop, "w").close(), os.chown(drop, 70002, 70002)))
    trap("a file that anybody may write", lambda: (open(drop, "w").close(), os.chown(drop, 70001, 70001), os.chmod(drop, 0o666)))
    trap("a directory", lambda: os.mkdir(drop), os.rmdir)
    trap("a pipe", lambda: (os.mkfifo(drop), os.chown(drop, 70001, 70001)))
    folders = drop + ".mbx"
    shutil.rmtree(folders)
    os.symlink(victim + ".mbx", folders)
    replies = one(path, ["alice"])
    t.check("a link in the place of the folders: refused", replies[0].startswith("451"), replies)
    os.unlink(folders)
    t.check("after all that: delivered", one(path, ["alice"])[0].startswith("250"))
    after = content(path, "bob")
    t.equal("bob has his own mail", after.count(b"X-Rcpt-To: <bob@"), before.count(b"X-Rcpt-To: <bob@") + 6)
    t.check("and no other", b"X-Rcpt-To: <alice" not in after)


def answer_to_data(path, size=""):
    """The reply to DATA; the message is sent when it is asked for."""
    c = Client(path)
    c.ask("MAIL FROM:<x@y.example>" + size)
    c.ask("RCPT TO:<alice@example.com>")
    reply = c.ask("DATA")
    if reply.startswith("354"):
        stored = c.ask("Subject: x\r\n\r\nhello\r\n.")
        t.check("a message that was asked for is stored", stored.startswith("250"), stored)
    t.check("the next command", c.ask("NOOP").startswith("250"))
    c.end()
    return reply[:3]


def room_is_kept(path, disk):
    """smtp_min_free on a disk of 256 KB: a sixteenth of it, 16 KB, in whole pages."""
    t.equal("no SIZE", answer_to_data(path), "354")
    t.equal("a SIZE that fits", answer_to_data(path, " SIZE=100000"), "354")
    t.equal("a SIZE above the room there is", answer_to_data(path, " SIZE=262145"), "452")
    t.equal("a SIZE that would use the room to be kept", answer_to_data(path, " SIZE=250000"), "452")
    log = open(path + "/log/dsmtpd.log").read()
    t.check("the log says what is kept and what was asked",
            re.search(r"event=spool-failed .*smtp_min_free keeps 16384, the message has 250000", log), log[-600:])
    with open(disk + "/filler", "wb") as f:
        free = os.statvfs(disk)
        f.write(b"z" * (free.f_bavail * free.f_frsize - 12288))
    t.equal("less room than is kept", answer_to_data(path), "452")
    conf = open(path + "/dmail.conf").read()
    with open(path + "/dmail.conf", "w") as f:
        f.write(conf + "smtp_min_free 0\n")
    t.equal("none is kept", answer_to_data(path), "354")
    t.equal("none is kept: SIZE still counts", answer_to_data(path, " SIZE=200000"), "452")
    with open(path + "/dmail.conf", "w") as f:
        f.write(conf)
    os.unlink(disk + "/filler")


def no_room(path):
    replies = one(path, ["small", "alice"], "x" * 5000)
    t.check("over quota", replies[0].startswith("552") and replies[1].startswith("250"), replies)
    disk = path + "/work"
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "none", disk],
                      stderr=subprocess.DEVNULL).returncode != 0:
        return t.skip("a full disk: tmpfs cannot be mounted here")
    try:
        conf = open(path + "/dmail.conf").read()
        with open(path + "/dmail.conf", "w") as f:
            f.write(conf.replace("work_path " + path, "work_path " + disk))
        room_is_kept(path, disk)
        before = content(path, "alice")
        c = Client(path)
        replies = c.send(["alice", "bob"], ("x" * 70 + "\r\n") * 8000)
        t.check("no room for the message: every recipient is told", all(r.startswith("452") for r in replies), replies)
        t.equal("no room for the message: nothing is stored", content(path, "alice"), before)
        t.check("and the next one fits again", c.send(["alice"])[0].startswith("250"))
        c.end()
        with open(path + "/dmail.conf", "w") as f:
            f.write(conf.replace("drop_path %s/mail" % path, "drop_path " + disk))
        t.check("an empty disk", one(path, ["alice"])[0].startswith("250"))
        before = os.path.getsize(disk + "/alice")
        replies = one(path, ["alice", "bob"], ("x" * 70 + "\r\n") * 8000)
        t.check("no room for the mail: a temporary failure", all(r.startswith("45") for r in replies), replies)
        t.equal("no room for the mail: the drop file is as it was", os.path.getsize(disk + "/alice"), before)
    finally:
        subprocess.run(["umount", "-l", disk])


def main():
    if os.geteuid() != 0:
        print("needs root")
        return 77
    path = set_up()
    replies = one(path, ["alice", "bob"])
    t.check("delivered to both", all(r.startswith("250") for r in replies), replies)
    for name, uid in IDS.items():
        st = os.stat(path + "/mail/" + name)
        t.equal("drop file of " + name, (st.st_uid, st.st_gid, st.st_mode & 0o777), (uid, uid, 0o600))
    who_and_what(path)
    traps(path)
    no_room(path)
    return t.end()


sys.exit(main())
