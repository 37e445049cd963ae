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
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

START_TLS, HAND_OVER, NOTE, GO = 3, 4, 5, 8
AUTHENTICATE, SASL_START, SASL_STEP, SASL_CANCEL, TLS_FACTS, CERTIFICATE_FOR = 32, 33, 34, 35, 36, 37
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

def spoken(script):
    return " ".join(w if isinstance(w, str) else frame(*w).hex() for w in script)


def sasl(mechanism, script=None, exporter="", unique="", proof="", has=None):
    """The start of an exchange whose dmsasl (the probe) says what `script` has: frames of kind and fields."""
    return frame(SASL_START, mechanism, has or ("0" if script is None else "1"), spoken(script or []),
                 exporter, unique, proof)


def step(*script):
    return frame(SASL_STEP, spoken(script))


# What dmsasl may say.
WANT, CHALLENGED, DONE, FAILED = 4, 5, 6, 7
OPEN = sasl("CRAM-MD5", [(CHALLENGED, "c"), "step"])
NO = sasl("CRAM-MD5", [(FAILED, "wrong", "", "")])
LOGS_IN = sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "joe", "")])
CANCEL = frame(SASL_CANCEL)
FACTS = frame(TLS_FACTS, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "0")
CERTIFICATE = frame(CERTIFICATE_FOR, "other.example")

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
    ("a secret by no method", [frame(AUTHENTICATE, "joe", "secret", "")]),
    ("a secret by an unknown method", [frame(AUTHENTICATE, "joe", "secret", "NTLM")]),
    ("a secret by a method in small letters", [frame(AUTHENTICATE, "joe", "secret", "plain")]),
    ("a secret by POP's method", [frame(AUTHENTICATE, "joe", "secret", "USER")]),
    ("a token that is not on offer", [frame(AUTHENTICATE, "joe", "secret", "XOAUTH2")]),
    ("a clear secret by a challenge's name", [frame(AUTHENTICATE, "joe", "secret", "CRAM-MD5")]),
    ("a step without an exchange", [step("die")]),
    ("a cancel without an exchange", [CANCEL]),
    ("a step after the end", [NO, "w", step("die")]),
    ("a step after a cancel", [OPEN, "w", CANCEL, "w", step("die")]),
    ("a second cancel", [OPEN, "w", CANCEL, "w", CANCEL]),
    ("an exchange within an exchange", [OPEN, "w", OPEN]),
    ("a password within an exchange", [OPEN, "w", GOOD]),
    ("TLS within an exchange", [OPEN, "w", frame(START_TLS)]),
    ("hand-over within an exchange", [OPEN, "w", HAND]),
    ("an exchange after login", [GOOD, "w", OPEN]),
    ("an exchange after a login by exchange", [LOGS_IN, "w", LOGS_IN]),
    ("a fourth try by exchange", [WRONG, "w"] * 3 + [LOGS_IN]),
    ("a fourth exchange", [NO, "w"] * 3 + [GOOD]),
    ("a fourth exchange after cancels", [OPEN, "w", CANCEL, "w"] * 3 + [OPEN]),
    ("an unknown mechanism", [sasl("NTLM")]),
    ("a mechanism that is not in the list", [sasl("DIGEST-MD5")]),
    ("a mechanism in small letters", [sasl("cram-md5")]),
    ("a mechanism with a clear secret as an exchange", [sasl("PLAIN", ["die"])]),
    ("APOP at imapd", [sasl("APOP", ["die"])]),
    ("a mechanism of TLS without TLS", [sasl("SCRAM-SHA-1-PLUS", ["die"])]),
    ("EXTERNAL without TLS", [sasl("EXTERNAL", ["die"])]),
    ("a binding without TLS", [sasl("CRAM-MD5", ["die"], exporter="x" * 32)]),
    ("another binding without TLS", [sasl("CRAM-MD5", ["die"], unique="x" * 12)]),
    ("a certificate without TLS", [sasl("CRAM-MD5", ["die"], proof="x")]),
    ("neither with nor without initial response", [sasl("CRAM-MD5", ["die"], has="2")]),
    ("an initial response that is not there", [sasl("CRAM-MD5", ["die"], has="0")]),
    ("a long initial response", [frame(SASL_START, "CRAM-MD5", "1", "x" * 12289, "", "", "")]),
    ("a long response", [OPEN, "w", frame(SASL_STEP, "x" * 12289)]),
    ("an exchange of odd shape", [frame(SASL_START, "CRAM-MD5", "0", "")]),
    ("a step of odd shape", [OPEN, "w", frame(SASL_STEP)]),
    ("facts about TLS without TLS", [frame(TLS_FACTS, "TLSv1.3", "X", "0")]),
    ("a certificate without TLS", [CERTIFICATE]),
    ("the monitor's own challenge", [frame(CHALLENGE, "x")]),
    ("dmsasl's own words", [frame(DONE, "joe", "")]),
]

