#!/usr/bin/env python3
"""The monitor of dsmtpd in front of a session that has been taken over.

tests/drivers/jail_probe stands in for dsmtpd-session and sends the root monitor requests in every illegal order
and shape: each must end the connection with a line in the log, and nothing may be delivered.  Legal requests
with hostile contents are answered, and harm nothing.
"""
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

REFUSED, ENDED = 12, 13
START, ADD, FORGET, SPOOL, DELIVER, _, TLS, NOTE, ANSWER = range(1, 10)
FORWARDED = 11
AUTH, SASL_START, SASL_STEP, SASL_CANCEL, TLS_FACTS, CERTIFICATE_FOR = 32, 33, 34, 35, 36, 37
t = harness.Suite()


def frame(kind, *fields):
    out = bytes([kind, len(fields)])
    for f in fields:
        f = f.encode("latin-1") if isinstance(f, str) else f
        out += len(f).to_bytes(2, "little") + f
    return out


JOE = frame(ADD, "joe", "example.com")
ENVELOPE = frame(DELIVER, "client", "ESMTP", "a@b.example", "<1@b.example>")
WRONG = frame(AUTH, "joe", "wrong", "PLAIN")

# An exchange whose dmsasl, the probe, says what the initial response holds (test_jail.py has more of them).
WANT, CHALLENGED, DONE = 4, 5, 6


def sasl(*script):
    words = " ".join(w if isinstance(w, str) else frame(*w).hex() for w in script)
    return frame(SASL_START, "CRAM-MD5", "1", words, "", "", "")


OPEN = sasl((CHALLENGED, "c"), "step")
LOGS_IN = sasl((WANT, "joe"), "recv", (DONE, "joe", ""))
FACTS = frame(TLS_FACTS, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "0")
CERTIFICATE = frame(CERTIFICATE_FOR, "other.example")
CANCEL, STEP = frame(SASL_CANCEL), frame(SASL_STEP, "die")

