#!/usr/bin/env python3
"""A random history of CREATE, DELETE, RENAME (of parents, of INBOX, to names that become parents), SUBSCRIBE and APPEND by
two sessions, each with names of its own, beside three that look (LIST, LSUB, STATUS, SELECT and FETCH) and set flags.

Judged by folder_model.py: a command is told what the model says; LIST shows what was there, and all that was there the
whole time; a name made anew has a greater UIDVALIDITY; no UID names two messages; in the end each message is in one place.
DMAIL_HISTORY_STEPS: commands of each writer (it is done for mbx folders, and once more with mbox folders that another
program makes); DMAIL_HISTORY_SEED, 0: a new one.  test_folder_history.py BUILD
"""
import os
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from folder_model import FOREVER, Box, Model, Span, candidates, lost_in_rename, names_wrong

STEPS = int(os.environ.get("DMAIL_HISTORY_STEPS", "600"))
SEED = int(os.environ.get("DMAIL_HISTORY_SEED", "1")) or int.from_bytes(os.urandom(4), "big")
LEAVES = ("a", "b", "a/x", "a/y", "a/x/z", "a/x/z/d", "b/x", "c", "c/x")
KEYWORD = "$AKeywordThatIsLongEnoughToNeedRoomInTheFileAndMoreOfIt"
t = harness.Suite()
clock = time.monotonic