# At dpopd these are legal.
IMAP_ONLY = ("a secret by POP's method", "APOP at imapd")

# The same after a handshake, or what goes for one.
ILLEGAL_TLS = [
    ("TLS within TLS", [frame(START_TLS)]),
    ("facts about TLS twice", [FACTS, FACTS]),
    ("facts about TLS after login", [GOOD, "w", FACTS]),
    ("facts about TLS that are none", [frame(TLS_FACTS, "", "X", "0")]),
    ("facts about TLS with a line break", [frame(TLS_FACTS, "TLSv1.3\nevent=login", "X", "0")]),
    ("resumed, perhaps", [frame(TLS_FACTS, "TLSv1.3", "X", "2")]),
    ("a second certificate and key", [CERTIFICATE, "w", "w", CERTIFICATE]),
    ("a certificate and key after the handshake", [FACTS, CERTIFICATE]),
    ("a certificate and key after login", [GOOD, "w", CERTIFICATE]),
    ("a certificate and key within an exchange", [OPEN, "w", CERTIFICATE]),
    ("a long binding", [sasl("CRAM-MD5", ["die"], exporter="x" * 257)]),
    ("another long binding", [sasl("CRAM-MD5", ["die"], unique="x" * 257)]),
    ("a long proof", [sasl("CRAM-MD5", ["die"], proof="x" * 24577)]),
    ("EXTERNAL without authorities", [sasl("EXTERNAL", ["die"])]),
]

# name, the start of an exchange whose dmsasl lies or fails, the reason in the log.  The login fails and the
# connection goes on.
FAULTY = [
    ("it says no", NO, "password"),
    ("it cannot tell", sasl("CRAM-MD5", [(FAILED, "temporary", "joe", "x")]), "temporary"),
    ("it dies at once", sasl("CRAM-MD5", ["die"]), "temporary"),
    ("it dies later", sasl("CRAM-MD5", [(WANT, "joe"), "recv", "die"]), "temporary"),
    ("no frame", sasl("CRAM-MD5", ["ff"]), "temporary"),
    ("an unknown frame", sasl("CRAM-MD5", [(99,)]), "temporary"),
    ("a frame of ours", sasl("CRAM-MD5", [(3, "ok", "joe")]), "temporary"),
    ("an odd challenge", sasl("CRAM-MD5", [(CHALLENGED,)]), "temporary"),
    ("a login of whom it never asked about", sasl("CRAM-MD5", [(DONE, "joe", "")]), "temporary"),
    ("a login of somebody else", sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "eve", "")]), "temporary"),
    ("a login of nobody", sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "", "")]), "temporary"),
    ("a login without a secret", sasl("CRAM-MD5", [(WANT, "eve"), "recv", (DONE, "eve", "")]), "temporary"),
    ("a name that no rule lets in", sasl("CRAM-MD5", [(WANT, "bad name"), "recv", (DONE, "bad name", "")]), "temporary"),
    ("two secrets", sasl("CRAM-MD5", [(WANT, "eve"), "recv", (WANT, "joe"), "recv", (DONE, "joe", "")]), "temporary"),
    ("a very long name", sasl("CRAM-MD5", [(WANT, "j" * 2000)]), "temporary"),
    ("a secret for Kerberos", sasl("GSSAPI", [(WANT, "joe"), "recv", (DONE, "joe", "")]), "temporary"),
    ("a Kerberos name that no rule lets in", sasl("GSSAPI", [(DONE, "bad name", "")]), "name"),
    ("a Kerberos name without an account", sasl("GSSAPI", [(DONE, "eve", "")]), "account"),
    ("to act for another", sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "joe", "eve")]), "authorization"),
    ("to act for no name", sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "joe", "bad name")]), "authorization"),
    ("an account without IMAP", sasl("CRAM-MD5", [(WANT, "popper"), "recv", (DONE, "popper", "")]), "service"),
    ("a module that cannot tell", sasl("CRAM-MD5", [(WANT, "dead"), "recv", (FAILED, "temporary", "dead", "")]), "temporary"),
]

