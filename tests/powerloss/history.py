"""A user's mail and what happens to it: real programs under the recorder, one command at a time, each sent when the
last was answered.  What the answers promised is kept beside the log, so that any point of it can be judged.
"""
import copy
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness
import judge

LARGE = 144  # messages: more than it takes for flags to go through the log beside the index
SUBSCRIBED = "(subscribed)"
MID = re.compile(rb"(?i)Message-ID: *<(m\d+)@")


def literal(text):
    return b"{%d+}\r\n" % len(text) + text


def foreign(n):
    """As another program writes it into an mbox, and as it is read back: nothing is unquoted."""
    return harness.message(n).replace(b"\r\nFrom ", b"\r\n>From ")


class Step:
    """One command: what was true before it and is after it, and what its answer tells of UIDs."""

    def __init__(self, what, before, after):
        self.what, self.before, self.after, self.ack, self.facts = what, before, after, None, []

    def verb(self):
        return self.what[:9] if self.what.startswith("UID") else self.what.split()[0]


class History:
    """Runs operations on `target`; `steps` and the log say what happened."""

    def __init__(self, place, boot, program, random, target, large, length):
        self.root, self.log, self.program, self.random, self.target = place + "/drop", place + "/log", program, random, target
        self.boot, self.errors = boot, place + "/errors"
        with open(self.boot, "w") as f:
            f.write("00000000-1111-2222-3333-%012x\n" % random.randrange(1 << 48))
        self.is_mbox = target != "Mbx"
        self.state = {"INBOX": {}, SUBSCRIBED: {}}
        self.foreign, self.digests, self.steps, self.next, self.imap, self.selected = set(), {}, [], 1, None, None
        os.makedirs(self.root + "/u.mbx")
        open(self.root + "/u", "w").close()
        self._fixture(large)
        self._end_imap()
        os.unlink(self.log)
        self.steps = []
        self.started = False  # the caller looks at the tree, then calls go_on()
        self.length = length

    def _recorded(self, name, *options):
        return [self.program("recorder"), "--log", self.log, "--below", self.root, "--boot", self.boot, "--",
                self.program(name), "--user", "u", "--drop", self.root + "/u", "--folders", self.root + "/u.mbx",
                "--quota", str(1 << 30), *options]

    def _note(self, **what):
        with open(self.log, "ab", 0) as f:
            f.write(json.dumps({"op": "note", "bytes": 0, **what}).encode() + b"\n")

    # ---- one program each

    def _spawn(self, argv, stdin=subprocess.PIPE):
        with open(self.errors, "ab") as errors:
            return subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=errors, bufsize=0)

    def _until(self, process, pattern):
        out = b""
        while not re.search(pattern, out):
            some = os.read(process.stdout.fileno(), 1 << 20)
            if not some:
                raise RuntimeError("%s: ended in the middle: %r" % (self.steps[-1].what if self.steps else "fixture", out[-500:]))
            out += some
        return out

    def _step(self, what, effect, ack, run):
        before = self.state
        self.state = copy.deepcopy(before)
        effect(self.state)
        step = Step(what, before, self.state)
        step.ack = ack
        self.steps.append(step)
        number = len(self.steps) - 1
        self._note(step=number, sent=1)
        out = run()
        self._note(step=number, done=1)
        return step, out

    def command(self, text, effect=lambda s: None):
        if self.imap is None:
            self.imap = self._spawn(self._recorded("imapd-session"))
            self._until(self.imap, rb"^\* [A-Z]+[^\n]*\n")
        tag = b"t%d" % len(self.steps)
        ack = rb"(?m)^" + tag + rb" (OK|NO|BAD)[^\n]*\n"

        def run():
            data = tag + b" " + text + b"\r\n"
            while data:
                data = data[os.write(self.imap.stdin.fileno(), data):]
            return self._until(self.imap, ack)
        step, out = self._step(text.split(b"\r")[0].decode("latin-1"), effect, ack, run)
        if not re.search(rb"(?m)^" + tag + rb" OK", out):
            raise RuntimeError("refused: %r: %r" % (text[:100], out[-300:]))
        self._learn(step, out)
        return out

    def _learn(self, step, out):
        if selected := re.match(r"SELECT (\S+)", step.what):
            self.selected = [selected.group(1), int(re.search(rb"UIDVALIDITY (\d+)", out).group(1))]
            step.facts.append((*self.selected, int(re.search(rb"UIDNEXT (\d+)", out).group(1)), None))
        for m in re.finditer(rb"\* \d+ FETCH \(UID (\d+) BODY\[[^\]]*\] \{\d+\}\r\n([^\r]*)", out):
            step.facts.append((*self.selected, int(m.group(1)), MID.match(m.group(2)).group(1).decode()))

    def _end_imap(self):
        if self.imap is not None:
            os.write(self.imap.stdin.fileno(), b"z LOGOUT\r\n")
            while os.read(self.imap.stdout.fileno(), 1 << 16):
                pass
            self._ended(self.imap)
        self.imap = self.selected = None

    @staticmethod
    def _ended(process):
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        if process.wait(120) != 0:
            raise RuntimeError("%s ended with %d" % (process.args, process.returncode))

    def _other(self, what, argv, data, effect, ack):
        """A program that takes all its input at once."""
        def run():
            process = self._spawn(argv)
            os.write(process.stdin.fileno(), data)
            process.stdin.close()
            out = self._until(process, ack) if ack else b""
            while os.read(process.stdout.fileno(), 1 << 16):
                pass
            self._ended(process)
            return out
        return self._step(what, effect, ack, run)

    # ---- what a user does

    def _fixture(self, large):
        self.other = "Other"
        self.started = True
        if self.target == "Mbox":
            with open(self.root + "/u.mbx/Mbox", "wb") as f:
                f.write(self._foreign_mail())
            self.state["Mbox"] = {"m1": frozenset()}
        elif self.target != "INBOX":
            self.create(self.target)
        self.create(self.other)
        for _ in range(LARGE if large else 6):
            self.append(self.target)
        self.append(self.other)

    def _mail(self, size=0, of=harness.message):
        n, self.next = self.next, self.next + 1
        text = of(n, size) if size else of(n)
        self.digests["m%d" % n] = judge.digest(text)
        return "m%d" % n, text

    def _foreign_mail(self):
        mid, text = self._mail(of=foreign)
        self.foreign.add(mid)
        return b"From x@y Sat Nov 21 10:00:00 2026\n" + text.replace(b"\r\n", b"\n") + b"\n"

    def create(self, name):
        self.command(b"CREATE " + name.encode(), lambda s: s.update({name: {}}))

    def append(self, name):
        mid, text = self._mail(self.random.choice((0, 0, 2500, 9000)))
        flags = self.random.choice((b"", b"\\Seen", b"\\Flagged $Kept"))
        self.command(b"APPEND %s (%s) %s" % (name.encode(), flags, literal(text)),
                     lambda s: s[name].update({mid: frozenset(flags.split())}))

    def select(self, name):
        self.command(b"SELECT " + name.encode())
        out = self.command(b"UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
        return out, {f[3]: f[2] for f in self.steps[-1].facts}

    def _some(self, uids, most):
        mids = sorted(uids)
        return self.random.sample(mids, min(len(mids), self.random.randint(1, most)))

    def _set(self, uids, mids):
        return ",".join(str(uids[m]) for m in mids).encode()

    def store(self):
        _, uids = self.select(self.target)
        mids = self._some(uids, 3)
        add = self.random.random() < 0.7
        flags = self.random.choice((b"\\Flagged", b"\\Answered $K%d" % self.random.randrange(4), b"\\Draft \\Seen"))

        def effect(s):
            for m in mids:
                had = s[self.target][m]
                s[self.target][m] = had | set(flags.split()) if add else had - set(flags.split())
        if mids:
            self.command(b"UID STORE %s %sFLAGS.SILENT (%s)" % (self._set(uids, mids), b"+" if add else b"-", flags), effect)

    def store_many(self):
        """The change of one flag that is one for the most messages."""
        self.select(self.target)
        if not self.state[self.target]:
            return
        has = {f: sum(f in flags for flags in self.state[self.target].values()) for f in (b"\\Answered", b"\\Flagged", b"\\Draft")}
        changes = [(n, f, False) for f, n in has.items()] + [(len(self.state[self.target]) - n, f, True) for f, n in has.items()]
        _, flag, add = max(changes, key=lambda c: (c[0], self.random.random()))

        def effect(s):
            for m, had in s[self.target].items():
                s[self.target][m] = had | {flag} if add else had - {flag}
        self.command(b"STORE 1:* %sFLAGS.SILENT (%s)" % (b"+" if add else b"-", flag), effect)

    def _delete_mark(self, most=3):
        _, uids = self.select(self.target)
        mids = self._some(uids, most)
        if mids:
            self.command(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % self._set(uids, mids),
                         lambda s: s[self.target].update({m: s[self.target][m] | {b"\\Deleted"} for m in mids}))

    def expunge(self):
        self._delete_mark()

        def effect(s):
            for m in [m for m, flags in s[self.target].items() if b"\\Deleted" in flags]:
                del s[self.target][m]
        self.command(b"EXPUNGE", effect)

    def copy(self, move=False):
        _, uids = self.select(self.target)
        mids = [m for m in self._some(uids, 4) if m not in self.state[self.other]]

        def effect(s):
            for m in mids:
                s[self.other][m] = s[self.target][m]
                if move:
                    del s[self.target][m]
        if mids:
            self.command(b"UID %s %s %s" % (b"MOVE" if move else b"COPY", self._set(uids, mids), self.other.encode()), effect)

    def copy_all(self):
        """So many that an mbx folder gets them in another order, where the history is one of many."""
        if all(m in self.state[self.other] for m in self.state[self.target]):
            self.delete()
        _, uids = self.select(self.target)
        mids = [m for m in uids if m not in self.state[self.other]]
        if mids:
            self.command(b"UID COPY %s %s" % (self._set(uids, mids), self.other.encode()),
                         lambda s: s[self.other].update({m: s[self.target][m] for m in mids}))

    def copy_split(self):
        """The SIZE of what comes into an mbx folder stands in two sectors."""
        size = os.path.getsize(path_of(self.root, self.other))
        line = len("21-Nov-2026 10:00:00 +0000,0123456789;000000000000-00000001\r\n")
        mid, text = self._mail()
        at = size + line + len(text) + len("21-Nov-2026 10:00:00 +0000,")
        fill = (512 - self.random.randint(1, 9) - at) % 512
        text += b"x" * (fill - 2) + b"\r\n" if fill > 1 else b""
        self.digests[mid] = judge.digest(text)
        self.command(b"APPEND %s () %s" % (self.other.encode(), literal(text)), lambda s: s[self.other].update({mid: frozenset()}))
        self.copy()

    def move(self):
        self.copy(True)

    def deliver(self):
        mid, text = self._mail(self.random.choice((0, 0, 4000, 70000)))
        self._other("delivery of " + mid, self._recorded("dsmtpd-deliver"), text,
                    lambda s: s["INBOX"].update({mid: frozenset()}), rb"Delivered")

    def foreign_delivery(self):
        """Another program appends to an mbox, and syncs it."""
        name = self.target if self.is_mbox else "INBOX"
        if self.selected and self.selected[0] not in self.state:
            self._end_imap()  # it was renamed: a session that finds its file changed says BYE
        path = path_of(self.root, name)
        mid = "m%d" % self.next
        argv = self._recorded("recorder")
        argv = argv[:argv.index("--") + 1] + ["/bin/dd", "of=" + path, "oflag=append", "conv=notrunc,fsync", "bs=64k"]
        self._other("foreign delivery of " + mid, argv, self._foreign_mail(), lambda s: s[name].update({mid: frozenset()}), None)

    def pop(self):
        self._end_imap()
        mids = list(self.state["INBOX"])
        if self.random.random() < 0.5 or not mids:
            return
        # In the order of the file, which is that of arrival.
        drop = sorted(self.random.sample(range(len(mids)), min(len(mids), self.random.randint(1, 3))))
        data = b"".join(b"DELE %d\r\n" % (n + 1) for n in drop)

        def effect(s):
            for n in drop:
                del s["INBOX"][mids[n]]
        self._other("POP DELE %s, QUIT" % drop, self._recorded("dpopd-session"), data + b"QUIT\r\n", effect, rb"\+OK good bye")

    def rename(self):
        old = self.target
        if old == "INBOX" and self.random.random() < 0.7:
            return  # there would be too little in it
        new = "Moved%d" % len(self.steps) if self.random.random() < 0.5 else "Under/Moved%d" % len(self.steps)

        def effect(s):
            if old == "INBOX":
                s[new], s["INBOX"] = s["INBOX"], {}
                return
            for name in [n for n in s if n == old or n.startswith(old + "/")]:
                s[new + name[len(old):]] = s.pop(name)
        self.command(b"RENAME %s %s" % (old.encode(), new.encode()), effect)
        if old != "INBOX":
            self.target = new

    def child(self):
        if self.target != "INBOX":
            self.create("%s/Child%d" % (self.target, len(self.steps)))

    def delete(self):
        other = self.other
        self.command(b"DELETE " + other.encode(), lambda s: s.pop(other))
        self.create(other)

    def subscribe(self):
        name = "Sub%d" % len(self.steps)
        self.command(b"SUBSCRIBE " + name.encode(), lambda s: s[SUBSCRIBED].update({name: frozenset()}))

    def store_many_and_go_on(self):
        self.store_many()
        self.random.choice((self.expunge, self.store, self.move, lambda: self.append(self.target), self.rename, self.child,
                            lambda: self.append(self.target)))()

    def go_on(self):
        deeds = [self.store, self.store_many_and_go_on, self.expunge, self.copy, self.move, self.rename, self.child, self.delete,
                 self.foreign_delivery, self.deliver, self.pop, self.subscribe, lambda: self.append(self.target), self.copy_all, self.copy_split]
        more = self.random.choices(deeds, [2, 5, 3, 1, 1, 1, 0, 0, 3, 2, 3 if self.target == "INBOX" else 0, 0, 3, 2, 2], k=self.length - len(deeds))
        deeds += more
        self.random.shuffle(deeds)
        for deed in deeds:
            deed()
            if self.random.random() < 0.3:
                self._end_imap()
        self._end_imap()


def path_of(root, name):
    path = root + "/u" if name == "INBOX" else root + "/u.mbx/" + name
    return path + "/.mbx" if os.path.isdir(path) else path