# name, options, packets; "w" waits for an answer.  Each must end as a violation.
ILLEGAL = [
    ("delivery without a recipient", [], [ENVELOPE]),
    ("delivery without a message", [], [JOE, "w", ENVELOPE]),
    ("a spool file without a recipient", [], [frame(SPOOL, "0")]),
    ("no number as the size of a message", [], [JOE, "w", frame(SPOOL, "1x")]),
    ("a message above the limit", [], [JOE, "w", frame(SPOOL, "104857601")]),
    ("a second spool file", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(SPOOL, "0")]),
    ("one more recipient after the message", [], [JOE, "w", frame(SPOOL, "0"), "w", JOE]),
    ("a spool file after forgetting", [], [JOE, "w", frame(FORGET), frame(SPOOL, "0")]),
    ("delivery after forgetting", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(FORGET), ENVELOPE]),
    ("a header line in the sender", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(DELIVER, "c", "ESMTP", "a\nX-Evil: 1", "")]),
    ("a header line in the name of the client", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(DELIVER, "c\r\nX: 1", "ESMTP", "a", "")]),
    ("8 bit in the protocol", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(DELIVER, "c", "\xff", "a", "")]),
    ("a very long sender", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(DELIVER, "c", "ESMTP", "a" * 5000, "")]),
    ("a line break in a Message-ID", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(DELIVER, "c", "ESMTP", "a", "<a\nevent=x>")]),
    ("a refused message before there is one", [], [JOE, "w", frame(REFUSED, "ESMTP", "a", "", "550", "no")]),
    ("a line break about a refused message", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(REFUSED, "ESMTP", "a\n", "", "550", "no")]),
    ("a good code of a refused message", [], [JOE, "w", frame(SPOOL, "0"), "w", frame(REFUSED, "ESMTP", "a", "", "250", "no")]),
    ("an end with an odd reason", [], [frame(ENDED, "quit user=x", "", "1", "1", "1")]),
    ("an end with odd numbers", [], [frame(ENDED, "quit", "", "1x", "1", "1")]),
    ("two ends", [], [frame(ENDED, "quit", "", "1", "1", "1")] * 2),
    ("the end of a session as a note", [], [frame(NOTE, "session-end", "x")]),
    ("control bytes in a recipient", [], [frame(ADD, "joe\n", "example.com")]),
    ("NUL in a domain", [], [frame(ADD, "joe", "example.com\0")]),
    ("a login within a transaction", [], [JOE, "w", frame(AUTH, "joe", "secret", "PLAIN")]),
    ("a login over LMTP", ["--lmtp"], [frame(AUTH, "joe", "secret", "PLAIN")]),
    ("a fourth login", [], [WRONG, "w", WRONG, "w", WRONG, "w", WRONG]),
    ("a login after a login", [], [LOGS_IN, "w", WRONG]),
    ("an exchange within a transaction", [], [JOE, "w", OPEN]),
    ("an exchange over LMTP", ["--lmtp"], [OPEN]),
    ("an exchange after a login", [], [LOGS_IN, "w", OPEN]),
    ("a step without an exchange", [], [STEP]),
    ("a cancel without an exchange", [], [CANCEL]),
    ("a step after a cancel", [], [OPEN, "w", CANCEL, "w", STEP]),
    ("an exchange within an exchange", [], [OPEN, "w", OPEN]),
    ("a password within an exchange", [], [OPEN, "w", WRONG]),
    ("a recipient within an exchange", [], [OPEN, "w", JOE]),
    ("forgetting within an exchange", [], [OPEN, "w", frame(FORGET)]),
    ("TLS within an exchange", [], [OPEN, "w", frame(TLS)]),
    ("a mechanism that is not in the list", [], [frame(SASL_START, "GSSAPI", "0", "", "", "", "")]),
    ("APOP at dsmtpd", [], [frame(SASL_START, "APOP", "1", "die", "", "", "")]),
    ("a fourth try by exchange", [], [WRONG, "w"] * 3 + [OPEN]),
    ("facts about TLS without TLS", [], [frame(TLS_FACTS, "TLSv1.3", "X", "0")]),
    ("a certificate without TLS", [], [CERTIFICATE]),
    ("TLS within TLS", ["--tls"], [frame(TLS)]),
    ("facts about TLS twice", ["--tls"], [FACTS, FACTS]),
    ("facts about TLS within a transaction", ["--tls"], [JOE, "w", FACTS]),
    ("a second certificate and key", ["--tls"], [CERTIFICATE, "w", "w", CERTIFICATE]),
    ("a certificate and key after the handshake", ["--tls"], [FACTS, CERTIFICATE]),
    ("a certificate and key within a transaction", ["--tls"], [JOE, "w", CERTIFICATE]),
    ("a certificate and key within an exchange", ["--tls"], [OPEN, "w", CERTIFICATE]),
    ("TLS within a transaction", [], [JOE, "w", frame(TLS)]),
    ("TLS that is not on offer", [], [frame(TLS)]),
    ("unknown request", [], [frame(99)]),
    ("request 0", [], [frame(0)]),
    ("the monitor's own start frame", [], [frame(START, *["x"] * 5)]),
    ("the monitor's own answer", [], [frame(ANSWER, "250", "", "")]),
    ("too few fields", [], [frame(ADD, "joe")]),
    ("too many fields", [], [frame(ADD, "joe", "example.com", "root")]),
    ("bytes left over", [], [JOE + b"x"]),
    ("cut short", [], [JOE[:-1]]),
    ("field longer than the packet", [], [b"\x02\x02\xff\xffjoe"]),
    ("oversized packet", [], [b"\x02" * 41000]),
    ("odd name of a note", [], [frame(NOTE, "event=login user", "x")]),
    ("long note", [], [frame(NOTE, "x", "y" * 600)]),
    ("flood of notes", [], [frame(NOTE, "x", "y")] * 250),
    ("more unknown recipients than a session lives to see", [], [x for n in range(41) for x in (frame(ADD, "no%d" % n, "example.com"), "w")]),
    ("and over LMTP", ["--lmtp"], [x for n in range(41) for x in (frame(ADD, "no%d" % n, "example.com"), "w")]),
    ("more than max_rcpts recipients", [], [x for _ in range(101) for x in (JOE, "w")]),
]

