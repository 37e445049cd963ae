#!/usr/bin/env python3
"""Forced interleavings: a program is stopped before each system call of one command while another one acts to its end.

Both sides of each pair are walked; beside RENAME of a tree, one of both is killed where it stands.  Where the one that stands has a lock, the other waits and both go on together;
how many points were really raced is counted, and a walk without any is a failure.  Pairs of points (the other one is
stopped, too, in the middle of its change) are drawn by chance.

DMAIL_RACE_POINTS  of a walk, about (0: all; 5), DMAIL_RACE_PAIRS of points (2), DMAIL_RACE_SEED (1) what is drawn,
DMAIL_RACE         only races with this in their name, DMAIL_RACE_AT=N[,M[,K,L]] only that point (and where each is killed).
"""
import concurrent.futures
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import race
from race import Op, Party, literal, text

POINTS = int(os.environ.get("DMAIL_RACE_POINTS", "5")) or 10 ** 6
PAIRS = int(os.environ.get("DMAIL_RACE_PAIRS", "2"))
SEED = int(os.environ.get("DMAIL_RACE_SEED", "1"))
ONLY = os.environ.get("DMAIL_RACE", "")
AT = [int(n) for n in os.environ.get("DMAIL_RACE_AT", "").split(",") if n]
sys.stdout.reconfigure(line_buffering=True)
t = harness.Suite()
if os.uname().machine != "x86_64" or not os.path.exists(race.RACER):
    print("skipped: the racer is for x86-64 Linux")
    sys.exit(77)
BASE = harness.scratch("dmail-races.")


# ---- parties

def fetch(s, may_no=False):
    return Party("FETCH " + s, ["SELECT " + s], [Op("UID FETCH 1:* (BODY.PEEK[])", ("fetch", s), may_no)])


def look(s, may_no=False, removed=False):
    return Party("SELECT, FETCH " + s, [], [Op("SELECT " + s, (), may_no), Op("UID FETCH 1:* (BODY.PEEK[])", ("fetch", s), may_no or removed)])


def expunge(s, *uids):
    which = ",".join(map(str, uids))
    return Party("EXPUNGE " + s, ["SELECT " + s], [Op("UID STORE %s +FLAGS.SILENT (\\Deleted)" % which), Op("EXPUNGE", ("expunge", s, uids))])


def copy(s, target, *uids, may_no=False, move=False, others=()):
    what = "MOVE" if move else "COPY"
    line = "UID %s %s %s" % (what, ",".join(map(str, uids)), target)
    return Party("%s %s to %s" % (what, s, target), ["SELECT " + s], [Op(line, (what.lower(), s, uids, target), may_no)])


def move(s, target, *uids, may_no=False):
    return copy(s, target, *uids, may_no=may_no, move=True)


def append(s, n, may_no=False):
    return Party("APPEND " + s, [], [Op(b"APPEND %s %s" % (s.encode(), literal(text(n))), ("append", s, n), may_no)])


def store(s, uids, flag):
    return Party("STORE " + s, ["SELECT " + s], [Op("UID STORE %s +FLAGS (%s)" % (",".join(map(str, uids)), flag), ("flag", s, uids, flag.encode()))])


def deliver(n):
    return Party("delivery", [], [Op(text(n), ("append", "INBOX", n))], "dsmtpd-deliver")


def pop(*uids):
    return Party("POP", ["RETR 1"] + ["DELE %d" % u for u in uids], [Op("QUIT", ("expunge", "INBOX", uids))], "dpopd-session")


def retr():
    return Party("RETR", [], [Op("RETR 3"), Op("QUIT")], "dpopd-session")


def one(label, line, effect=(), may_no=False):
    return Party(label, [], [Op(line, effect, may_no)])


def listing():
    return one("LIST", 'LIST "" *')


def status(s, may_no=False):
    return one("STATUS " + s, "STATUS %s (MESSAGES UIDNEXT)" % s, (), may_no)


# ---- races: (boxes, one, other, what else must hold, walk all points even in make check)

S = (1, 2, 3, 4, 5)
T = (6, 7, 8)


def always_listed(*names):
    """These exist all the time: every LIST shows them."""
    def check(before, told, after):
        return ["LIST shows %s, without %s" % (sorted(t.listed), n) for t in told if t.listed is not None
                for n in names if n not in t.listed]
    return check


def listed_under_one_name(*names):
    def check(before, told, after):
        return ["LIST shows none of %s: %s" % (names, sorted(t.listed)) for t in told
                if t.listed is not None and not t.listed & set(names)]
    return check


def everything_shown(before, told, after):
    """Nothing was expunged: a FETCH shows all."""
    return ["FETCH shows only %s" % m for t in told for m in t.shown.values() if len(set(m)) < len(S)]