# name, packets that log joe in.
LEGAL = [
    ("an exchange", [LOGS_IN]),
    ("an exchange in steps", [OPEN, "w", step((WANT, "joe"), "recv", (CHALLENGED, "v=x"), "step"), "w",
                              step((DONE, "joe", ""))]),
    ("for itself by name", [sasl("CRAM-MD5", [(WANT, "joe"), "recv", (DONE, "joe", "joe@example.com")])]),
    ("Kerberos", [sasl("GSSAPI", [(DONE, "joe", "")])]),
    ("an exchange after a cancel", [OPEN, "w", CANCEL, "w", LOGS_IN]),
    ("an exchange after two refusals", [WRONG, "w", sasl("CRAM-MD5", ["die"]), "w", LOGS_IN]),
    ("a password after two exchanges", [NO, "w", OPEN, "w", CANCEL, "w", GOOD]),
    ("ten steps", [OPEN, "w"] + [step((CHALLENGED, "c"), "step"), "w"] * 9
     + [step((WANT, "joe"), "recv", (DONE, "joe", ""))]),
]


MODULE = """#!/bin/sh
while read c u p; do case "$c $u $p" in
  *' dead '*) echo '-DEAD no database';;
  'check '*' secret'|'lookup joe ') echo "+OK $u config 1234";;
  'secret joe '*|'secret popper '*) echo "+OK $u config 1234 password64=\\"c2VjcmV0\\"";;
  'lookup popper ') echo "+OK $u config 1234 imap=\\"no\\"";;
  *) echo '-ERR wrong';;
esac; done
"""


def set_up(root):
    """A private installation whose imapd-login is the probe."""
    path = harness.scratch("dmail-jail.")
    for d in ("bin", "mail", "log", "empty"):
        os.mkdir(os.path.join(path, d), 0o755)
    for daemon in ("imapd", "dpopd"):
        shutil.copy2(os.path.join(harness.BUILD, "bin", daemon), path + "/bin/" + daemon)
        for part in ("-login", "-login-tls", "-session"):
            shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), path + "/bin/" + daemon + part)
    shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), path + "/bin/dmsasl")
    shutil.copy2(os.path.join(harness.BUILD, "bin", "dmtally"), path + "/bin/dmtally")
    for name in ("certificate", "key"):  # that nobody reads: no program with TLS is here
        with open(path + "/" + name, "w") as f:
            os.fchmod(f.fileno(), 0o600)
    with open(path + "/auth", "w") as f:
        f.write(MODULE)
    os.chmod(path + "/auth", 0o755)
    lists = "".join("%s_mechanisms plain login cram-md5 gssapi scram-sha-1-plus external apop\n" % d for d in ("imapd", "dpop"))
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\n"
                "drop_path %s/mail\nwork_path %s\nlog_path %s/log\nlogin_user 65533:65533\n"
                "mail_user 65532:65532\nlogin_delay 10\njail_path %s/empty\n"
                "auth_user 65531:65531\nmodule_user 65530:65530\nkerberos_keytab %s/auth\n%s" % ((path,) * 6 + (lists,)))
    for name, more in (("tls", "tls_certificate %s/certificate\ntls_key %s/key\ntls_certificate_for other.example %s/certificate %s/key\n"
                        % ((path,) * 4)), ("slow", 'login_delay 700\nlogin_delay_exempt ""\n'),
                       ("patient", 'login_delay 20000\nlogin_delay_exempt ""\n')):
        with open(path + "/dmail.conf") as f, open("%s/%s.conf" % (path, name), "w") as g:
            g.write(f.read() + more)
    if not root:
        harness.give_away(path)
    return path


