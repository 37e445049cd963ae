#!/usr/bin/env python3
"""Sessions run by hand: --help for everybody, root refused, and the clocks that end an idle session."""
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

suite = harness.Suite()
place = harness.scratch()
harness.give_away(place)


def session(program, *options):
    return harness.unprivileged() + [harness.program(program), "--user", "u", "--drop", place + "/u", *options]


def start(argv):
    global began
    began = time.monotonic()
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)


def until_closed(p):
    """What it says until it ends by itself, and how long that took from the start."""
    said = p.stdout.read()
    p.wait(60)
    p.stdin.close()
    return said, time.monotonic() - began


for name in ("imapd-session", "dpopd-session", "dsmtpd-deliver", "imapd", "dpopd", "dsmtpd"):
    status, out, err = harness.run([harness.program(name), "--help"])
    suite.check(name + " --help, whoever asks", status == 0 and b"usage: " + name.encode() in out, (status, out, err))
if os.geteuid() == 0:
    for name in ("imapd-session", "dpopd-session", "dsmtpd-deliver"):
        status, out, err = harness.run([harness.program(name), "--user", "u", "--drop", place + "/u"])
        suite.check(name + " refuses root and says so", status != 0 and b"root" in out + err and b"* " not in out, (status, out, err))

p = start(session("imapd-session", "--set", "imapd_timeout 1"))
said, seconds = until_closed(p)
suite.check("imapd_timeout: BYE to who says nothing", b"\r\n* BYE " in said and 0.8 < seconds < 60, (said, seconds))

p = start(session("imapd-session", "--set", "imapd_timeout 4"))
p.stdout.readline()
for n in range(4):
    time.sleep(1.2)
    p.stdin.write(b"a%d NOOP\r\n" % n)
    suite.check("a command starts the clock again", p.stdout.readline().startswith(b"a%d OK" % n))
began = time.monotonic()
p.stdin.write(b"b SELECT INBOX\r\nc IDLE\r\n")
said, seconds = until_closed(p)
suite.check("IDLE ends with the same clock", b"+ " in said and b"* BYE " in said and 3.5 < seconds < 60, (said, seconds))

p = start(session("imapd-session", "--set", "imapd_timeout 1"))
p.stdout.readline()
p.stdin.write(b"d APPEND INBOX {100+}\r\nSubject: half")
said, seconds = until_closed(p)
suite.check("a literal that never ends", b"d OK" not in said and 0.8 < seconds < 120, (said, seconds))
status, out, err = harness.run(session("imapd-session"), b"e STATUS INBOX (MESSAGES)\r\nf LOGOUT\r\n")
suite.check("leaves nothing behind", b"* STATUS INBOX (MESSAGES 0)" in out, out)

p = start(session("dpopd-session", "--set", "dpop_timeout 1"))
said, seconds = until_closed(p)
suite.check("dpop_timeout: no update, connection closed (RFC 1939 section 3)", 0.8 < seconds < 60, (said, seconds))


def flooded(argv, text):
    """What a session says to a client that has sent everything before it reads; None for a reset at the end."""
    ours, theirs = socket.socketpair()
    p = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    theirs.close()
    ours.settimeout(60)
    said = b""
    try:
        ours.sendall(text)
        p.wait(60)  # as on a slow line: nothing is read before the session is gone
        while data := ours.recv(65536):
            said += data
    except ConnectionResetError:
        said = None
    ours.close()
    return said


# A reset takes with it what the client has not read yet, and with it the reason (seen on Windows and on slow lines).
junk = b"%s\r\n" % (b"x" * 78) * 1200
by_hand = harness.unprivileged() + [harness.program("dsmtpd-session"), "--by-hand", "a.example"]
for name, argv, last in (("dpopd-session", session("dpopd-session"), b"-ERR too many bad commands; good bye\r\n"),
                         ("imapd-session", session("imapd-session"), b"* BYE Too many bad commands\r\n"),
                         ("dsmtpd-session", by_hand, b"421 4.7.0 Too many errors\r\n")):
    said = flooded(argv, junk)
    suite.check(name + ": the last words arrive while the client still sends", said is not None and said.endswith(last), said and said[-200:])
suite.end()
