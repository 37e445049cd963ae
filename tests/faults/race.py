"""One race: two programs of dmail on one user's mail, the first stopped at a system call while the other acts (racer.cc),
and a model that says what must hold in the end by what each of them was told.

What is checked of every race, whatever it was: every text shown or stored is one that was put in, whole; no UID names
two texts (FETCH, COPYUID and APPENDUID of both programs, before, meanwhile and after); each message is there exactly as
often as the acknowledged operations say, MOVE neither doubles nor loses; UIDs of new messages were never used; LIST,
SELECT and an independent reader (judge.py) agree; nothing half-made stays behind; nobody is refused without a reason.
"""
import os
import re
import shutil
import subprocess

import harness
import judge
from harness import message

RACER = os.path.join(harness.BUILD, "tests", "racer")
# Neighbours of one length: where one was, another is whole, after the first one goes.
SIZES = (0, 700, 700, 700, 2400)
LEFTOVERS = re.compile(r"\.lock$|\.journal$|\.unused$|\.new$|\.new\.|^\.to\.")
KILLED = "137"  # status of a party that was; of it may stay what nobody takes for anything
LEFT_BY_KILLED = re.compile(r"\.lock$|\.\d+\.new$|^\.new")


def text(n):
    return message(n, SIZES[n % 5])


GOOD = {"m%d@there.example" % n: judge.digest(text(n)) for n in range(1, 60)}


def literal(body):
    return b"{%d+}\r\n" % len(body) + body


class Op:
    """A command, what it does when it is acknowledged, and whether it may be refused (`may_no`) for what the other does.

    effect: ("append", box, n) ("copy", box, uids, target) ("move", box, uids, target) ("expunge", box, uids)
    ("flag", box, uids, flag) ("create", name) ("rename", name, new) ("delete", name) ("fetch", box) or nothing."""

    def __init__(self, line, effect=(), may_no=False):
        self.line, self.effect, self.may_no = line if isinstance(line, bytes) else line.encode(), effect, may_no


class Party:
    """A program, the commands before the one that is walked, and that one (with what belongs to it)."""

    def __init__(self, label, setup, ops, program="imapd-session"):
        # What may be refused may find no mailbox to select, either.
        self.setup = [Op(s, (), any(o.may_no for o in ops)) for s in setup]
        self.label, self.ops, self.program = label, ops, program
        self.all = self.setup + ops
        self.reads = len(setup) + 1

    def packets(self):
        if self.program == "dsmtpd-deliver":
            return [self.ops[0].line]
        if self.program == "dpopd-session":
            return [o.line + b"\r\n" for o in self.all]
        return [b"t%d %s\r\n" % (n, o.line) for n, o in enumerate(self.all, 1)] + [b"z LOGOUT\r\n"]


def command(box, program):
    return [harness.program(program), "--user", "u", "--drop", box + "/drop/u", "--folders", box + "/drop/u.mbx"]


def pipe_of(packets):
    """The reading end of a pipe that hands out one packet with each read (it holds 16)."""
    assert len(packets) < 16
    r, w = os.pipe2(os.O_DIRECT)
    for p in packets:
        for at in range(0, len(p), 4096):
            os.write(w, p[at:at + 4096])
    os.close(w)
    return r


def session(box, packets, program="imapd-session"):
    p = subprocess.run(harness.unprivileged() + command(box, program), input=b"".join(packets), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=300)
    return p.stdout + (p.stderr if program != "imapd-session" else b"")


def run(box, first, second, point, other_point=0, kill=(0, 0)):
    """(calls counted, number of the call, how it went, [outputs], [statuses], numbers of all calls counted)

    kill: where each of them is killed, at its point or behind it."""
    ins = [pipe_of(p.packets()) for p in (first, second)]
    paths = [box + "/first.out", box + "/second.out"]
    outs = [os.open(p, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for p in paths]
    argv = [*harness.unprivileged(), RACER, "--report", box + "/report", "--reads", str(first.reads), "--point", str(point),
            "--other-reads", str(second.reads), "--other-point", str(other_point), "--kill", str(kill[0]), "--other-kill", str(kill[1]), "--first", str(ins[0]), str(outs[0]),
            "--second", str(ins[1]), str(outs[1]), "--", *command(box, first.program), "-+-", *command(box, second.program)]
    with open(box + "/log", "wb") as log:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=300, pass_fds=ins + outs)
    for fd in ins + outs:
        os.close(fd)
    if p.returncode != 0:
        raise SystemExit("racer: status %d, see %s/log" % (p.returncode, box))
    with open(box + "/report") as f:
        seen, call, how, *statuses = f.readline().split()
        calls = [int(n) for n in f.readline().split()]
    outputs = []
    for path in paths:
        with open(path, "rb") as f:
            outputs.append(f.read())
    return int(seen), call, how, outputs, statuses, calls