def run_monitor(path, packets, prefix, answered=True, daemon="imapd", conf="dmail", options=(), tcp=False):
    ours, theirs = socket.socketpair()
    if tcp:  # a client with an address
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs = listener.accept()[0]
    p = subprocess.Popen(prefix + [path + "/bin/" + daemon, "-C", "%s/%s.conf" % (path, conf), *options],
                         stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    theirs.close()
    ours.settimeout(120)
    f = ours.makefile("rwb")
    try:
        for packet in ["w"] + packets:  # the first answer is the start frame
            f.write(b"wait\n" if packet == "w" else b"send " + packet.hex().encode() + b"\n")
            f.flush()
            if packet == "w":
                f.readline()
        if answered:  # the last packet, or the connection ends
            f.write(b"wait\n")
            f.flush()
            f.readline()
        f.write(b"end\n")
        f.flush()
        ours.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the monitor has ended it
    try:
        p.wait(120)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return "(did not end)"
    finally:
        ours.close()
    log = path + "/log/%s.log" % daemon
    text = open(log).read() if os.path.exists(log) else ""
    if os.path.exists(log):
        os.truncate(log, 0)
    return text


def main():
    probe = os.path.join(harness.BUILD, "tests", "jail_probe")
    if not os.path.exists(probe):
        print("jail_probe is not built (make unit-build)")
        return 77
    skipped = 0
    as_users = [("root", [])] if os.geteuid() == 0 else []
    as_users.append(("ordinary user", harness.unprivileged()))
    for who, prefix in as_users:
        copy = harness.scratch("dmail-probe.") + "/jail_probe"
        shutil.copy2(probe, copy)
        p = subprocess.run(prefix + [copy], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        check("attacks as " + who, p.returncode == 0, p.stdout.decode())
        for line in p.stdout.decode().splitlines():
            if line.startswith("skipped: "):
                skipped += 1
                print("%s (%s)" % (line, who))
        path = set_up(not prefix)
        illegal = [(d, n, p, {}) for d in ("imapd", "dpopd") for n, p in ILLEGAL if d == "imapd" or n not in IMAP_ONLY]
        illegal += [(d, n, p, {"conf": "tls", "options": ["--tls"]}) for d in ("imapd", "dpopd") for n, p in ILLEGAL_TLS]
        for daemon, name, packets, how in illegal:
            log = run_monitor(path, packets, prefix, daemon=daemon, **how)
            check("%s: %s (%s)" % (daemon, name, who), "event=privsep-violation" in log, log)
            check("%s: no session: %s (%s)" % (daemon, name, who), "session uid" not in log, log)
        # Requests sent before the answer to the first was there do not shorten what wrong passwords cost.
        began = time.monotonic()
        log = run_monitor(path, [WRONG, WRONG, WRONG, "w", "w", "w"], prefix, False, conf="slow")
        check("three wrong passwords at once (%s)" % who, log.count("login-failed") == 3 and time.monotonic() - began >= 2.1,
              (time.monotonic() - began, log))
        # Nor does leaving before one's turn get a guess judged at once.
        log = run_monitor(path, [WRONG], prefix, False, conf="slow", tcp=True)
        check("a failure is remembered (%s)" % who, "login-failed" in log and "tally-failed" not in log, log)
        log = run_monitor(path, [GOOD], prefix, False, conf="patient", tcp=True)
        check("who does not wait is not judged (%s)" % who, "event=login" not in log, log)
        for name, start, want in FAULTY:
            log = run_monitor(path, [start, "w", frame(NOTE, "fine", "x")], prefix, False)
            check("dmsasl: %s (%s)" % (name, who), 'reason="%s"' % want in log and "event=fine" in log
                  and "violation" not in log and "event=login " not in log, log)
        for name, packets in LEGAL:
            log = run_monitor(path, packets + ["w", HAND], prefix)
            check("%s logs in (%s)" % (name, who), 'account="joe"' in log and "event=login " in log
                  and "session uid" in log and "violation" not in log, log)
        log = run_monitor(path, [OPEN, "w"] + [step((CHALLENGED, "c"), "step"), "w"] * 11, prefix, False)
        check("an exchange without end (%s)" % who, "without end" in log and "event=login " not in log, log)
        os.rename(path + "/bin/dmsasl", path + "/bin/away")
        log = run_monitor(path, [OPEN, "w", frame(NOTE, "fine", "x")], prefix, False)
        check("no dmsasl (%s)" % who, 'reason="temporary"' in log and "event=fine" in log, log)
        os.rename(path + "/bin/away", path + "/bin/dmsasl")
        log = run_monitor(path, [WRONG, "w", GOOD, "w", frame(NOTE, "fine", "x"), HAND], prefix)
        check("the legal order (%s)" % who, "event=login " in log and "violation" not in log, log)
        ids = "uid=1234 gid=1234" if not prefix else "uid=%d gid=%d" % (harness.NOBODY, harness.NOBODY)
        if os.geteuid() == 0:
            check("the session's ids (%s)" % who, ids + " root-again=no open=0,1,2,3,4," in log, log)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main())