def one_of_them(before, told, after):
    good = [d for t in told for d, _ in t.done]
    return [] if good.count(True) == 1 else ["of two that exclude each other: %s" % good]


def shown_at_least(*numbers):
    def check(before, told, after):
        return ["FETCH shows only %s" % m for t in told for m in t.shown.values()
                if not {"m%d@there.example" % n for n in numbers} <= set(m)]
    return check


def races():
    for s, low, high in (("INBOX", "Abx", "Zmbox"), ("Mbx", "Ambox", "Zbx"), ("Mmbox", "Abx", "Zbx")):
        both = {s: S, low: T}
        two = {s: S, high: T}
        yield both, fetch(s, True), expunge(s, 2, 4), shown_at_least(1, 3, 5), s != "Mbx"
        yield both, fetch(s), store(s, S, "$AKeywordThatIsLongEnoughToNeedRoomInTheFileAndMoreOfIt"), everything_shown, s != "Mbx"
        yield both, look(s, removed=True), expunge(s, 1), shown_at_least(2, 3, 4, 5), False
        # Where 2 was there is 3 by then, of its length to the octet.
        yield both, copy(s, low, 2), expunge(s, 1), None, True
        yield both, copy(s, low, 2, 4, may_no=True), expunge(s, 1, 2), None, False
        yield two, copy(s, high, 2), expunge(s, 1), None, True
        yield two, copy(s, high, 2, 4, may_no=True), expunge(s, 1, 2), None, False
        yield both, copy(s, low, 4, 5), expunge(s, 1, 2), None, False
        yield two, copy(s, high, 1, 5), expunge(s, 2, 3), None, False
        yield both, copy(s, s, 1, 5), expunge(s, 2, 3), None, False
        yield both, move(s, low, 2, 4, may_no=True), move(s, low, 2, 4, may_no=True), None, True
        yield two, move(s, high, 2, 3, may_no=True), move(s, high, 3, 4, may_no=True), None, False
        yield both, move(s, low, 2, 4, may_no=True), expunge(s, 1, 2), None, False
        yield two, move(s, high, 2, 4), expunge(s, 1), None, False
        yield both, move(s, s, 2, 4), expunge(s, 1, 5), None, False
        yield both, copy(s, low, 1, 2), copy(low, s, 1, 3), None, False
        yield both, move(s, low, 1, 2), move(low, s, 1, 3), None, False
        yield both, move(s, low, 1, 5), fetch(low), shown_at_least(*T), False
        yield both, append(s, 11), expunge(s, 1, 5), None, False
        yield both, append(s, 11), append(s, 12), None, False
        yield both, append(low, 11), copy(s, low, 1, 4), None, False
        yield both, store(s, (1, 3), "$One"), expunge(s, 1, 2), None, False
        yield both, store(s, (3, 4), "$One"), store(s, (3, 5), "$Two"), None, False
        yield both, store(s, (3, 4), "$One"), copy(s, low, 3, 4), None, False
    inbox = {"INBOX": S}
    yield inbox, deliver(11), expunge("INBOX", 1, 3), None, True
    yield inbox, deliver(11), deliver(12), None, False
    yield inbox, deliver(11), pop(1, 3), None, False
    yield inbox, retr(), expunge("INBOX", 1, 2), None, False
    yield inbox, fetch("INBOX", True), pop(1, 2), shown_at_least(3, 4, 5), False
    yield from folder_races()


