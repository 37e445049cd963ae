#!/usr/bin/env python3
"""16 processes on one mailbox (deliveries by SMTP and LMTP, IMAP sessions that append, flag, copy, move and expunge,
POP sessions that delete) for DMAIL_SOAK_SECONDS; then everybody must agree, and a ledger with judge.py's independent reader."""
import imaplib
import multiprocessing
import os
import poplib
import random
import re
import smtplib
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import judge

SECONDS = float(os.environ.get("DMAIL_SOAK_SECONDS", "120" if os.environ.get("CI") else "20"))
HOW_MANY = 16
t = harness.Suite()


def text(ident, size):
    return ("From: a@b.example\r\nTo: c@d.example\r\nSubject: %s\r\nMessage-ID: <%s@soak>\r\n\r\n" % (ident, ident)
            + "From here on it is body.\r\n" + ("x" * 70 + "\r\n") * size).encode()


def worker(number, env, end, queue):
    """Returns (added ids, deleted ids, complaints, operations)."""
    rng = random.Random(number)
    added, deleted, complaints, ops = [], [], [], 0

    def fresh():
        ident = "w%d-%d" % (number, len(added))
        return ident, text(ident, rng.choice((1, 5, 40, 200)))

    def deliver(lmtp):
        nonlocal ops
        kind, port = (smtplib.LMTP, env["LMTP_PORT"]) if lmtp else (smtplib.SMTP, env["SMTP_PORT"])
        with kind("localhost", port, timeout=300) as s:
            while time.time() < end:
                ident, body = fresh()
                refused = s.sendmail("a@b.example", [env["MAIL1"]], body)
                if refused:
                    complaints.append("delivery refused: %r" % refused)
                else:
                    added.append(ident)
                ops += 1

    def imap(target):
        nonlocal ops
        c = imaplib.IMAP4("localhost", env["IMAP_PORT"], timeout=300)
        c.login(env["USER1"], env["PASS1"])
        c.select(target)
        uids = {}  # uid -> id, must never change
        while time.time() < end:
            what = rng.random()
            ops += 1
            if what < 0.3:
                ident, body = fresh()
                r = c.append(target, rng.choice(("", "(\\Seen)", "(\\Flagged $K1)")), None, body)
                if r[0] != "OK":
                    complaints.append("APPEND: %r" % (r,))
                else:
                    added.append(ident)
            elif what < 0.5:
                r = c.uid("store", "1:*", rng.choice(("+FLAGS", "-FLAGS")), rng.choice(("\\Seen", "\\Answered", "$K%d" % number)))
                if r[0] != "OK":
                    complaints.append("STORE: %r" % (r,))
            elif what < 0.8:
                r = c.uid("fetch", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
                for item in r[1]:
                    if isinstance(item, tuple):
                        uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
                        mid = judge.message_id(item[1])
                        if uids.setdefault(uid, mid) != mid:
                            complaints.append("uid %d was %s and is %s" % (uid, uids[uid], mid))
            else:
                # one message of this worker's own is deleted, by UID, for good
                mine = [(u, m) for u, m in uids.items() if m.startswith("w%d-" % number) and m.split("@")[0] not in deleted]
                if mine:
                    uid, mid = rng.choice(mine)
                    r = c.uid("store", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
                    if r[0] == "OK" and c.expunge()[0] == "OK":
                        deleted.append(mid.split("@")[0])
                    else:
                        complaints.append("EXPUNGE: %r" % (r,))
        c.logout()

    def pop():
        nonlocal ops
        while time.time() < end:
            p = poplib.POP3("localhost", env["POP3_PORT"], timeout=300)
            p.user(env["USER1"])
            p.pass_(env["PASS1"])
            numbers = [int(l.split()[0]) for l in p.list()[1]]
            chosen = []
            for n in rng.sample(numbers, min(2, len(numbers))):
                try:
                    body = b"\r\n".join(p.retr(n)[1])
                    p.dele(n)
                    chosen.append(judge.message_id(body).split("@")[0])
                except poplib.error_proto as e:
                    if b"gone" not in e.args[0]:
                        complaints.append("RETR: %r" % (e,))
            if p.quit().startswith(b"+OK"):
                deleted.extend(chosen)
            ops += 1
            time.sleep(0.05)

    try:
        [lambda: deliver(False), lambda: deliver(True), lambda: imap("INBOX"), pop, lambda: imap("INBOX"), lambda: imap("Work"),
         lambda: deliver(True), lambda: imap("Work")][number % 8]()
    except Exception as e:
        complaints.append("worker %d: %s: %s" % (number, type(e).__name__, e))
    queue.put((added, deleted, complaints, ops))


def view(env, name):
    c = imaplib.IMAP4("localhost", env["IMAP_PORT"])
    c.login(env["USER1"], env["PASS1"])
    c.select(name, readonly=True)
    out = {}
    for item in c.uid("fetch", "1:*", "(FLAGS BODY.PEEK[])")[1]:
        if isinstance(item, tuple):
            uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
            out[uid] = (judge.message_id(item[1]).split("@")[0], item[1])
    c.logout()
    return out


with harness.Instance() as i:
    env = {k: v for k, v in vars(i).items() if k.isupper() or k.endswith(("1", "2"))}
    c = imaplib.IMAP4("localhost", i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    c.create("Work")
    queue = multiprocessing.Queue()
    end = time.time() + SECONDS
    processes = [multiprocessing.Process(target=worker, args=(n, env, end, queue)) for n in range(HOW_MANY)]
    for p in processes:
        p.start()
    results = [queue.get(timeout=SECONDS + 600) for _ in processes]
    for p in processes:
        p.join(120)
    added = {x for r in results for x in r[0]}
    deleted = {x for r in results for x in r[1]}
    complaints = [x for r in results for x in r[2]]
    t.check("no complaint in %d operations, %d messages added, %d deleted" % (sum(r[3] for r in results), len(added), len(deleted)),
            not complaints, complaints[:6])
    print("%d operations, %d added, %d deleted" % (sum(r[3] for r in results), len(added), len(deleted)))
    there = {}
    for name in ("INBOX", "Work"):
        first, second = view(env, name), view(env, name)
        t.equal("two sessions agree on " + name, first == second, True)
        for ident, body in first.values():
            t.check("once only", ident not in there, ident)
            there[ident] = body
        path = None
        for folder, dirs, files in os.walk(i.dir + "/spool"):
            if name == "INBOX" and i.USER1 in files:
                path = os.path.join(folder, i.USER1)
            if name == "Work" and "Work" in files and i.USER1 + ".mbx" in folder:
                path = os.path.join(folder, "Work")
        outside = sorted(judge.message_id(x).split("@")[0] for x in judge.messages(path))
        t.equal("the independent reader agrees on " + name, outside, sorted(v[0] for v in first.values()))
    lost = added - set(there) - deleted
    # A message two deleted at once, or that POP took between, counts as deleted; nothing else may miss.
    t.check("nothing acknowledged is lost", not lost, sorted(lost)[:20])
    t.check("nothing deleted is back", not (deleted & set(there)), sorted(deleted & set(there))[:20])
    t.check("nothing strange is there", set(there) <= added, sorted(set(there) - added)[:20])
    torn = [k for k, b in there.items() if not re.search(rb"From here on it is body\.\r\n(x{70}\r\n)+\Z", b)]
    t.check("nothing is merged or cut", not torn, torn[:20])
t.end()