# ---- what a session said

def expand(uids):
    out = []
    for part in uids.split(b","):
        first, _, last = part.partition(b":")
        out += range(int(first), int(last or first) + 1)
    return out


def answers(output):
    """{tag: (status line, [(untagged line, literal or None)])}"""
    found, untagged, at = {}, [], 0
    while at < len(output):
        end = output.find(b"\r\n", at)
        if end < 0:
            break
        line, body = output[at:end], None
        at = end + 2
        m = re.search(rb"\{(\d+)\}$", line)
        if m and line.startswith(b"* "):
            body = output[at:at + int(m.group(1))]
            at += int(m.group(1))
            end = output.find(b"\r\n", at)
            line += b" " + output[at:end]
            at = end + 2
        if line.startswith((b"* ", b"+ ")):
            untagged.append((line, body))
        else:
            found[line.split(b" ", 1)[0]] = (line, untagged)
            untagged = []
    return found


class Told:
    """What one session was told: complaints, facts (validity, uid) -> ids, and per command its status and COPYUID."""

    def __init__(self, party, output, known, names, killed=False):
        self.killed = killed
        self.facts, self.complaints, self.done, self.shown, self.listed = [], [], [], {}, None
        if party.program == "dsmtpd-deliver":
            self.done = [(b"Delivered" in output, None)]
        elif party.program == "dpopd-session":
            self.pop(party, output)
        else:
            self.imap(party, output, known, names)
        for op, (good, _) in zip(party.all, self.done):
            if not good and not op.may_no and not killed:
                self.complaints.append("%s refused: %r" % (op.line[:40], output[-600:]))

    def body(self, where, body):
        mid = judge.message_id(body)
        if GOOD.get(mid) != judge.digest(body):
            self.complaints.append("%s shows a text that nobody put in (%s, %d octets): %r" % (where, mid, len(body), body[:200]))
        return mid

    def pop(self, party, output):
        blocks = output.split(b"+OK ")
        for op in party.all:
            self.done.append((b"-ERR" not in output and (op.line != b"QUIT" or b"+OK good bye" in output), None))
        for block in blocks:
            if b"Message-ID:" in block and b"\r\n.\r\n" in block:
                body = block.split(b"\r\n", 1)[1].rsplit(b"\r\n.\r\n", 1)[0] + b"\r\n"
                self.body("RETR", re.sub(rb"(?m)^\.", b"", body))

    def imap(self, party, output, known, names):
        found, selected = answers(output), None
        for n, op in enumerate(party.all, 1):
            line, untagged = found.get(b"t%d" % n, (b"t%d (no answer)" % n, []))
            good = line.startswith(b"t%d OK" % n)
            if op.line.startswith((b"SELECT ", b"EXAMINE ")):
                selected = None
                for u, _ in untagged if good else ():
                    m = re.search(rb"UIDVALIDITY (\d+)", u)
                    selected = int(m.group(1)) if m else selected
            for u, body in untagged:
                uid = re.search(rb"UID (\d+)", u)
                if body is not None and uid and b"FETCH" in u:
                    mid = self.body("FETCH of uid %d" % int(uid.group(1)), body)
                    self.facts.append((selected, int(uid.group(1)), mid))
                    self.shown.setdefault(n, []).append(mid)
                if u.startswith(b"* LIST"):
                    self.listed = (self.listed or set()) | {u.rsplit(b" ", 1)[1].strip(b'"').decode()} if b"Noselect" not in u else self.listed
            copied = None
            m = re.search(rb"\[COPYUID (\d+) (\S+) (\S+)\]", b"\n".join([u for u, _ in untagged] + [line]))
            if m:
                pairs = list(zip(expand(m.group(2)), expand(m.group(3))))
                copied = [(a, known.get((selected, a)), b) for a, b in pairs]
                self.facts += [(int(m.group(1)), b, mid) for _, mid, b in copied if mid]
            m = re.search(rb"\[APPENDUID (\d+) (\d+)\]", line)
            if m and op.effect:
                self.facts.append((int(m.group(1)), int(m.group(2)), "m%d@there.example" % op.effect[2]))
            self.done.append((good, copied))


# ---- fixture, before and after

def file_of(box, name):
    path = box + "/drop/u" if name == "INBOX" else box + "/drop/u.mbx/" + name
    return path + "/.mbx" if os.path.isdir(path) else path