def folder_races():
    for a in ("Abx", "Ambox"):
        tree = {a: S, "Other": T}
        child = one("CREATE child", "CREATE %s/B" % a, ("create", a + "/B"))
        other_child = one("CREATE other child", "CREATE %s/C" % a, ("create", a + "/C"))
        rename = one("RENAME", "RENAME %s New" % a, ("rename", a, "New"))
        delete = one("DELETE", "DELETE " + a, ("delete", a))
        yield tree, child, listing(), always_listed(a, "Other"), True
        yield tree, child, look(a), everything_shown, True
        yield tree, child, status(a), None, True
        yield tree, child, append(a, 11), None, False
        yield tree, child, fetch(a), everything_shown, False
        yield tree, child, expunge(a, 1, 4), None, False
        yield tree, child, copy("Other", a, 1, 2), None, False
        yield tree, child, copy(a, "Other", 1, 2), None, False
        yield tree, child, other_child, None, False
        yield tree, one("CREATE child", "CREATE %s/B" % a, ("create", a + "/B"), True), \
            one("CREATE the same", "CREATE %s/B" % a, ("create", a + "/B"), True), one_of_them, False
        yield tree, rename, listing(), listed_under_one_name(a, "New"), True
        yield tree, rename, look(a, True), None, False
        yield tree, rename, look("New", True), None, False
        yield tree, rename, append(a, 11, True), None, False
        yield tree, rename, copy("Other", a, 1, 2, may_no=True), None, False
        yield tree, rename, copy(a, "Other", 1, 2, may_no=True), None, False
        yield tree, one("RENAME", rename.all[0].line, rename.all[0].effect, True), \
            one("CREATE New", "CREATE New", (), True), one_of_them, False
        yield tree, delete, listing(), always_listed("Other"), False
        yield tree, delete, look(a, True), None, False
        yield tree, delete, status(a, True), None, False
        yield tree, delete, copy(a, "Other", 1, 2, may_no=True), None, False
    # Mailboxes that nobody opened yet have no index: LIST looks into the files.
    for a in ("Abx cold", "Ambox cold"):
        tree = {a: S, "Other": T}
        a = a.split()[0]
        yield tree, one("CREATE child", "CREATE %s/B" % a, ("create", a + "/B")), listing(), always_listed(a, "Other"), True
        yield tree, one("RENAME", "RENAME %s New" % a, ("rename", a, "New")), listing(), listed_under_one_name(a, "New"), True
    deep = {"Abx": S, "Abx/B": T}
    yield deep, one("DELETE child", "DELETE Abx/B", ("delete", "Abx/B")), look("Abx"), everything_shown, False
    yield deep, one("DELETE child", "DELETE Abx/B", ("delete", "Abx/B")), listing(), always_listed("Abx"), False
    yield deep, one("DELETE child", "DELETE Abx/B", ("delete", "Abx/B")), \
        one("CREATE other child", "CREATE Abx/C", ("create", "Abx/C")), always_listed("Abx"), False


def one_name(*pairs):
    """Of each pair of names one is there: a RENAME moves all or nothing."""
    def check(before, told, after):
        return ["%s and %s: there is %s" % (*p, sorted(after.boxes)) for p in pairs if (p[0] in after.boxes) == (p[1] in after.boxes)]
    return check


def killed_races():
    """(boxes, RENAME, the other, what must hold): both are killed at their points."""
    room = "$AKeywordThatIsLongEnoughToNeedRoomInTheFileAndMoreOfIt"
    for a, b in (("Abx", "B"), ("Ambox", "Bmbox")):
        child = a + "/" + b
        rename = one("RENAME of a tree", "RENAME %s New" % a, ("rename", a, "New"))
        names = one_name((a, "New"), (child, "New/" + b))
        others = [append(child, 11, True), store(a, S, room), expunge(child, 1, 3), expunge(a, 1, 4), copy("Other", child, 1, 2, may_no=True)]
        for other in others if a == "Ambox" else others[:1]:
            for op in other.all:
                op.may_no = True
            yield {a: S, child: T, "Other": T}, rename, other, names


# ---- walking

class Walk:
    def __init__(self, number, fixture, first, second, extra, whole):
        self.number, self.fixture, self.first, self.second, self.extra, self.whole = number, fixture, first, second, extra, whole
        self.name = "%s | %s" % (first.label, second.label)
        self.counts, self.bad, self.calls, self.kills = {}, [], [], 0

    def once(self, point, other_point=0, kill=(0, 0)):
        """(calls of the first, how it went)"""
        box = tempfile.mkdtemp(prefix="r%d-%d-%d." % (self.number, point, other_point), dir=BASE)
        os.rmdir(box)
        race.copy_of(self.fixture.path, box)
        seen, call, how, outputs, statuses, calls = race.run(box, self.first, self.second, point, other_point, kill)
        self.calls = self.calls or calls
        complaints = race.judge_race(box, self.fixture.view, (self.first, self.second), outputs, statuses, self.extra)
        if how == "hung":
            complaints.insert(0, "it hangs")
        self.counts[how] = self.counts.get(how, 0) + 1
        self.kills += race.KILLED in statuses
        if complaints:
            at = "%d,%d" % (point, other_point) if other_point else str(point)
            at = "%d,%d,%d,%d" % (point, other_point, *kill) if any(kill) else at
            self.bad.append("at call %s (number %s), %s: %s\nagain: DMAIL_RACE='%s' DMAIL_RACE_AT=%s tests/faults/test_races.py build"
                            % (at, call, how, "; ".join(complaints[:4]), self.name, at))
        if not os.environ.get("DMAIL_KEEP"):
            race.shutil.rmtree(box, ignore_errors=True)
        return seen, how

    def walk(self):
        if AT:
            print("%s at %s: %s" % (self.name, AT, self.once(*AT)[1]))
            return self
        rng = random.Random("%d %d" % (SEED, self.number))
        calls = self.once(10 ** 6)[0]
        points = list(range(1, calls + 1))
        if not self.whole and calls > POINTS:
            points = sorted({1, 2, *rng.sample(points, POINTS)})
        for p in points:
            self.once(p)
        for _ in range(PAIRS):
            self.once(rng.randint(1, max(calls, 1)), rng.randint(1, 120))
        self.total = calls
        return self


