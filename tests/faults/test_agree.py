#!/usr/bin/env python3
"""16 processes on one mailbox (deliveries by SMTP and LMTP, IMAP sessions that append, flag, copy, move and expunge,
POP sessions that delete) for DMAIL_SOAK_SECONDS; then everybody must agree, and a ledger with judge.py's independent reader.

The ledger is of UIDs: what APPENDUID and COPYUID name is born, what MOVE took, UID EXPUNGE and DELE removed is dead; what was
born and is not dead is there, with its text, and nothing else but one UID for each message that was delivered.
DMAIL_SOAK_SEED is what the workers draw from (1 by default)."""
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
SEED = int(os.environ.get("DMAIL_SOAK_SEED", "1"))
HOW_MANY = 16
BOXES = ("INBOX", "Work", "Old")  # mbox drop file, mbx folder, mbox folder
t = harness.Suite()


def text(ident, size):
    return ("From: a@b.example\r\nTo: c@d.example\r\nSubject: %s\r\nMessage-ID: <%s@soak>\r\n\r\n" % (ident, ident)
            + "From here on it is body.\r\n" + ("x" * 70 + "\r\n") * size).encode()


def worker(number, env, end, queue):
    """Returns (added ids, complaints, operations, ledger): lines of the ledger are ("is", box, uid, id) what was shown,
    ("born", box, uid, id), ("moved" or "dead", box, uid, id), ("copied", "", 0, id)."""
    rng = random.Random(SEED * 1000 + number)
    added, complaints, ops, ledger = [], [], 0, []

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
        uids, there, status = {}, {}, {}  # uid -> id, must never change; of the last FETCH; UIDNEXT, UIDVALIDITY
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
                    ledger.append(("born", target, int(c.response("APPENDUID")[1][-1].split()[1]), ident))
            elif what < 0.45:
                r = c.uid("store", "1:*", rng.choice(("+FLAGS", "-FLAGS")), rng.choice(("\\Seen", "\\Answered", "$K%d" % number)))
                if r[0] != "OK":
                    complaints.append("STORE: %r" % (r,))
            elif what < 0.7:
                there = {}
                r = c.uid("fetch", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
                for item in r[1]:
                    if isinstance(item, tuple):
                        uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
                        mid = judge.message_id(item[1]).split("@")[0]
                        there[uid] = mid
                        if uids.setdefault(uid, mid) != mid:
                            complaints.append("uid %d was %s and is %s" % (uid, uids[uid], mid))
            elif what < 0.75:
                other = rng.choice(BOXES)
                now = re.search(rb"UIDNEXT (\d+) UIDVALIDITY (\d+)", c.status(other, "(UIDNEXT UIDVALIDITY)")[1][0])
                now = tuple(int(n) for n in now.groups())
                before = status.setdefault(other, now)
                if now[0] < before[0] or now[1] != before[1]:
                    complaints.append("%s: UIDNEXT and UIDVALIDITY were %s and are %s" % (other, before, now))
                status[other] = now
            elif there:
                uid, mid = rng.choice(sorted(there.items()))
                if what < 0.93:
                    verb = "COPY" if what < 0.82 else "MOVE"
                    to = rng.choice([b for b in BOXES if b != target])
                    c.response("COPYUID")
                    r = c.uid(verb, str(uid), to)
                    told = c.response("COPYUID")[1][-1]
                    if r[0] != "OK" and b"nternal" in r[1][0]:
                        complaints.append("%s: %r" % (verb, r))
                    if r[0] == "OK" and told:
                        _, source, new = told.split()
                        if int(source) != uid:
                            complaints.append("%s of %d: COPYUID %r" % (verb, uid, told))
                        ledger.append(("born", to, int(new), mid))
                        ledger.append(("moved", target, uid, mid) if verb == "MOVE" else ("copied", "", 0, mid))
                        if verb == "MOVE":
                            del there[uid]
                else:
                    r = c.uid("store", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
                    r = c.uid("expunge", str(uid)) if r[0] == "OK" else r
                    if r[0] == "OK":
                        ledger.append(("dead", target, uid, mid))
                        del there[uid]
                    else:
                        complaints.append("EXPUNGE: %r" % (r,))
        ledger.extend(("is", target, uid, mid) for uid, mid in uids.items())
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
                    uid = int(p.uidl(n).split()[2][-8:], 16)  # UIDVALIDITY and UID
                    p.dele(n)
                    chosen.append(("dead", "INBOX", uid, judge.message_id(body).split("@")[0]))
                except poplib.error_proto as e:
                    if b"gone" not in e.args[0]:
                        complaints.append("RETR: %r" % (e,))
            if p.quit().startswith(b"+OK"):
                ledger.extend(chosen)
            ops += 1
            time.sleep(0.05)

    try:
        [lambda: deliver(False), lambda: deliver(True), lambda: imap("INBOX"), pop, lambda: imap("INBOX"), lambda: imap("Work"),
         lambda: imap("Old"), lambda: imap("Work")][number % 8]()
    except Exception as e:
        complaints.append("worker %d: %s: %s" % (number, type(e).__name__, e))
    queue.put((added, complaints, ops, ledger))


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
    home = next(f for f, dirs, files in os.walk(i.dir + "/spool") if f.endswith("/" + i.USER1 + ".mbx"))
    owner = os.stat(home)
    os.close(os.open(home + "/Old", os.O_WRONLY | os.O_CREAT, 0o600))
    os.chown(home + "/Old", owner.st_uid, owner.st_gid)
    queue = multiprocessing.Queue()
    end = time.time() + SECONDS
    processes = [multiprocessing.Process(target=worker, args=(n, env, end, queue)) for n in range(HOW_MANY)]
    for p in processes:
        p.start()
    results = [queue.get(timeout=SECONDS + 600) for _ in processes]
    for p in processes:
        p.join(120)
    added = {x for r in results for x in r[0]}
    complaints = [x for r in results for x in r[1]]
    ledger = [x for r in results for x in r[3]]
    kinds = [x[0] for x in ledger]
    print("%d operations, %d added, %d copied, %d moved, %d deleted" % (
        sum(r[2] for r in results), len(added), kinds.count("copied"), kinds.count("moved"), kinds.count("dead")))
    t.check("no complaint", not complaints, complaints[:6])
    t.check("something was copied, moved and deleted", min(kinds.count(k) for k in ("copied", "moved", "dead")) > 0)
    there = {}
    for name in BOXES:
        first, second = view(env, name), view(env, name)
        t.equal("two sessions agree on " + name, first == second, True)
        there.update({(name, uid): v for uid, v in first.items()})
        path = None
        for folder, dirs, files in os.walk(i.dir + "/spool"):
            if name == "INBOX" and i.USER1 in files:
                path = os.path.join(folder, i.USER1)
            if name != "INBOX" and name in files and i.USER1 + ".mbx" in folder:
                path = os.path.join(folder, name)
        outside = sorted(judge.message_id(x).split("@")[0] for x in judge.messages(path))
        t.equal("the independent reader agrees on " + name, outside, sorted(v[0] for v in first.values()))
    facts, twice = {}, []
    for _, box, uid, ident in [x for x in ledger if x[0] != "copied"] + [("is", *k, v[0]) for k, v in there.items()]:
        if facts.setdefault((box, uid), ident) != ident:
            twice.append((box, uid, facts[box, uid], ident))
    t.check("no UID names two texts, COPYUID and APPENDUID name the right ones", not twice, twice[:20])
    births = [x[1:3] for x in ledger if x[0] == "born"]
    t.check("no UID is given twice", len(births) == len(set(births)))
    moved = [x[1:3] for x in ledger if x[0] == "moved"]
    again = sorted({k for k in moved if moved.count(k) > 1})
    t.check("nothing is moved twice", not again, again[:20])
    dead = {x[1:3] for x in ledger if x[0] in ("moved", "dead")}
    back = sorted(dead & set(there))
    t.check("nothing deleted or moved is still there", not back, back[:20])
    lost = sorted(k for k in facts if k not in dead and k not in there)
    t.check("nothing acknowledged is lost", not lost, [(k, facts[k]) for k in lost[:20]])
    born = set(births)
    unborn = {}  # the one UID of each delivered message, which nobody is told
    for key, ident in facts.items():
        if key not in born:
            unborn.setdefault(ident, []).append(key)
    double = {k: v for k, v in unborn.items() if len(v) > 1 or v[0][0] != "INBOX" or k not in added}
    t.check("nothing is doubled or strange", not double, list(double.items())[:20])
    never = sorted(added - set(facts.values()))
    t.check("every message that was added was there", not never, never[:20])
    torn = [k for k, (_, b) in there.items() if not re.search(rb"From here on it is body\.\r\n(x{70}\r\n)+\Z", b)]
    t.check("nothing is merged or cut", not torn, torn[:20])
if t.failed:
    print("again: DMAIL_SOAK_SEED=%d DMAIL_SOAK_SECONDS=%g tests/faults/test_agree.py build" % (SEED, SECONDS))
t.end()