def make_fixture(path, boxes):
    """boxes: {name: numbers of its messages}; a name that ends in "mbox" is an mbox folder, others are mbx folders."""
    os.makedirs(path + "/drop/u.mbx")
    open(path + "/drop/u", "w").close()
    for name in boxes:
        if name.endswith("mbox"):
            file = path + "/drop/u.mbx/" + name + ("/.mbx" if len(tree_of(name, boxes)) > 1 else "")
            os.makedirs(os.path.dirname(file), exist_ok=True)
            open(file, "w").close()
    harness.give_away(path)
    lines = ["CREATE " + n for n in boxes if n != "INBOX" and not n.endswith("mbox")]
    lines = [l.encode() for l in lines]
    lines += [b"APPEND %s %s" % (name.encode(), literal(text(n))) for name, numbers in boxes.items() for n in numbers]
    out = session(path, [b"t%d %s\r\n" % (n, l) for n, l in enumerate(lines, 1)] + [b"z LOGOUT\r\n"])
    if out.count(b" OK ") < len(lines) + 1 or b" NO " in out or b" BAD " in out:
        raise SystemExit("fixture %s: %r" % (boxes, out[-600:]))


class View:
    """What a fresh session sees: {name: {uid: (id, flags)}}, validities, UIDNEXTs, names that LIST shows; complaints."""

    def __init__(self, box, names):
        self.boxes, self.validity, self.next, self.complaints = {}, {}, {}, []
        names = sorted({"INBOX", *names})
        lines = ['LIST "" *'] + [x for n in names for x in ("SELECT " + n, "UID FETCH 1:* (FLAGS BODY.PEEK[])", "UNSELECT")]
        out = session(box, [b"t%d %s\r\n" % (n, l.encode()) for n, l in enumerate(lines, 1)] + [b"z LOGOUT\r\n"])
        found = answers(out)
        self.listed = set()
        for u, _ in found.get(b"t1", (b"", []))[1]:
            if u.startswith(b"* LIST") and b"Noselect" not in u:
                self.listed.add(u.rsplit(b" ", 1)[1].strip(b'"').decode())
        for k, name in enumerate(names):
            line, untagged = found.get(b"t%d" % (2 + 3 * k), (b"", []))
            if b" OK" not in line:
                continue
            all_of_it = b"\n".join(u for u, _ in untagged)
            self.validity[name] = int(re.search(rb"UIDVALIDITY (\d+)", all_of_it).group(1))
            self.next[name] = int(re.search(rb"UIDNEXT (\d+)", all_of_it).group(1))
            self.boxes[name] = {}
            for u, body in found[b"t%d" % (3 + 3 * k)][1]:
                uid = re.search(rb"UID (\d+)", u)
                if body is None or not uid:
                    continue
                mid = judge.message_id(body)
                if GOOD.get(mid) != judge.digest(body):
                    self.complaints.append("%s uid %s is cut, merged or strange: %s %r" % (name, uid.group(1), mid, body[:200]))
                self.boxes[name][int(uid.group(1))] = (mid, re.search(rb"FLAGS \(([^)]*)\)", u).group(1))
        if self.listed != set(self.boxes):
            self.complaints.append("LIST shows %s, SELECT opens %s" % (sorted(self.listed), sorted(self.boxes)))

    def ids(self, name):
        return sorted(v[0] for v in self.boxes[name].values())


def tree_of(name, boxes):
    """The mailboxes that move with `name`."""
    return [b for b in boxes if b == name or b.startswith(name + "/")]


def expected(before, after, parties, told, complaints):
    """{name: {id: (least, most)}} after the acknowledged operations, and the names that must not be there.

    What one was told nothing of, because it was killed, is done or not."""
    least = {b: {} for b in before.boxes}
    gone, doubtful, moved = set(), set(), {}  # (box, uid) of original messages
    added, perhaps, names, absent = [], [], {}, set()
    for party, t in zip(parties, told):
        for op, (good, copied) in zip(party.all, t.done):
            kind = op.effect[0] if op.effect else ""
            if kind == "expunge":
                (gone if good else doubtful).update((op.effect[1], u) for u in op.effect[2])
            if t.killed and not good:
                if kind == "append":
                    perhaps.append((op.effect[1], "m%d@there.example" % op.effect[2]))
                elif kind == "copy":
                    perhaps += [(op.effect[3], before.boxes[op.effect[1]][u][0]) for u in op.effect[2]]
                elif kind == "rename":
                    good = op.effect[2] in after.boxes  # all of it or nothing: the names are looked at below
            if not good:
                continue
            if kind == "append":
                added.append((op.effect[1], "m%d@there.example" % op.effect[2]))
            elif kind in ("copy", "move"):
                box, uids, target = op.effect[1:]
                # By UID: what the other one has expunged before is passed over.
                taken = [u for u, _, _ in copied or ()]
                if taken != list(uids) and not (op.may_no and set(taken) <= set(uids)):
                    complaints.append("%r: COPYUID tells of %s, asked for %s" % (op.line, copied, uids))
                added += [(target, mid) for _, mid, _ in copied or ()]
                if kind == "move":
                    for u in taken:
                        moved[box, u] = moved.get((box, u), 0) + 1
            elif kind == "create":
                least.setdefault(op.effect[1], {})
            elif kind == "rename":
                for b in tree_of(op.effect[1], before.boxes):
                    names[b] = op.effect[2] + b[len(op.effect[1]):]
                    absent.add(b)
            elif kind == "delete":
                absent.add(op.effect[1])
    for (box, uid), times in moved.items():
        if times > 1:
            complaints.append("uid %d of %s was moved %d times" % (uid, box, times))
    want = {}
    for box in least:
        per = want.setdefault(names.get(box, box), {})
        for uid, (mid, _) in before.boxes.get(box, {}).items():
            low, high = per.get(mid, (0, 0))
            if (box, uid) in gone or (box, uid) in moved:
                continue
            per[mid] = (low + (0 if (box, uid) in doubtful else 1), high + 1)
    for box, mid in added:
        per = want.setdefault(names.get(box, box), {})
        low, high = per.get(mid, (0, 0))
        per[mid] = (low + 1, high + 1)
    for box, mid in perhaps:
        per = want.setdefault(names.get(box, box), {})
        low, high = per.get(mid, (0, 0))
        per[mid] = (low, high + 1)
    return want, absent


