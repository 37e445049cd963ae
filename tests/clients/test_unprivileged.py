#!/usr/bin/env python3
"""A whole instance as an ordinary user, and 200 connections at once."""
import imaplib
import os
import re
import smtplib
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import message

t = harness.Suite()
for as_user in (True, False):
    with harness.Instance("--imap", "0", "--imaps", "0", "--smtp", "0", as_user=as_user) as i:
        who = "an ordinary user" if as_user or os.geteuid() != 0 else "root"
        with smtplib.SMTP("localhost", i.SMTP_PORT) as s:
            t.equal("delivery, installed by " + who, s.sendmail("a@b.example", [i.MAIL1], message(1)), {})
        c = imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT)
        c.login(i.USER1, i.PASS1)
        t.equal("reading, installed by " + who, c.select("INBOX")[1], [b"1"])
        drop = next(os.path.join(d, i.USER1) for d, ds, fs in os.walk(i.dir + "/spool") if i.USER1 in fs)
        t.equal("the drop file is private", os.stat(drop).st_mode & 0o777, 0o600)
        if who == "root":
            t.check("the drop file is the user's", os.stat(drop).st_uid not in (0, os.getuid()), os.stat(drop).st_uid)
            owners = set()
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    if os.readlink("/proc/%s/exe" % pid) == harness.program("imapd-session"):
                        with open("/proc/%s/status" % pid) as f:
                            owners.add(int(re.search(r"Uid:\s+(\d+)", f.read())[1]))
                except OSError:
                    pass
            t.check("no session is root", owners and 0 not in owners, owners)
        else:
            with open(i.dir + "/log/imapd.log") as f:
                t.check("the log says once that there is nothing to give up", "unprivileged" in f.read())
        connections = []
        for n in range(200):
            k = socket.create_connection(("localhost", i.IMAP_PORT), 120)
            connections.append(k)
        good = sum(1 for k in connections if k.recv(200).startswith(b"* OK"))
        t.equal("200 connections are greeted, by " + who, good, 200)
        t.equal("and one more logs in meanwhile", imaplib.IMAP4(i.IMAP_HOST, i.IMAP_PORT).login(i.USER2, i.PASS2)[0], "OK")
        for k in connections:
            k.close()
        c.logout()
t.end()