# name, packets, what the log says.  The connection goes on.
LEGAL = [
    ("a delivery", [JOE, "w", frame(SPOOL, "0"), "w", ENVELOPE, "w"], "event=delivered"),
    ("an unknown recipient", [frame(ADD, "nobody", "example.com"), "w"], "code=550"),
    ("a recipient elsewhere", [frame(ADD, "joe", "elsewhere.example"), "w"], "code=550"),
    ("a name that leads out", [frame(ADD, "../../etc/passwd", "example.com"), "w"], "code=550"),
    ("a name with a command for the module", [frame(ADD, "joe secret", "example.com"), "w"], "code=550"),
    ("a wrong password", [WRONG, "w"], "event=login-failed"),
    ("an exchange", [LOGS_IN, "w", JOE, "w"], 'method="CRAM-MD5"'),
    ("an exchange that is cancelled", [OPEN, "w", CANCEL, "w", JOE, "w"], "event=login-cancelled"),
    ("an exchange whose dmsasl dies", [OPEN, "w", STEP, "w", JOE, "w"], 'reason="temporary"'),
    ("a line break in a password", [frame(AUTH, "joe", "x\nset joe x", "PLAIN"), "w"], "event=login-failed"),
]


def set_up(root):
    """A private installation whose dsmtpd-session is the probe."""
    path = harness.scratch("dmail-smtpmon.")
    for d in ("bin", "mail", "log", "empty"):
        os.mkdir(os.path.join(path, d), 0o755)
    for n in ("dsmtpd", "dsmtpd-deliver"):
        shutil.copy2(os.path.join(harness.BUILD, "bin", n), path + "/bin/" + n)
    for n in ("dsmtpd-session", "dsmtpd-session-tls", "dmsasl"):
        shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), path + "/bin/" + n)
    with open(path + "/auth", "w") as f:
        f.write("#!/bin/sh\nwhile read c u p; do\n  case \"$c $u\" in\n  'secret joe') echo \"+OK $u config 1234 password64=\\\"c2VjcmV0\\\"\";;\n  'lookup joe') echo \"+OK $u config 1234\";;\n"
                "  'check joe') if [ \"$p\" = secret ]; then echo \"+OK $u config 1234\"; else echo '-ERR wrong'; fi;;\n"
                "  *) echo '-ERR no';;\n  esac\ndone\n")
    os.chmod(path + "/auth", 0o755)
    for name in ("certificate", "key"):  # that nobody reads: no program with TLS is here
        with open(path + "/" + name, "w") as f:
            os.fchmod(f.fileno(), 0o600)
    with open(path + "/dmail.conf", "w") as f:
        f.write("host_domain example.com\nauthent_method external\nauthent_process %s/auth\nmax_rcpts 100\n"
                "drop_path %s/mail\nwork_path %s\nlog_path %s/log\nlogin_user 65533:65533\n"
                "mail_user 65532:65532\nauth_user 65531:65531\nmodule_user 65530:65530\nlogin_delay 10\ndsmtp_mechanisms plain login cram-md5 apop\njail_path %s/empty\n" % ((path,) * 5))
    with open(path + "/dmail.conf") as f, open(path + "/tls.conf", "w") as g:
        g.write(f.read() + "tls_certificate %s/certificate\ntls_key %s/key\ntls_certificate_for other.example %s/certificate %s/key\n" % ((path,) * 4))
    with open(path + "/tls.conf") as f, open(path + "/proxied.conf", "w") as g:
        g.write(f.read() + "trusted_proxies 127.0.0.1\nlogin_delay_exempt 127.* 192.0.2.*\n")
    with open(path + "/proxied.conf") as f, open(path + "/submission.conf", "w") as g:
        g.write(f.read() + UNNAMED)
    if not root:
        harness.give_away(path)
    return path


def in_order(words, text):
    at = 0
    for word in words:
        at = text.find(word, at) + len(word)
        if at < len(word):
            return False
    return True


# What a session that was taken over does on a submission port without a login: name, packets, what the log has.
UNNAMED = "submission_from 192.0.2.7\n"
SUBMISSIONS = [
    ("a recipient without a login", [JOE, "w"], "code=530"),
    ("a recipient after a login", [frame(AUTH, "joe", "secret", "PLAIN"), "w", JOE, "w", frame(SPOOL, "0"), "w", ENVELOPE, "w"], "event=delivered"),
    ("a client that its proxy names, of an address that may", [frame(FORWARDED, "192.0.2.7", "1", "", "0"), "w", JOE, "w", frame(SPOOL, "0"), "w",
                                                               ENVELOPE, "w"], "event=delivered"),
    ("and of one that may not", [frame(FORWARDED, "192.0.2.8", "1", "", "0"), "w", JOE, "w"], "code=530"),
]