def judge_race(box, before, parties, outputs, statuses, extra=None):
    """Complaints about one race."""
    complaints = ["%s ended with status %s" % (p.label, s) for p, s in zip(parties, statuses) if s not in ("0", KILLED)]
    known = {(before.validity[b], u): v[0] for b, m in before.boxes.items() for u, v in m.items()}
    names = sorted({"INBOX"} | set(before.boxes) | {e for p in parties for o in p.all for e in o.effect[1:]
                                        if isinstance(e, str) and o.effect[0] in ("create", "rename", "delete")}
                   | {o.effect[2] + b[len(o.effect[1]):] for p in parties for o in p.all if o.effect[:1] == ("rename",)
                      for b in tree_of(o.effect[1], before.boxes)})
    told = [Told(p, o, known, names, s == KILLED) for p, o, s in zip(parties, outputs, statuses)]
    for t in told:
        complaints += t.complaints
    after = View(box, names)
    complaints += after.complaints
    facts = dict(known)
    for b, m in after.boxes.items():
        told[0].facts += [(after.validity[b], uid, v[0]) for uid, v in m.items()]
        for uid, v in m.items():
            if uid >= after.next[b]:
                complaints.append("%s: uid %d is not below UIDNEXT %d" % (b, uid, after.next[b]))
    used = {before.validity[b]: before.next[b] for b in before.boxes}
    for t in told:
        for validity, uid, mid in t.facts:
            if facts.setdefault((validity, uid), mid) != mid:
                complaints.append("uid %d of %s is %s and %s" % (uid, validity, facts[validity, uid], mid))
            if (validity, uid) not in known and uid < used.get(validity, 0):
                complaints.append("uid %d of %s was used before, now for %s" % (uid, validity, mid))
    want, absent = expected(before, after, parties, told, complaints)
    for name, per in want.items():
        if name not in after.boxes:
            if name not in absent:
                complaints.append("%s is not there" % name)
            continue
        ids = after.ids(name)
        for mid in set(ids) | set(per):
            low, high = per.get(mid, (0, 0))
            if not low <= ids.count(mid) <= high:
                complaints.append("%s holds %s %d times, not %d to %d" % (name, mid, ids.count(mid), low, high))
        try:
            outside = sorted(judge.message_id(x) for x in judge.messages(file_of(box, name)))
        except (ValueError, OSError) as e:
            outside = str(e)
        # Of an append that was cut off others see what came of it, until the next one cuts it.
        cut = KILLED in statuses and isinstance(outside, list) and all(outside.count(i) >= ids.count(i) for i in ids)
        if outside != ids and not cut:
            complaints.append("%s: the independent reader sees %s, the server %s" % (name, outside, ids))
    for name in absent & set(after.boxes) - set(want):
        complaints.append("%s is still there" % name)
    for p, t in zip(parties, told):
        for op, (good, _) in zip(p.all, t.done):
            if good and op.effect and op.effect[0] == "flag":
                for uid in op.effect[2]:
                    here = after.boxes.get(op.effect[1], {}).get(uid)
                    if here and op.effect[3] not in here[1]:
                        complaints.append("%s of uid %d is lost" % (op.effect[3], uid))
    for folder, dirs, files in os.walk(box + "/drop"):
        complaints += ["left behind: %s/%s" % (folder, n) for n in dirs + files if LEFTOVERS.search(n)
                       and not (KILLED in statuses and LEFT_BY_KILLED.search(n))]
    if extra:
        complaints += extra(before, told, after)
    return complaints


def copy_of(fixture, box):
    shutil.copytree(fixture, box, copy_function=shutil.copy2)
    harness.give_away(box)
