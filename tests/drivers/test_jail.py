#!/usr/bin/env python3
"""The jail from the inside, and the monitor in front of a login program that has been taken over.

tests/drivers/jail_probe.cc tries what the jail forbids, as root and as an ordinary user.  Then it stands
in for imapd-login and sends the root monitor requests in every illegal order and shape: each must end
the connection with a line in the log, and none may start a session.
"""
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

START_TLS, HAND_OVER, NOTE, GO = 3, 4, 5, 8
AUTHENTICATE, SASL_START, SASL_STEP, SASL_CANCEL, TLS_FACTS = 32, 33, 34, 35, 36
ACCEPTED, REFUSED, CHALLENGE = 48, 49, 50
passed = failed = 0


def check(name, good, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED", name, detail)


def frame(kind, *fields):
    out = bytes([kind, len(fields)])
    for f in fields:
        f = f.encode() if isinstance(f, str) else f
        out += len(f).to_bytes(2, "little") + f
    return out


GOOD = frame(AUTHENTICATE, "joe", "secret", "LOGIN")
WRONG = frame(AUTHENTICATE, "joe", "wrong", "LOGIN")
HAND = frame(HAND_OVER, "a1", "LOGIN", "")

# name, packets; "w" waits for an answer.  Each must end as a violation.
ILLEGAL = [
    ("hand-over before login", [HAND]),
    ("hand-over after a wrong login", [WRONG, "w", HAND]),
    ("TLS that is not on offer", [frame(START_TLS)]),
    ("TLS after login", [GOOD, "w", frame(START_TLS)]),
    ("login after login", [GOOD, "w", GOOD]),
    ("login after login, at once", [GOOD, GOOD]),
    ("fourth login", [WRONG, "w", WRONG, "w", WRONG, "w", GOOD]),
    ("unknown request", [frame(99)]),
    ("request 0", [frame(0)]),
    ("the monitor's own start frame", [frame(1, *["x"] * 9)]),
    ("the monitor's own accepted frame", [frame(ACCEPTED)]),
    ("the monitor's own go frame", [frame(GO)]),
    ("too few fields", [frame(AUTHENTICATE, "joe")]),
    ("too many fields", [frame(AUTHENTICATE, "joe", "secret", "LOGIN", "root")]),
    ("hand-over of odd shape", [GOOD, "w", frame(HAND_OVER, "a1")]),
    ("bytes left over", [GOOD + b"x"]),
    ("cut short", [GOOD[:-1]]),
    ("one byte", [b"\x20"]),
    ("field longer than the packet", [b"\x20\x03\xff\xffjoe"]),
    ("300 fields announced", [b"\x20\xff"]),
    ("oversized packet", [b"\x20" * 41000]),
    ("odd name of a note", [frame(NOTE, "event=login user", "x")]),
    ("a note of a login that was none", [frame(NOTE, "login", "root")]),
    ("a note without a name", [frame(NOTE, "", "x")]),
    ("long note", [frame(NOTE, "x", "y" * 600)]),
    ("flood of notes", [frame(NOTE, "x", "y")] * 60),
]


def set_up(root):
    """A private installation whose imapd-login is the probe."""
    path = harness.scratch("dmail-jail.")
    for d in ("bin", "mail", "log", "empty"):
        os.mkdir(os.path.join(path, d), 0o755)
    shutil.copy2(os.path.join(harness.BUILD, "bin", "imapd"), path + "/bin/imapd")
    shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), path + "/bin/imapd-login")
    shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), path + "/bin/imapd-session")
    with open(path + "/auth", "w") as f:
        f.write("#!/bin/sh\nwhile read c u p; do\n  if [ \"$p\" = secret ]; then echo \"+OK $u config 1234\"\n"
                "  else echo '-ERR wrong'; fi\ndone\n")
    os.chmod(path + "/auth", 0o755)
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\n"
                "drop_path %s/mail\nwork_path %s\nlog_path %s/log\nlogin_user 65533:65533\n"
                "mail_user 65532:65532\nlogin_delay 10\njail_path %s/empty\n" % ((path,) * 5))
    if not root:
        harness.give_away(path)
    return path


def run_monitor(path, packets, prefix):
    ours, theirs = socket.socketpair()
    p = subprocess.Popen(prefix + [path + "/bin/imapd", "-C", path + "/dmail.conf"],
                         stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    theirs.close()
    ours.settimeout(30)
    f = ours.makefile("rwb")
    for packet in ["w"] + packets:  # the first answer is the start frame
        f.write(b"wait\n" if packet == "w" else b"send " + packet.hex().encode() + b"\n")
        f.flush()
        if packet == "w":
            f.readline()
    f.write(b"wait\n")
    try:
        f.flush()
        f.readline()
        f.write(b"end\n")
        f.flush()
    except OSError:
        pass
    try:
        p.wait(30)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return "(did not end)"
    finally:
        ours.close()
    log = path + "/log/imapd.log"
    text = open(log).read() if os.path.exists(log) else ""
    if os.path.exists(log):
        os.truncate(log, 0)
    return text


def main():
    probe = os.path.join(harness.BUILD, "tests", "jail_probe")
    if not os.path.exists(probe):
        print("jail_probe is not built (make unit-build)")
        return 77
    as_users = [("root", [])] if os.geteuid() == 0 else []
    as_users.append(("ordinary user", harness.unprivileged()))
    for who, prefix in as_users:
        copy = harness.scratch("dmail-probe.") + "/jail_probe"
        shutil.copy2(probe, copy)
        p = subprocess.run(prefix + [copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        check("attacks as " + who, p.returncode == 0, p.stdout.decode())
        path = set_up(not prefix)
        for name, packets in ILLEGAL:
            log = run_monitor(path, packets, prefix)
            check("%s (%s)" % (name, who), "event=privsep-violation" in log, log)
            check("no session: %s (%s)" % (name, who), "session uid" not in log, log)
        log = run_monitor(path, [WRONG, "w", GOOD, "w", frame(NOTE, "fine", "x"), HAND], prefix)
        check("the legal order (%s)" % who, "event=login " in log and "violation" not in log, log)
        ids = "uid=1234 gid=1234" if not prefix else "uid=%d gid=%d" % (harness.NOBODY, harness.NOBODY)
        if os.geteuid() == 0:
            check("the session's ids (%s)" % who, ids + " root-again=no open=0,1,2,3,4," in log, log)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
