#!/usr/bin/env python3
"""Kills an operation at its n-th file system call, for every n, and fails that call with ENOSPC and EIO.

Operations: APPEND, COPY, MOVE, STORE, EXPUNGE, RENAME, DELETE, CREATE by
IMAP, a POP QUIT after DELEs, and delivery; each on an mbox drop file, an mbox folder and an mbx folder.  After each
step the mailbox is opened again by the real server, which may repair; then an independent reader (judge.py) and the server
must agree with the ledger: nothing acknowledged is lost, no message merged or cut, no UID given twice.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import judge
from harness import message

STEPPER = os.path.join(harness.BUILD, "tests", "stepper")
FIXTURE = 6  # messages m1..m6 in the mailbox under test
MANY = 140   # for flags that go through the log beside the index
t = harness.Suite()
if os.uname().machine != "x86_64" or not os.path.exists(STEPPER):
    print("skipped: the stepper is for x86-64 Linux")
    sys.exit(77)
STEPPER = shutil.copy2(STEPPER, harness.scratch())
BASE = harness.scratch("dmail-steps.")


def session(kind, box, script, stepper=()):
    """Runs a session program by hand with `script` as its input; (status, output)."""
    argv = [*harness.unprivileged(), *stepper, harness.program(kind), "--user", "u", "--drop", box + "/drop/u",
            "--folders", box + "/drop/u.mbx"]
    p = subprocess.run(argv, input=script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    return p.returncode, p.stdout + p.stderr


def literal(text):
    return b"{%d+}\r\n" % len(text) + text


def imap(*lines):
    return b"".join(b"t%d " % n + l + b"\r\n" for n, l in enumerate(lines, 1)) + b"z LOGOUT\r\n"


def make_fixture(path, target, count=FIXTURE):
    """A user whose `target` has m1..m6; for the mbox folder the file is there, empty, first."""
    os.makedirs(path + "/drop/u.mbx")
    open(path + "/drop/u", "w").close()
    if target == "Mbox":
        with open(path + "/drop/u.mbx/Mbox", "wb") as f:  # m1 came from another program
            f.write(b"From x@y Sat Nov 21 10:00:00 2026\n" + FOREIGN.replace(b"\r\n", b"\n") + b"\n")
    harness.give_away(path)
    lines = [] if target in ("INBOX", "Mbox") else [b"CREATE " + target.encode()]
    lines += [b"CREATE Other"]
    first = 2 if target == "Mbox" else 1
    lines += [b"APPEND %s %s" % (target.encode(), literal(message(n))) for n in range(first, count + 1)]
    status, out = session("imapd-session", path, imap(*lines))
    if b"t%d OK" % len(lines) not in out:
        raise SystemExit("fixture %s: %r" % (target, out[-400:]))


def look(box, name):
    """What the server says after repair: {uid: (message id, digest, flags)}, uidvalidity, uidnext; None: no such mailbox."""
    status, out = session("imapd-session", box, imap(b"SELECT " + name.encode(), b"UID FETCH 1:* (FLAGS BODY.PEEK[])"))
    if b"t1 OK" not in out:
        return None
    found, at = {}, 0
    for m in re.finditer(rb"\* \d+ FETCH \((?=[^{\r]*BODY\[\] \{)([^{\r]*)BODY\[\] \{(\d+)\}\r\n", out):
        if m.start() < at:
            continue
        text = out[m.end():m.end() + int(m.group(2))]
        at = m.end() + int(m.group(2))
        uid = int(re.search(rb"UID (\d+)", m.group(1) + out[at:at + 200].split(b"\r\n")[0]).group(1))
        flags = re.search(rb"FLAGS \(([^)]*)\)", m.group(1) + out[at:at + 200].split(b"\r\n")[0]).group(1)
        found[uid] = (judge.message_id(text), judge.digest(text), flags)
    validity = int(re.search(rb"UIDVALIDITY (\d+)", out).group(1))
    following = int(re.search(rb"UIDNEXT (\d+)", out).group(1))
    return found, validity, following


GOOD = {"m%d@there.example" % n: judge.digest(message(n)) for n in range(1, MANY + 60)}
# What another program put into an mbox is given back as it stands there, its quoting included.
FOREIGN = message(1).replace(b"\r\nFrom ", b"\r\n>From ")


LARGE = judge.digest(message(8, 9000))


def whole(name, mid, dig):
    if mid == "m8@there.example" and dig == LARGE:
        return True
    return dig == (judge.digest(FOREIGN) if name == "Mbox" and mid == "m1@there.example" else GOOD.get(mid))



def path_of(box, name):
    path = box + "/drop/u" if name == "INBOX" else box + "/drop/u.mbx/" + name
    return path + "/.mbx" if os.path.isdir(path) else path


def consistent(box, name, before):
    """Complaints about one mailbox, whatever the operation was."""
    complaints = []
    seen = look(box, name)
    if seen is None:
        return None, ["%s cannot be opened" % name]
    found, validity, following = seen
    for uid, (mid, dig, flags) in found.items():
        if not whole(name, mid, dig):
            complaints.append("uid %d (%s) is cut or merged" % (uid, mid))
        if uid >= following:
            complaints.append("uid %d is not below UIDNEXT %d" % (uid, following))
    if before and before[1] == validity:
        for uid, (mid, dig, flags) in found.items():
            if uid in before[0] and before[0][uid][0] != mid:
                complaints.append("uid %d was %s and is %s" % (uid, before[0][uid][0], mid))
            if uid not in before[0] and uid < before[2]:
                complaints.append("uid %d of a dead message is used again" % uid)
    ids = sorted(v[0] for v in found.values())
    try:
        outside = sorted(judge.message_id(x) for x in judge.messages(path_of(box, name)))
        # (judge.py takes the quoting off what carries our state block, and by now the foreign one may.)
        unharmed = all(whole(name, judge.message_id(x), judge.digest(x)) or judge.message_id(x) == "m1@there.example"
                       for x in judge.messages(path_of(box, name)))
    except (ValueError, OSError) as e:
        return seen, complaints + ["the independent reader: %s" % e]
    if outside != ids:
        complaints.append("the independent reader sees %s, the server %s" % (outside, ids))
    if not unharmed:
        complaints.append("the independent reader sees a cut message")
    return seen, complaints


def ids_of(seen):
    return sorted(v[0].split("@")[0] for v in seen[0].values())


M = ["m%d" % n for n in range(1, FIXTURE + 1)]


class Operation:
    """A script for one program, and what must hold after it by what it acknowledged."""

    def __init__(self, name, program, script, check, boxes):
        self.name, self.program, self.script, self.check, self.boxes = name, program, script, check, boxes


def operations(target):
    b = target.encode()

    def appended(acks, now, box):
        ids = ids_of(now[target])
        if not set(M) <= set(ids):
            return "old mail lost: %s" % ids
        for n, tag in ((7, b"t2"), (8, b"t3")):
            if tag in acks and "m%d" % n not in ids:
                return "acknowledged m%d is lost" % n
        return "" if set(ids) <= set(M + ["m7", "m8"]) else "strange: %s" % ids

    def copied(acks, now, box):
        other = ids_of(now["Other"])
        if ids_of(now[target]) != M:
            return "the source changed: %s" % ids_of(now[target])
        if b"t2" in acks and other != ["m2", "m3", "m4"]:
            return "acknowledged copy: %s" % other
        return "" if set(other) <= {"m2", "m3", "m4"} and len(other) == len(set(other)) else "strange: %s" % other

    def moved(acks, now, box):
        here, other = ids_of(now[target]), ids_of(now["Other"])
        if sorted(set(here + other)) != M or len(other) != len(set(other)):
            return "lost or doubled: %s and %s" % (here, other)
        if b"t2" in acks and (here, other) != (["m1", "m5", "m6"], ["m2", "m3", "m4"]):
            return "acknowledged MOVE: %s and %s" % (here, other)
        return ""

    def stored(acks, now, box):
        if ids_of(now[target]) != M:
            return "mail lost: %s" % ids_of(now[target])
        for mid, dig, flags in now[target][0].values():
            if mid[:2] in ("m2", "m5") and b"t2" in acks and (b"\\Flagged" not in flags or b"$Step" not in flags):
                return "acknowledged flag of %s is lost: %s" % (mid, flags)
        return ""

    def expunged(acks, now, box):
        ids = ids_of(now[target])
        if not {"m1", "m3", "m5", "m6"} <= set(ids):
            return "more than asked is gone: %s" % ids
        if {b"t2", b"t3"} <= acks and ids != ["m1", "m3", "m5", "m6"]:
            return "acknowledged EXPUNGE came back: %s" % ids
        return ""

    def delivered(acks, now, box):
        ids = ids_of(now["INBOX"])
        if not set(M) <= set(ids):
            return "old mail lost: %s" % ids
        if b"delivered" in acks and "m7" not in ids:
            return "the acknowledged delivery is lost"
        return "" if set(ids) <= set(M + ["m7"]) else "strange: %s" % ids

    def quitted(acks, now, box):
        ids = ids_of(now["INBOX"])
        if not {"m2", "m4", "m6"} <= set(ids):
            return "more than asked is gone: %s" % ids
        if b"QUIT" in acks and ids != ["m2", "m4", "m6"]:
            return "acknowledged QUIT: %s" % ids
        return ""

    def renamed(acks, now, box):
        new = look(box, "Moved/New")
        old = look(box, target) if target != "INBOX" else now["INBOX"]
        have = [x for x in (old, new) if x is not None]
        everything = sorted(sum((ids_of(x) for x in have), []))
        if sorted(set(everything)) != M:
            return "mail lost: %s" % everything
        if b"t1" in acks and (new is None or ids_of(new) != M):
            return "acknowledged RENAME is not there"
        return ""

    def deleted(acks, now, box):
        left = look(box, target)
        if b"t1" in acks and left is not None:
            return "acknowledged DELETE came back"
        return "" if left is None or ids_of(left) == M else "half deleted: %s" % ids_of(left)

    def created(acks, now, box):
        parent = look(box, target)
        if parent is None or ids_of(parent) != M:
            return "the parent lost its mail"
        if b"t1" in acks and look(box, target + "/Child") is None:
            return "acknowledged CREATE is not there"
        return ""

    select = b"SELECT " + b
    ops = [
        Operation("APPEND", "imapd-session", imap(select, b"APPEND " + b + b" (\\Seen) " + literal(message(7)),
                                                  b"APPEND " + b + b" " + literal(message(8, 9000))), appended, [target]),
        Operation("COPY", "imapd-session", imap(select, b"COPY 2:4 Other"), copied, [target, "Other"]),
        Operation("MOVE", "imapd-session", imap(select, b"MOVE 2:4 Other"), moved, [target, "Other"]),
        Operation("STORE", "imapd-session", imap(select, b"STORE 2,5 +FLAGS (\\Flagged $Step)"), stored, [target]),
        Operation("EXPUNGE", "imapd-session", imap(select, b"STORE 2,4 +FLAGS.SILENT (\\Deleted)", b"EXPUNGE"), expunged, [target]),
        Operation("RENAME", "imapd-session", imap(b"RENAME " + b + b" Moved/New"), renamed, [target] if target == "INBOX" else []),
    ]
    if target == "INBOX":
        ops.append(Operation("delivery", "dsmtpd-deliver", message(7), delivered, ["INBOX"]))
        ops.append(Operation("POP QUIT", "dpopd-session", b"RETR 2\r\nDELE 1\r\nDELE 3\r\nDELE 5\r\nQUIT\r\n", quitted, ["INBOX"]))
    else:
        ops.append(Operation("DELETE", "imapd-session", imap(b"DELETE " + b), deleted, []))
        ops.append(Operation("CREATE of a child", "imapd-session", imap(b"CREATE " + b + b"/Child"), created, [target]))
    return ops


def acknowledged(op, out):
    acks = set(re.findall(rb"(?m)^(t\d+) OK", out))
    if op.program == "dpopd-session" and b"+OK good bye" in out:
        acks.add(b"QUIT")
    if op.program == "dsmtpd-deliver" and b"Delivered" in out:
        acks.add(b"delivered")
    return acks


def step(op, fixture, before, mode, n):
    """One run; (calls seen, complaints)."""
    box = "%s/%s-%s-%d-%d" % (BASE, os.path.basename(fixture), op.name.replace(" ", ""), n, os.getpid()) + mode[0].strip("-") + mode[-1]
    shutil.copytree(fixture, box, copy_function=shutil.copy2)
    harness.give_away(box)
    report = box + "/report"
    stepper = [STEPPER, "--report", report]
    if mode[0] == "--kill":
        stepper += ["--kill", str(n)]
    else:
        stepper += ["--fail", str(n), mode[1]]
    status, out = session(op.program, box, op.script, [*stepper, "--"])
    acks = acknowledged(op, out)
    complaints = []
    known = (0, 1) if op.program != "dsmtpd-deliver" else (0, 69, 73, 74, 75, 77)
    if mode[0] == "--fail" and status not in known:
        complaints.append("ended with status %d" % status)
    now = {}
    for name in op.boxes:
        now[name], wrong = consistent(box, name, before.get(name))
        complaints += wrong
    if not complaints:
        wrong = op.check(acks, now, box)
        if wrong:
            complaints.append(wrong)
    # A message that comes now must get a UID that was never used.
    if not complaints and op.boxes:
        name = op.boxes[0]
        session("imapd-session", box, imap(b"APPEND " + name.encode() + b" " + literal(message(MANY + 30))))
        after = look(box, name)
        highest = max([0, *before[name][0]] + [u for u in now[name][0]]) if before.get(name) else 0
        fresh = [u for u, v in (after[0] if after else {}).items() if v[0].startswith("m%d@" % (MANY + 30))]
        if len(fresh) != 1 or (after[1] == before[name][1] and fresh[0] <= highest):
            complaints.append("the next message got uid %s after %d" % (fresh, highest))
    with open(report) as f:
        seen, name = f.read().split()
    if complaints:
        complaints = ["%s %s call %d (%s): %s" % (op.name, " ".join(mode), n, name, "; ".join(complaints)), repr(out[-300:])]
        if os.environ.get("DMAIL_KEEP"):
            complaints.append("kept: " + box)
    if not (complaints and os.environ.get("DMAIL_KEEP")):
        shutil.rmtree(box, ignore_errors=True)
    return int(seen), complaints, name


def many(target):
    """Flags of many messages, of two more, and the APPEND that ends the log; and a COPY of all."""
    b = target.encode()
    new = MANY + 1
    everything = sorted("m%d" % n for n in range(1, MANY + 1))

    def copied(acks, now, box):
        other = ids_of(now["Other"])
        if ids_of(now[target]) != everything:
            return "the source changed"
        if b"t2" in acks and other != everything:
            return "acknowledged copy: %s" % other
        return "" if set(other) <= set(everything) and len(other) == len(set(other)) else "strange: %s" % other

    def stored(acks, now, box):
        ids = ids_of(now[target])
        if not set("m%d" % n for n in range(1, MANY + 1)) <= set(ids):
            return "mail lost: %s" % ids
        if b"t4" in acks and "m%d" % new not in ids:
            return "acknowledged APPEND lost"
        for mid, dig, flags in now[target][0].values():
            if b"t2" in acks and mid != "m%d@there.example" % new and b"\\Flagged" not in flags:
                return "acknowledged flag of %s is lost: %s" % (mid, flags)
            if b"t3" in acks and mid[:3] in ("m2@", "m5@") and b"\\Answered" not in flags:
                return "acknowledged second flag of %s is lost: %s" % (mid, flags)
        return ""

    return [Operation("STORE of many", "imapd-session",
                      imap(b"SELECT " + b, b"STORE 1:* +FLAGS.SILENT (\\Flagged)", b"STORE 2,5 +FLAGS (\\Answered)",
                           b"APPEND " + b + b" " + literal(message(new))), stored, [target]),
            Operation("COPY of many", "imapd-session", imap(b"SELECT " + b, b"COPY 1:* Other"), copied, [target, "Other"])]


def walk(target, operations=operations, count=FIXTURE):
    fixture = "%s/fixture-%s-%d" % (BASE, target, count)
    make_fixture(fixture, target, count)
    runs = 0
    for op in operations(target):
        before = {name: look(fixture, name) for name in op.boxes}
        for mode in (("--kill", "kill"), ("--fail", "ENOSPC"), ("--fail", "EIO")):
            n, bad, before_last, last = 1, [], "", ""
            while True:
                seen, complaints, call = step(op, fixture, before, mode, n)
                runs += 1
                if complaints:
                    bad.append("\n".join(complaints))
                if seen < n or n > 1500:
                    break
                # In a long row of the same call, not each of them.
                n += 9 if count > FIXTURE and n > 40 and call == last == before_last else 1
                before_last, last = last, call
            t.check("%s in %s, %s at each of %d calls" % (op.name, target, " ".join(mode), n - 1), not bad, "\n".join(bad[:4]))
            if n <= 2 and op.name not in ("RENAME",):
                t.check("%s in %s touches files at all" % (op.name, target), False, "%d calls" % (n - 1))
    return runs


harness.program("imapd-session")  # copies the programs before there are threads
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    total = sum(pool.map(walk, ("INBOX", "Mbox", "Mbx")))
    total += sum(pool.map(lambda target: walk(target, many, MANY), ("INBOX", "Mbx")))
print("%d runs" % total)
t.end()