class KillWalk(Walk):
    """The second is killed in the middle of its change while the first stands before a call that others can see, or the first
    is killed there."""
    SEEN = {72, 76, 77, 82, 87, 263, 264, 265, 316}  # fcntl (locks), truncate, rename, unlink, renameat, link, renameat2
    MADE = {18, 74, 75, 77, 87, 264}  # pwrite, fsync, fdatasync, ftruncate, unlink, renameat
    RENAMES = {264, 316}

    def calls_of(self, first, second):
        w = Walk(self.number, self.fixture, first, second, None, False)
        w.once(10 ** 6)
        return w.calls

    def walk(self):
        if AT:
            print("%s at %s: %s" % (self.name, AT, self.once(*AT[:2], AT[2:4] or (0, 0))[1]))
            return self
        rng = random.Random("kill %d %d" % (SEED, self.number))
        calls, other = self.calls_of(self.first, one("NOOP", "NOOP")), self.calls_of(self.second, one("NOOP", "NOOP"))
        points = [n for n, c in enumerate(calls, 1) if c in self.SEEN]
        moves = calls.index(316) + 1
        made = [n for n, c in enumerate(other, 1) if c in self.MADE]
        def some(of, n=POINTS):
            return of if len(of) <= n else rng.sample(of, n)
        # The second has its lock before the names change, and dies in its journal after that.
        locks = [moves, *some([p for p in points if p < moves], 1)]
        pairs = [(k, q) for k in made for q in made if q > k]
        for k, q in some(pairs, 4 * POINTS):
            self.once(rng.choice(locks), k, (0, q))
        for p in some(points):
            self.once(p, q := rng.choice(made), (0, q))
        for p in {moves + 1, *some(points)}:
            self.once(p, 0, (p, 0))
        return self


class Fixture:
    def __init__(self, boxes):
        self.path = "%s/fixture-%s" % (BASE, "-".join(boxes).replace("/", "_").replace(" ", "_"))
        cold = any(b.endswith(" cold") for b in boxes)
        boxes = {b.split()[0]: numbers for b, numbers in boxes.items()}
        race.make_fixture(self.path, boxes)
        self.view = race.View(self.path, list(boxes))
        if cold:
            race.shutil.rmtree(self.path + "/drop/u.mbx/.index")
        t.check("the fixture is whole", not self.view.complaints and all(
            [v[0] for v in self.view.boxes[b].values()] == ["m%d@there.example" % n for n in numbers] for b, numbers in boxes.items()),
            (self.view.complaints, self.view.boxes))


def main():
    harness.program("imapd-session")  # copies the programs before there are threads
    race.RACER = race.shutil.copy2(race.RACER, harness.scratch())
    fixtures, walks = {}, []
    for boxes, one_side, other, extra, whole in races():
        for first, second in ((one_side, other), (other, one_side)):
            if ONLY not in "%s | %s" % (first.label, second.label):
                continue
            key = tuple(boxes)
            if key not in fixtures:
                fixtures[key] = Fixture(boxes)
            walks.append(Walk(len(walks), fixtures[key], first, second, extra, whole))
    for boxes, rename, other, extra in killed_races():
        if ONLY not in "%s | %s" % (rename.label, other.label):
            continue
        key = tuple(boxes)
        if key not in fixtures:
            fixtures[key] = Fixture(boxes)
        walks.append(KillWalk(len(walks), fixtures[key], rename, other, extra, False))
    total = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for w in pool.map(lambda w: w.walk(), walks):
            t.check("%s (%s)" % (w.name, ", ".join("%d %s" % (n, h) for h, n in sorted(w.counts.items()))), not w.bad,
                    "%d bad\n%s" % (len(w.bad), "\n".join(w.bad[:3])))
            if not AT:
                t.check("%s is raced somewhere" % w.name, w.kills if isinstance(w, KillWalk) else w.counts.get("raced", 0) > 0, w.counts)
            for how, n in w.counts.items():
                total[how] = total.get(how, 0) + n
    print("seed %d: %d walks, %s" % (SEED, len(walks), ", ".join("%d %s" % (n, h) for h, n in sorted(total.items()))))
    t.end()


main()
