"""Opens a tree with the real programs and says what is wrong with it, given what clients had been told.

`before` and `after` are what the mailboxes held before and after the one command that was not answered yet (the same when
there was none): what both have must be there, what one has may be, and nothing else.
"""
import os
import re
import subprocess

import judge
from harness import message
from history import SUBSCRIBED, foreign, literal, path_of

MARK = re.compile(rb"\{(\d+)\}\r\n$")


def responses(out):
    """(line, [literals]) of each response; a literal leaves its {N} in the line."""
    at, line, literals = 0, b"", []
    while at < len(out):
        end = out.find(b"\n", at) + 1 or len(out)
        line, at = line + out[at:end], end
        if m := MARK.search(line):
            literals.append(out[at:at + int(m.group(1))])
            at += int(m.group(1))
            continue
        yield line, literals
        line, literals = b"", []


class Seen:
    """What the server shows of one mailbox."""

    def __init__(self):
        self.mail, self.validity, self.next, self.size = {}, 0, 0, 0

    def ids(self):
        return {mid: (uid, flags) for uid, (mid, flags, _) in self.mail.items()}


class Witness:
    def __init__(self, program, root, errors):
        self.program, self.root, self.errors, self.complaints = program, root, errors, []

    def run(self, name, data, *options, before=()):
        argv = [*before, self.program(name), "--user", "u", "--drop", self.root + "/u", "--folders", self.root + "/u.mbx", *options]
        with open(self.errors, "ab") as errors:
            p = subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=errors, timeout=300)
        if p.returncode != 0:
            self.complaints.append("%s ended with %d: %r" % (name, p.returncode, p.stdout[-200:]))
        return p.stdout

    def imap(self, *lines, options=(), before=()):
        script = b"".join(b"t%d %s\r\n" % (n, l) for n, l in enumerate(lines)) + b"z LOGOUT\r\n"
        return self.run("imapd-session", script, *options, before=before)

    def look(self, names, before=()):
        """{name: Seen}, and the subscriptions."""
        lines = [b'LIST "" *', b'LSUB "" *']
        for name in names:
            lines += [b"SELECT " + name.encode(), b"UID FETCH 1:* (FLAGS RFC822.SIZE ENVELOPE BODY.PEEK[])"]
        at, seen, listed, subscribed = 0, {}, set(), set()
        now = Seen()
        for line, literals in responses(self.imap(*lines, options=("--quota", str(1 << 30)), before=before)):
            if m := re.match(rb"t(\d+) (OK|NO|BAD)", line):
                at = int(m.group(1)) + 1
                if at >= 3 and at % 2 == 1:
                    now = Seen()  # the SELECT is answered
                    if m.group(2) == b"OK":
                        now.validity, now.next = validity, following
                        seen[names[(at - 3) // 2]] = now
            elif line.startswith(b"* LIST") and b"\\Noselect" not in line:
                listed.add(line.split()[-1].strip(b'"').decode())
            elif line.startswith(b"* LSUB"):
                subscribed.add(line.split()[-1].strip(b'"').decode())
            elif m := re.search(rb"UIDVALIDITY (\d+)", line):
                validity = int(m.group(1))
            elif m := re.search(rb"UIDNEXT (\d+)", line):
                following = int(m.group(1))
            elif b" FETCH (" in line:
                self.fetched(line, literals, now)
        if listed != set(seen):
            self.complaints.append("LIST names %s, SELECT opens %s" % (sorted(listed), sorted(seen)))
        return seen, subscribed

    def fetched(self, line, literals, now):
        text = literals[-1] if literals else b""
        uid, mid = int(re.search(rb"UID (\d+)", line).group(1)), judge.message_id(text).split("@")[0]
        flags = frozenset(re.search(rb"FLAGS \(([^)]*)\)", line).group(1).split()) - {b"\\Recent"}
        size = int(re.search(rb"RFC822.SIZE (\d+)", line).group(1))
        if size != len(text):
            self.complaints.append("uid %d: RFC822.SIZE %d of %d octets" % (uid, size, len(text)))
        if b'"message number %s"' % mid[1:].encode() not in line:
            self.complaints.append("uid %d: the ENVELOPE is not that of %s: %r" % (uid, mid, line[:300]))
        if uid in now.mail or mid in now.ids():
            self.complaints.append("uid %d (%s) is there twice" % (uid, mid))
        now.mail[uid] = (mid, flags, judge.digest(text))
        now.size += size

    # ---- what must hold

    def compare(self, seen, subscribed, before, after, digests):
        for name in sorted(set(before) | set(after)):
            if name == SUBSCRIBED:
                low, high = set(before[name]) & set(after[name]), set(before[name]) | set(after[name])
                if not low <= subscribed <= high:
                    self.complaints.append("subscribed: %s, not %s" % (sorted(subscribed), sorted(high)))
            else:
                self.mailbox(name, seen.get(name), before.get(name), after.get(name), digests)
        for name in sorted(set(seen) - set(before) - set(after)):
            self.complaints.append("mailbox %s appeared" % name)
        # Whatever moved is in one place at least.
        def everywhere(state):
            return set(m for name, mails in state.items() if name != SUBSCRIBED for m in mails)
        there = set(m for s in seen.values() for m in s.ids())
        if lost := (everywhere(before) & everywhere(after)) - there:
            self.complaints.append("acknowledged mail lost: %s" % sorted(lost))

    def mailbox(self, name, seen, before, after, digests):
        if seen is None:
            if before is not None and after is not None:
                self.complaints.append("%s cannot be opened" % name)
            return
        sides = [s for s in (before, after) if s is not None]
        ids = seen.ids()
        must = set(before) & set(after) if len(sides) == 2 else set()
        if lost := must - set(ids):
            self.complaints.append("%s: acknowledged mail lost: %s" % (name, sorted(lost)))
        if strange := set(ids) - set().union(*sides):
            self.complaints.append("%s: strange mail: %s" % (name, sorted(strange)))
        for uid, (mid, flags, digest) in seen.mail.items():
            if digests.get(mid) != digest:
                self.complaints.append("%s: uid %d (%s) is cut or merged" % (name, uid, mid))
            if uid >= seen.next:
                self.complaints.append("%s: uid %d is not below UIDNEXT %d" % (name, uid, seen.next))
            had = [s[mid] for s in sides if mid in s]
            if mid in (before or {}) and mid not in (after or {}):
                flags -= {b"\\Deleted"}  # it was going: the mark comes first
                had = [had[0] - {b"\\Deleted"}]
            if had and not frozenset.intersection(*had) <= flags <= frozenset.union(*had):
                self.complaints.append("%s: %s has flags %s, acknowledged were %s" % (
                    name, mid, sorted(flags), " or ".join(str(sorted(h)) for h in had)))

    def uids(self, seen, facts, before, after, foreign=frozenset()):
        """No UID that a client knows names another text, and what it knows has its UID.  Only where another program
        delivered may mail get new ones: until dmail has to write its own lines into such a file, they are in the index.
        """
        given = {}
        for name, validity, uid, mid in facts:
            given[name, validity] = max(given.get((name, validity), 0), uid if mid else uid - 1)
        for name, validity, uid, mid in facts:
            s = seen.get(name)
            if s is None:
                continue
            if s.validity < validity:
                self.complaints.append("%s: UIDVALIDITY fell from %d to %d" % (name, validity, s.validity))
            others = foreign & (set(before.get(name, ())) | set(after.get(name, ())))
            if s.validity != validity:
                if name in before and name in after and mid in before[name] and mid in after[name] and not others:
                    self.complaints.append("%s: UIDVALIDITY %d became %d" % (name, validity, s.validity))
                continue
            if mid is None:
                if s.next < uid:
                    self.complaints.append("%s: UIDNEXT fell from %d to %d" % (name, uid, s.next))
            elif uid in s.mail and s.mail[uid][0] != mid:
                self.complaints.append("%s: uid %d was %s and is %s" % (name, uid, mid, s.mail[uid][0]))
            elif mid in s.ids() and s.ids()[mid][0] != uid and not (others and s.ids()[mid][0] > given[name, validity]):
                self.complaints.append("%s: %s was uid %d and is %d" % (name, mid, uid, s.ids()[mid][0]))
            if uid >= s.next and mid is not None:
                self.complaints.append("%s: uid %d was given, UIDNEXT is %d" % (name, uid, s.next))

    def independent(self, seen):
        for name, s in seen.items():
            try:
                outside = sorted(judge.message_id(x).split("@")[0] for x in judge.messages(path_of(self.root, name)))
            except (ValueError, OSError) as e:
                self.complaints.append("the independent reader: %s" % e)
                continue
            if outside != sorted(s.ids()):
                self.complaints.append("%s: the independent reader sees %s, the server %s" % (name, outside, sorted(s.ids())))

    def pop(self, inbox):
        out = self.run("dpopd-session", b"LIST\r\nUIDL\r\nRETR 1\r\nRETR %d\r\nQUIT\r\n" % max(len(inbox.mail), 1))
        sizes = [int(x) for x in re.findall(rb"(?m)^\d+ (\d+)\r$", out.split(b"+OK")[2])] if out.count(b"+OK") > 2 else []
        if sum(sizes) != inbox.size or len(sizes) != len(inbox.mail):
            self.complaints.append("POP LIST has %d messages of %d octets, IMAP %d of %d" % (
                len(sizes), sum(sizes), len(inbox.mail), inbox.size))
        order = [mid for mid, *_ in inbox.mail.values()]
        texts = re.findall(rb"(?s)\+OK [^\n]*octets[^\n]*\n(.*?)\r\n\.\r\n", out.replace(b"\r\n..", b"\r\n."))
        if order and [judge.message_id(t).split("@")[0] for t in texts[-2:]] != [order[0], order[-1]]:
            self.complaints.append("POP RETR gave %s" % [judge.message_id(t) for t in texts])

    def go_on(self, seen, digests, number):
        """Mail comes again: what was there stays, new mail has new UIDs, and the quota counts what there is."""
        target = sorted(seen)[number % len(seen)]
        new, large = message(number), message(number + 1, 3000)
        digests = {**digests, "m%d" % number: judge.digest(new), "m%d" % (number + 1): judge.digest(large)}
        room = sum(s.size for s in seen.values()) + len(new)
        append = b"APPEND %s %s" % (target.encode(), literal(new))
        for quota, answer in ((room - 1, b"t0 NO [OVERQUOTA]"), (room, b"t0 OK")):
            out = self.imap(append, options=("--quota", str(quota)))
            if answer not in out:
                self.complaints.append("quota of %d: %r, not %r" % (quota, out[-150:], answer))
        if b"Delivered" not in self.run("dsmtpd-deliver", large):
            self.complaints.append("delivery afterwards was refused")
        states = {name: {m: f for m, (_, f) in s.ids().items()} for name, s in seen.items()}
        states[target]["m%d" % number] = states["INBOX"]["m%d" % (number + 1)] = frozenset()
        again, subscribed = self.look(sorted(seen))
        facts = [(name, s.validity, uid, v[0]) for name, s in seen.items() for uid, v in s.mail.items()]
        facts += [(name, s.validity, s.next, None) for name, s in seen.items()]
        self.compare(again, subscribed, states, states, digests)
        self.uids(again, facts, states, states)
        for name, s in again.items():
            for mid, (uid, _) in s.ids().items():
                if mid not in seen[name].ids() and uid < seen[name].next:
                    self.complaints.append("%s: new mail has the old uid %d" % (name, uid))
        self.independent(again)
        return again