# name, packets, what the log has in this order, and what it has not.  "tls" is STARTTLS: the monitor has a new session,
# whose client is a trusted proxy.
ELSEWHERE = frame(ADD, "joe", "elsewhere.example")
GOOD = frame(AUTH, "joe", "secret", "PLAIN")
NEW_START = [
    ("a login before STARTTLS", [GOOD, "w", ELSEWHERE, "w", frame(FORGET), "tls", ELSEWHERE, "w"],
     ["event=login ", 'relay="login"', 'relay="nobody"'], []),
    ("and a new one after it", [GOOD, "w", "tls", GOOD, "w", ELSEWHERE, "w"], ["event=login ", "event=login ", 'relay="login"'], []),
    ("an address told before STARTTLS", [frame(FORWARDED, "192.0.2.1", "1", "", "0"), "w", WRONG, "w", "tls", WRONG, "w"],
     ["event=forwarded ip=192.0.2.1", "event=login-failed", "ip=192.0.2.1 ", "event=login-failed", "ip=127.0.0.1 "], []),
    ("and one that is told after it", ["tls", frame(FORWARDED, "192.0.2.1", "1", "", "0"), "w", WRONG, "w"],
     ["event=forwarded ip=192.0.2.1", "event=login-failed", "ip=192.0.2.1 "], ["ip=127.0.0.1 "]),
]


def session_over_tls(monitor):
    """Whether the monitor has started the session that speaks TLS."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) != monitor:
                    continue
            with open("/proc/%s/cmdline" % pid) as f:
                if f.read().split("\0")[0].endswith("dsmtpd-session-tls"):
                    return True
        except OSError:
            pass
    return False


def run_monitor(path, options, packets, prefix):
    ours, theirs = socket.socketpair()
    conf = "/tls.conf" if "--tls" in options else "/dmail.conf"
    if "tls" in packets or "--submission" in options:  # a client with an address
        conf, options = ("/submission.conf", options) if options else ("/proxied.conf", [])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs = listener.accept()[0]
    p = subprocess.Popen(prefix + [path + "/bin/dsmtpd", "-C", path + conf, *options],
                         stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    theirs.close()
    ours.settimeout(120)
    f = ours.makefile("rwb")
    try:
        for packet in ["w"] + packets:  # the first answer is the start frame
            if packet == "tls":
                f.write(b"send " + frame(TLS).hex().encode() + b"\n")
                f.flush()
                t.check("a session over TLS", harness.wait_until(lambda: p.poll() is not None or session_over_tls(p.pid)))
                packet = "w"
            f.write(b"wait\n" if packet == "w" else b"send " + packet.hex().encode() + b"\n")
            f.flush()
            if packet == "w":
                f.readline()
        f.write(b"end\n")
        f.flush()
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
    log = path + "/log/dsmtpd.log"
    with open(log) as f:
        text = f.read()
    os.truncate(log, 0)
    return text


if not os.path.exists(os.path.join(harness.BUILD, "tests", "jail_probe")):
    print("skipped: jail_probe is not built (make unit-build)")
    sys.exit(77)
for root in ([True, False] if os.geteuid() == 0 else [False]):
    prefix = [] if root else harness.unprivileged()
    who = "root" if root else "user"
    path = set_up(root)
    drop = path + "/mail/joe"
    for name, options, packets in ILLEGAL:
        text = run_monitor(path, options, packets, prefix)
        t.check("%s: %s" % (who, name), "event=privsep-violation" in text and "event=delivered" not in text
                and text.count("event=login ") == packets.count(LOGS_IN), text)
    t.check(who + ": no illegal request delivered anything", not os.path.exists(drop) or os.path.getsize(drop) == 0)
    for name, packets, want in LEGAL:
        text = run_monitor(path, [], packets, prefix)
        t.check("%s: %s" % (who, name), want in text and "violation" not in text, text)
    for name, packets, want in SUBMISSIONS:
        text = run_monitor(path, ["--submission"], packets, prefix)
        t.check("%s: submission: %s" % (who, name), want in text and "violation" not in text, text)
    for name, packets, has, has_not in NEW_START:
        text = run_monitor(path, [], packets, prefix)
        t.check("%s: %s" % (who, name), in_order(has, text) and not any(w in text.split("event=forwarded")[-1] for w in has_not)
                and "violation" not in text, text)
    if root:
        t.equal("the drop file is the user's", os.stat(drop).st_uid, 1234)
        t.equal("and closed to others", os.stat(drop).st_mode & 0o777, 0o600)
        t.equal("the spool is root's", (os.stat(path + "/spool").st_uid, os.stat(path + "/spool").st_mode & 0o777), (0, 0o700))
t.end()