class Session:
    """A session by pipes; one that ended is started anew."""

    def __init__(self, box):
        self.argv = [*harness.unprivileged(), harness.program("imapd-session"), "--user", "u", "--drop", box + "/drop/u",
                     "--folders", box + "/drop/u.mbx"]
        self.p, self.n = None, 0

    def command(self, line, literal=None):
        """(OK NO BAD or BYE, untagged lines and literals, the tagged line)"""
        if self.p is None:
            self.p = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.p.stdout.readline()
        self.n += 1
        text = b"t%d %s" % (self.n, line.encode())
        if literal is not None:
            text += b" {%d+}\r\n%s" % (len(literal), literal)
        try:
            self.p.stdin.write(text + b"\r\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass
        untagged = []
        while True:
            answer = self.p.stdout.readline()
            if not answer:
                self.close()
                return "BYE", untagged, ""
            size = re.search(rb"\{(\d+)\}\r\n$", answer)
            if size:
                answer += self.p.stdout.read(int(size.group(1)))
            if answer.startswith(b"t%d " % self.n):
                answer = answer.decode()
                return answer.split()[1], untagged, answer
            untagged.append(answer)

    def close(self):
        if self.p:
            try:
                self.p.stdin.close()
            except BrokenPipeError:
                pass
            self.p.stdout.close()
            self.p.wait(60)
            self.p = None


def status_of(untagged):
    found = re.search(rb"MESSAGES (\d+) UIDNEXT (\d+) UIDVALIDITY (\d+)", b"".join(untagged))
    return [int(x) for x in found.groups()]


class History:
    def __init__(self, box, mbox):
        self.box, self.mbox = box, mbox
        self.models = [Model(), Model()]
        self.inbox = Box(0, 0)
        self.complaints, self.looks, self.facts = [], [], {}
        self.counts, self.over, self.lock = {}, threading.Event(), threading.Lock()
        self.last_validity = 0

    def complain(self, text):
        with self.lock:
            self.complaints.append(text)

    def fact(self, validity, uid, ident):
        with self.lock:
            if self.facts.setdefault((validity, uid), ident) != ident:
                self.complaints.append("uid %d of %d is %s and %s" % (uid, validity, self.facts[validity, uid], ident))

    def guarded(self, work, *args):
        try:
            work(*args)
        except Exception as e:  # noqa: a thread that ends silently would be a test that cannot fail
            self.complain("%s%r: %s: %s" % (work.__name__, args, type(e).__name__, e))

    # -- those who write

    def write(self, who):
        model, rng, s = self.models[who], random.Random("write %d %d" % (SEED, who)), Session(self.box)
        pool = ["PQ"[who] + leaf for leaf in LEAVES] + (["INBOX/k"] if who == 0 else [])
        made = 0

        def told(expected, line, literal=None):
            b = clock()
            got, _, answer = s.command(line, literal)
            if got != ("OK" if expected else "NO"):
                self.complain("%s: %s, not %s" % (line, answer or got, expected))
            what = "RENAME INBOX" if line.startswith("RENAME INBOX ") else line.split()[0]
            self.counts[what, got] = self.counts.get((what, got), 0) + 1
            return got == "OK", b, clock(), answer

        def named(name, box, before):
            """Its UIDVALIDITY is greater than any before."""
            box.validity = status_of(s.command("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)" % name)[1])[2]
            had = model.validities.setdefault(name, set())
            if box.validity <= max(had | {before}):
                self.complain("%s made anew: UIDVALIDITY %d after %s, %d" % (name, box.validity, had, before))
            had.add(box.validity)
            with self.lock:
                self.last_validity = max(self.last_validity, box.validity)

        for _ in range(STEPS):
            what, name = rng.random(), rng.choice(pool)
            before = self.last_validity
            here = sorted(n for n, box in model.tree.items() if box is not None)
            if what < 0.25:
                by_hand = self.mbox and name not in model.tree and rng.random() < 0.7 and self.foreign(name)
                if by_hand:
                    named(name, model.create(name, by_hand, clock()), before)
                    self.counts["by hand", "OK"] = self.counts.get(("by hand", "OK"), 0) + 1
                    continue
                good, b, e, _ = told(model.can_create(name), "CREATE " + name)
                if good:
                    named(name, model.create(name, b, e), before)
            elif what < 0.40:
                # So many that the names of the pool are free again and again.
                name = rng.choice(sorted(model.tree)) if len(model.tree) > 4 else name
                good, b, e, _ = told(model.can_delete(name), "DELETE " + name)
                if good:
                    model.delete(name, b, e)
            elif what < 0.60:
                new = rng.choice([n for n in pool if n not in model.tree] or pool) if rng.random() < 0.7 else rng.choice(pool)
                name = rng.choice(sorted(model.tree)) if model.tree and rng.random() < 0.7 else name
                good, b, e, _ = told(model.can_rename(name, new), "RENAME %s %s" % (name, new))
                if good:
                    model.rename(name, new, b, e)
            elif what < 0.64 and who == 0:
                good, b, e, _ = told(model.can_create(name), "RENAME INBOX " + name)
                if good:
                    box = model.create(name, b, e)
                    for ident, span in self.inbox.ids.items():
                        if span.over == FOREVER:
                            span.end(b, e)
                            box.ids[ident] = Span(b, e)
                    named(name, box, before)
            elif what < 0.72:
                on = rng.random() < 0.6
                good, b, e, _ = told(True, ("SUBSCRIBE " if on else "UNSUBSCRIBE ") + name)
                model.subscribe(name, on, b, e)
            else:
                if who == 0 and rng.random() < 0.3:
                    name, box = "INBOX", self.inbox
                else:
                    name = rng.choice(here) if here and rng.random() < 0.9 else name
                    box = model.tree.get(name)
                made += 1
                number = 2 * made + who
                ident = "m%d@there.example" % number
                good, b, e, answer = told(box is not None, "APPEND " + name, harness.message(number, rng.choice((0, 900))))
                if good:
                    box.ids[ident] = Span(b, e)
                    validity, uid = (int(x) for x in re.search(r"APPENDUID (\d+) (\d+)", answer).groups())
                    self.fact(validity, uid, ident)
                    if validity != box.validity:
                        self.complain("APPENDUID of %s: UIDVALIDITY %d, not %s" % (name, validity, box.validity))
        s.close()

    def foreign(self, name):
        """An empty file, as another program makes one, is an mbox folder; 0, or when it began."""
        path = self.box + "/drop/u.mbx/" + name
        if not os.path.isdir(os.path.dirname(path)):
            return 0
        hidden = os.path.join(os.path.dirname(path), ".made-" + name.replace("/", "-"))
        open(hidden, "w").close()
        harness.give_away(hidden)
        b = clock()
        os.rename(hidden, path)
        return b

    # -- those who look

    def look(self, who):
        rng, s = random.Random("look %d %d" % (SEED, who)), Session(self.box)
        pool = [p + leaf for p in "PQ" for leaf in LEAVES] + ["INBOX", "INBOX/k"]
        while not self.over.is_set():
            what, name, b = rng.random(), rng.choice(pool), clock()
            if what < 0.35:
                got, untagged, _ = s.command('LIST "" *')
                if got != "OK":
                    continue  # what it had selected is gone
                rows = [re.match(rb'\* LIST \(([^)]*)\) "/" "?([^"\r]*)', u) for u in untagged if u.startswith(b"* LIST")]
                self.looks.append(("LIST", b, clock(), "", {m.group(2).decode(): b"Noselect" in m.group(1) for m in rows}))
            elif what < 0.45:
                got, untagged, _ = s.command('LSUB "" *')
                if got != "OK":
                    continue
                rows = [re.match(rb'\* LSUB \([^)]*\) "/" "?([^"\r]*)', u) for u in untagged if u.startswith(b"* LSUB")]
                self.looks.append(("LSUB", b, clock(), "", {m.group(1).decode() for m in rows}))
            elif what < 0.65:
                got, untagged, answer = s.command("STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)" % name)
                self.looks.append(("STATUS", b, clock(), name, status_of(untagged) if got == "OK" else answer))
            else:
                got, untagged, answer = s.command("SELECT " + name)
                if got != "OK":
                    self.looks.append(("SELECT", b, clock(), name, answer))
                    continue
                validity = int(re.search(rb"UIDVALIDITY (\d+)", b"".join(untagged)).group(1))
                e = clock()
                got, untagged, _ = s.command("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
                shown = {}
                for u in untagged:
                    m = re.search(rb"UID (\d+) .*Message-ID: <([^>]*)>", u, re.S)
                    if m and b" FETCH " in u:
                        shown[int(m.group(1))] = m.group(2).decode()
                        self.fact(validity, int(m.group(1)), m.group(2).decode())
                self.looks.append(("SELECT", b, e, name, (validity, shown if got == "OK" else None, clock())))
                if got == "OK" and rng.random() < 0.5:  # rewrites an mbox
                    s.command("STORE 1:* %sFLAGS.SILENT (%s)" % (rng.choice("+-"), KEYWORD))
        s.close()

    def judge(self):
        mail, nodes, subs = ({n: spans for m in self.models for n, spans in getattr(m, part).items()} for part in ("mail", "nodes", "subs"))
        boxes = [box for m in self.models for box in m.boxes]
        inbox = Span(0, 0, self.inbox)
        mail["INBOX"] = nodes["INBOX"] = [inbox]
        for kind, b, e, name, data in self.looks:
            if kind == "LIST":
                shown = {n for n, noselect in data.items() if not noselect}
                wrong = names_wrong("LIST", shown, mail, b, e) + names_wrong("LIST (all)", set(data), nodes, b, e)
                wrong += lost_in_rename(shown, boxes, b, e)
            elif kind == "LSUB":
                wrong = names_wrong("LSUB", data, subs, b, e)
            else:
                wrong = self.mailbox_wrong(kind, name, mail, b, e, data)
            self.complaints += wrong

    def mailbox_wrong(self, kind, name, mail, b, e, data):
        meant, must = candidates(name, mail, b, e)
        if isinstance(data, str):
            return ["%s %s was refused: %s" % (kind, name, data or "BYE")] if must and data else []
        validity = data[2] if kind == "STATUS" else data[0]
        box = next((x for x in meant if x.validity == validity), None)
        if box is None:
            return ["%s %s: UIDVALIDITY %d, not %s" % (kind, name, validity, [x.validity for x in meant])]
        if kind == "STATUS":
            least, most = box.bounds(b, e)
            good = len(least) <= data[0] <= len(most) and data[0] < data[1]
            return [] if good else ["STATUS %s: %s, not %d to %d messages" % (name, data, len(least), len(most))]
        shown = data[1]
        if shown is None:
            return []  # it went while it was selected
        least, most = box.bounds(b, data[2])
        ids = set(shown.values())
        # What goes while it is selected may be told meanwhile, or be fetched yet.
        return ([] if least <= ids <= most and len(ids) == len(shown) else
                ["SELECT %s: %s, without %s, with %s" % (name, shown, sorted(least - ids), sorted(ids - most))])

    def run(self):
        s = Session(self.box)
        self.inbox.validity = status_of(s.command("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)")[1])[2]
        self.last_validity = self.inbox.validity
        lookers = [threading.Thread(target=self.guarded, args=(self.look, n)) for n in range(3)]
        writers = [threading.Thread(target=self.guarded, args=(self.write, n)) for n in range(2)]
        for x in lookers + writers:
            x.start()
        for x in writers:
            x.join()
        self.over.set()
        for x in lookers:
            x.join()
        # At rest: every name and every message, once.
        b = clock()
        _, untagged, _ = s.command('LIST "" *')
        self.looks.append(("LIST", b, clock(), "", {
            m.group(2).decode(): b"Noselect" in m.group(1)
            for m in (re.match(rb'\* LIST \(([^)]*)\) "/" "?([^"\r]*)', u) for u in untagged)}))
        everything = []
        for name in sorted(n for n, noselect in self.looks[-1][4].items() if not noselect):
            b = clock()
            _, untagged, _ = s.command("SELECT " + name)
            validity = int(re.search(rb"UIDVALIDITY (\d+)", b"".join(untagged)).group(1))
            _, untagged, _ = s.command("UID FETCH 1:* (BODY.PEEK[])")
            shown = {}
            for u in untagged:
                m = re.search(rb"UID (\d+) .*?Message-ID: <(m(\d+)@[^>]*)>", u, re.S)
                if m:
                    shown[int(m.group(1))] = m.group(2).decode()
                    self.fact(validity, int(m.group(1)), m.group(2).decode())
                    if harness.message(int(m.group(3))).split(b"last line")[0] not in u:
                        self.complain("%s in %s is cut or merged" % (m.group(2), name))
            self.looks.append(("SELECT", b, clock(), name, (validity, shown, clock())))
            everything += shown.values()
        s.close()
        self.judge()
        wanted = sorted(i for box in [self.inbox] + [x for m in self.models for x in m.boxes if x.span.over == FOREVER]
                        for i, span in box.ids.items() if span.over == FOREVER)
        if sorted(everything) != wanted:
            self.complain("in the end: lost %s, too many %s" % (sorted(set(wanted) - set(everything)), sorted(
                i for i in set(everything) if everything.count(i) > wanted.count(i))))


def main():
    harness.program("imapd-session")  # copies the programs before there are threads
    for mbox in (False, True):
        box = harness.scratch("dmail-history.")
        os.makedirs(box + "/drop/u.mbx")
        open(box + "/drop/u", "w").close()
        harness.give_away(box)
        h = History(box, mbox)
        began = clock()
        h.run()
        print("%s, seed %d: %d looks; %s; %.1f s" % ("mbox" if mbox else "mbx", SEED, len(h.looks), ", ".join(
            "%d %s %s" % (n, *k) for k, n in sorted(h.counts.items())), clock() - began))
        t.check("no complaint", not h.complaints, "%d:\n%s" % (len(h.complaints), "\n".join(h.complaints[:8])))
        done = {k[0] for k, n in h.counts.items() if k[1] == "OK" and n > STEPS // 200}
        t.check("everything was done", {"CREATE", "DELETE", "RENAME", "RENAME INBOX", "APPEND", "SUBSCRIBE"} | ({"by hand"} if mbox else set()) <= done, h.counts)
        t.check("and looked at", len(h.looks) > STEPS // 4, len(h.looks))
        stray = [os.path.join(folder, n) for folder, dirs, files in os.walk(box + "/drop") for n in dirs + files
                 if re.search(r"\.lock$|\.journal$|\.unused$|\.new$|^\.new|^\.to\.", n)]
        t.check("nothing half-made stays behind", not stray, stray)
    if t.failed:
        print("again: DMAIL_HISTORY_SEED=%d DMAIL_HISTORY_STEPS=%d tests/drivers/test_folder_history.py build" % (SEED, STEPS))
    t.end()


main()
