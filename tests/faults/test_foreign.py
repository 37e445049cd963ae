#!/usr/bin/env python3
"""Other mail programs rewrite a drop file (mutt, alpine, s-nail, formail, procmail, Python's mailbox, and a plain rewrite in
place) between deliveries, IMAP and POP sessions, in random order for DMAIL_FOREIGN_SECONDS.  Whatever they do: a UID
never names another text, UIDVALIDITY and UIDNEXT never fall, no text is shown that was not sent, marks that the other
program set are seen, and nothing is lost."""
import email.utils
import fcntl
import imaplib
import mailbox
import os
import poplib
import random
import re
import shutil
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

SECONDS = float(os.environ.get("DMAIL_FOREIGN_SECONDS", "120" if os.environ.get("CI") else "30"))
# make check walks the same history each time, make soak (0) a new one.
SEED = int(os.environ.get("DMAIL_FOREIGN_SEED", "755420670")) or random.SystemRandom().randrange(1, 1 << 30)
TRACE = (b"return-path:", b"received:", b"x-rcpt-to:", b"delivered-to:")
t = harness.Suite()
rng = random.Random(SEED)


def without_trace(text):
    """The text as it was sent: without the trace fields that a delivery puts in front."""
    lines = text.split(b"\r\n")
    while lines:
        if not lines[0].lower().startswith(TRACE):
            break
        lines.pop(0)
        while lines and lines[0][:1] in (b" ", b"\t"):
            lines.pop(0)
    return b"\r\n".join(lines)


def make(n):
    body = rng.choice(["short\r\n", "From here on it is body.\r\n>From quoted\r\n", "a\r\n\r\n\r\nb\r\n", "x" * 70 + "\r\n",
                       "ends with an empty line\r\n\r\n", "From me Sat Nov 21 10:00:00 2026\r\nno separator\r\n"])
    body *= rng.choice((1, 1, 3, 60))
    extra = rng.choice(["", "", "X-Keywords-Not: a\r\n", "Statuses: RO\r\n", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"])
    return ("From: a@b.example\r\nTo: c@d.example\r\nSubject: m%d\r\nMessage-ID: <m%d@foreign>\r\n%s\r\n%s"
            % (n, n, extra, body)).encode()


class Model:
    def __init__(self, i):
        self.i = i
        self.path = next(os.path.join(f, i.USER1) for f, d, n in os.walk(i.dir + "/spool") if i.USER1 in n)
        self.texts = {}        # id -> text as sent
        self.there = set()     # ids
        self.seen = set()      # ids that another program marked read
        self.by_uid = {}       # (UIDVALIDITY, UID) -> text
        self.highest = (0, 0)  # UIDVALIDITY, UIDNEXT
        self.next = 0
        self.marks = 0         # messages that mutt, alpine and s-nail marked
        self.history = []
        self.session = None
        self.index_gone = False  # since the session began

    def new(self):
        self.next += 1
        ident = "m%d" % self.next
        self.texts[ident] = make(self.next)
        self.there.add(ident)
        return self.texts[ident]

    def fail(self, what, detail=""):
        t.check(what, False, "%s; seed %d, after %s" % (detail, SEED, self.history[-12:]))

    # ---- what clients do
    def login(self):
        c = imaplib.IMAP4("localhost", self.i.IMAP_PORT, timeout=60)
        c.login(self.i.USER1, self.i.PASS1)
        c.select("INBOX")
        return c

    def look(self, c):
        """Everything a session shows, checked against the model."""
        c.noop()
        status = c.status("INBOX", "(UIDVALIDITY UIDNEXT)")[1][0]
        validity, following = (int(re.search(rb"%s (\d+)" % w, status).group(1)) for w in (b"UIDVALIDITY", b"UIDNEXT"))
        if (validity, following) < self.highest:
            self.fail("UIDVALIDITY and UIDNEXT never fall", "%s after %s" % ((validity, following), self.highest))
        self.highest = max(self.highest, (validity, following))
        code, answers = c.uid("fetch", "1:*", "(FLAGS RFC822.SIZE BODY.PEEK[])")
        shown, flags, k = {}, {}, 0
        for item in answers:
            if not isinstance(item, tuple):
                continue
            uid = int(re.search(rb"UID (\d+)", item[0]).group(1))
            if int(re.search(rb"RFC822.SIZE (\d+)", item[0]).group(1)) != len(item[1]):
                self.fail("RFC822.SIZE is the size", item[0])
            if self.by_uid.setdefault((validity, uid), item[1]) != item[1]:
                self.fail("a UID never names another text", "UID %d was %r and is %r" % (uid, self.by_uid[validity, uid], item[1]))
            if uid >= following:
                self.fail("UIDNEXT is above every UID", "%d %d" % (uid, following))
            text = without_trace(item[1])
            ident = re.search(rb"Message-ID: <(m\d+)@", text)
            ident = ident.group(1).decode() if ident else None
            if self.texts.get(ident) != text:
                self.fail("no text is shown that was not sent", "%r, sent was %r" % (text, self.texts.get(ident)))
            if ident in shown:
                self.fail("a message is shown once", ident)
            shown[ident] = uid
            if rb"\Seen" in item[0]:
                flags[ident] = True
        if set(shown) != self.there:
            self.fail("what is there is shown, and nothing else",
                      "missing %s, too many %s" % (sorted(self.there - set(shown)), sorted(set(shown) - self.there)))
            self.there = set(shown)
        unseen = [x for x in self.seen & self.there if x not in flags]
        if unseen:
            self.fail("marks of the other program are seen", unseen)
            self.seen -= set(unseen)
        t.check("looked", True)
        return shown

    def check(self):
        try:
            if self.session is None:
                self.session = self.login()
            self.look(self.session)
        except (imaplib.IMAP4.abort, OSError) as e:
            # Thrown out is right only when UIDVALIDITY changed, or what it had of the index was removed.
            before, index_gone = self.highest[0], self.index_gone
            self.session = self.login()
            self.index_gone = False
            self.look(self.session)
            if self.highest[0] == before and not index_gone:
                self.fail("a session ends only when UIDVALIDITY changed or its index went", e)
        other = self.login()
        self.look(other)
        other.logout()

    def deliver(self):
        with smtplib.SMTP("localhost", self.i.SMTP_PORT, timeout=60) as s:
            s.sendmail("a@b.example", [self.i.MAIL1], self.new())

    def lmtp(self):
        with smtplib.LMTP("localhost", self.i.LMTP_PORT) as s:
            s.sendmail("a@b.example", [self.i.MAIL1], self.new())

    def append(self):
        c = self.login()
        if c.append("INBOX", "", None, self.new())[0] != "OK":
            self.fail("APPEND")
        c.logout()

    def flag(self):
        c = self.login()
        shown = self.look(c)
        if shown:
            ident = rng.choice(sorted(shown))
            c.uid("store", str(shown[ident]), "+FLAGS", "(%s)" % rng.choice(("\\Seen", "\\Answered Work", "Later $K%d" % rng.randrange(9))))
        c.logout()

    def expunge(self):
        c = self.login()
        shown = self.look(c)
        if shown:
            ident = rng.choice(sorted(shown))
            c.uid("store", str(shown[ident]), "+FLAGS", "(\\Deleted)")
            c.expunge()
            self.there.discard(ident)
        c.logout()

    def pop(self, meanwhile=None):
        """Deletes a message; with `meanwhile` another program rewrites the file before QUIT."""
        p = poplib.POP3("localhost", self.i.POP3_PORT, timeout=60)
        p.user(self.i.USER1)
        p.pass_(self.i.PASS1)
        count = p.stat()[0]
        ident = None
        if count:
            n = rng.randrange(1, count + 1)
            text = b"\r\n".join(p.retr(n)[1]) + b"\r\n"
            ident = re.search(rb"Message-ID: <(m\d+)@", text).group(1).decode()
            if without_trace(text) != self.texts[ident]:
                self.fail("POP shows the text that was sent", "%r" % text)
            p.dele(n)
        if meanwhile:
            meanwhile()
        try:
            p.quit()
            self.there.discard(ident)
        except poplib.error_proto:
            if not meanwhile:
                self.fail("QUIT")

    # ---- what other programs do
    def locked(self, change):
        lock = self.path + ".lock"
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
                break
            except FileExistsError:
                time.sleep(0.02)
        try:
            with open(self.path, "r+b") as f:
                fcntl.lockf(f, fcntl.LOCK_EX)
                change(f)
                f.flush()
        finally:
            os.unlink(lock)

    def agent(self):
        """A delivery as procmail and its like make it."""
        text = self.new().replace(b"\r\n", b"\n")
        text = re.sub(rb"(?m)^From ", b">From ", text)
        self.texts["m%d" % self.next] = text.replace(b"\n", b"\r\n")

        def write(f):
            f.seek(0, 2)
            f.write(b"From a@b.example " + time.asctime().encode() + b"\n" + text + b"\n")
        self.locked(write)

    def procmail(self):
        text = self.new().replace(b"\r\n", b"\n")
        # It writes no empty line behind a message that ends with one: that is the separator then.
        kept = text[:-1] if text.endswith(b"\n\n") else text
        self.texts["m%d" % self.next] = re.sub(rb"(?m)^From ", b">From ", kept).replace(b"\n", b"\r\n")
        rc = self.i.dir + "/procmailrc"
        with open(rc, "w") as f:
            f.write("DEFAULT=%s\nLOGFILE=/dev/null\n" % self.path)
        subprocess.run(["procmail", "-m", rc], input=b"From a@b.example " + time.asctime().encode() + b"\n" + text, check=True)

    def in_place(self):
        """Messages lose or get Status lines, some go; everything else stays as it is."""
        def write(f):
            data = f.read()
            parts = re.split(rb"(?m)(?:(?<=\n\n)|\A)(?=From \S+ (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )", data)
            parts = [p for p in parts if p]
            out = []
            for p in parts:
                ident = self.ident(p)
                what = rng.random()
                if what < 0.15 and ident:
                    self.there.discard(ident)
                    continue
                head, sep, body = p.partition(b"\n\n")
                if what < 0.5 and sep and ident and not re.search(rb"(?m)^X-DMail: ", head):
                    head = re.sub(rb"(?m)^Status: .*\n?", b"", head + b"\n") + b"Status: RO"
                    self.seen.add(ident)
                out.append(head + sep + body)
            f.seek(0)
            f.truncate()
            f.write(b"".join(out))
        self.locked(write)

    def ident(self, text):
        found = re.search(rb"Message-I[Dd]: <(m\d+)@", text)
        return found.group(1).decode() if found else None

    def order(self):
        with open(self.path, "rb") as f:
            return [x.decode() for x in re.findall(rb"(?m)^Message-ID: <(m\d+)@foreign>$", f.read())]

    def marked(self, ident):
        """The program did what it was told: the file says that the message is read."""
        with open(self.path, "rb") as f:
            for part in re.split(rb"(?m)^(?=From \S+ (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )", f.read()):
                if self.ident(part) == ident and re.search(rb"(?m)^Status: .*R", part.partition(b"\n\n")[0]):
                    self.marks += 1
                    return True
        return False

    def one_message(self, program):
        """`program(number, delete)` reads or deletes one message and saves."""
        order = self.order()
        if not order:
            return
        n = rng.randrange(len(order))
        delete = rng.random() < 0.5
        self.history[-1] += " %s %s" % (order[n], "deleted" if delete else "read")
        program(n + 1, delete)
        self.there -= set(order) - set(self.order())  # which one it took is its affair
        if not delete and self.marked(order[n]):
            self.seen.add(order[n])

    def settings(self, name, text):
        path = os.path.join(self.i.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def mutt(self):
        def run(number, delete):
            rc = self.settings("muttrc", "set sort=mailbox-order delete=yes quit=yes move=no mark_old=yes beep=no wait_key=no "
                               "sleep_time=0\nunset header_cache\nset from=a@b.example\nset mbox_type=mbox\n"
                               'push "%d<enter>%s<sync-mailbox><quit>"\n'
                               % (number, "<delete-message>" if delete else "<display-message><exit>"))
            self.terminal(["mutt", "-n", "-F", rc, "-f", self.path])
        self.one_message(run)

    def alpine(self):
        def run(number, delete):
            rc = self.settings("pinerc", "last-version-used=9.99\nlast-time-prune-questioned=200.12\nsort-key=arrival\n"
                               "read-message-folder=\nuser-domain=b.example\npersonal-name=x\ninbox-path=%s\n"
                               "feature-list=quit-without-confirm,expunge-without-confirm,"
                               "expunge-without-confirm-everywhere\n" % self.path)
            self.terminal(["alpine", "-p", rc, "-n", str(number), "-I", "i,d,q" if delete else "i,v,q", "-f", self.path])
        self.one_message(run)

    def terminal(self, argv):
        import fcntl
        import pty
        import select
        import struct
        import termios
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(HOME=self.i.dir, TERM="vt100", LINES="40", COLUMNS="120", MAIL="/nonexistent")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            os.execvp(argv[0], argv)
        end = time.monotonic() + 20
        ended = False
        while time.monotonic() < end and not ended:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    os.read(fd, 65536)
                except OSError:
                    break
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        os.close(fd)
        if not ended:
            if time.monotonic() >= end:
                os.kill(pid, 15)
            os.waitpid(pid, 0)

    def s_nail(self):
        def run(number, delete):
            command = ("delete %d\nquit\n" if delete else "type %d\nquit\n") % number
            subprocess.run(["s-nail", "-:/", "-S", "keep", "-S", "hold", "-f", self.path], input=command.encode(),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30,
                           env=dict(os.environ, HOME=self.i.dir))
        self.one_message(run)

    def formail(self):
        """A filter run over the whole file, as scripts do."""
        def write(f):
            data = f.read()
            if not data:
                return
            out = subprocess.run(["formail", "-I", "Status: RO", "-s"], input=data, stdout=subprocess.PIPE, check=True).stdout
            f.seek(0)
            f.truncate()
            f.write(out)
            self.seen |= self.there
        self.locked(write)

    def python(self):
        """Python's mailbox module: marks one read, and removes one."""
        box = mailbox.mbox(self.path, create=False)
        box.lock()
        try:
            keys = box.keys()
            if keys:
                key = rng.choice(keys)
                if rng.random() < 0.5:
                    self.there.discard(self.ident(box.get_bytes(key)))
                    box.remove(key)
                else:
                    m = box[key]
                    m.set_flags("RO")
                    ident = self.ident(box.get_bytes(key))
                    box[key] = m
                    self.seen.add(ident)
            box.flush()
        finally:
            box.unlock()
            box.close()
        st = os.stat(os.path.dirname(self.path))
        if os.geteuid() == 0:
            os.chown(self.path, self.owner[0], self.owner[1])

    def edit(self):
        """Somebody changes a subject by hand: another text."""
        def write(f):
            data = f.read()
            order = self.order()
            if not order:
                return
            ident = rng.choice(order)
            old, new = b"Subject: %s\n" % ident.encode(), b"Subject: changed %s\n" % ident.encode()
            if data.count(old) != 1:
                return
            self.texts[ident] = self.texts[ident].replace(old[:-1] + b"\r\n", new[:-1] + b"\r\n")
            f.seek(0)
            f.truncate()
            f.write(data.replace(old, new))
        self.locked(write)

    def no_index(self):
        self.index_gone = True
        shutil.rmtree(os.path.join(self.path + ".mbx", ".index"), ignore_errors=True)

    def steps(self):
        other = [(self.agent, 4), (self.in_place, 4), (self.python, 4), (self.edit, 2)]
        for name, step in (("mutt", self.mutt), ("alpine", self.alpine), ("s-nail", self.s_nail), ("formail", self.formail), ("procmail", self.procmail)):
            if shutil.which(name):
                other.append((step, 4))
            else:
                t.skip(name + " is not installed")
        own = [(self.deliver, 4), (self.lmtp, 2), (self.append, 2), (self.flag, 4), (self.expunge, 2), (self.pop, 2),
               (self.no_index, 1)]
        return own, other


with harness.Instance() as i:
    with smtplib.SMTP("localhost", i.SMTP_PORT) as s:  # makes the drop file
        pass
    c = imaplib.IMAP4("localhost", i.IMAP_PORT)
    c.login(i.USER1, i.PASS1)
    c.select("INBOX")
    c.logout()
    m = Model(i)
    st = os.stat(m.path)
    m.owner = (st.st_uid, st.st_gid)
    own, other = m.steps()
    print("seed %d" % SEED)
    choices = [s for s, n in own + other for _ in range(n)]
    end = time.monotonic() + SECONDS
    steps = 0
    while time.monotonic() < end and not t.failed:
        step = rng.choice(choices)
        m.history.append(step.__name__)
        try:
            if step == m.pop and rng.random() < 0.5:
                mean = rng.choice([s for s, n in other])
                m.history[-1] += " with " + mean.__name__
                step(mean)
            else:
                step()
        except Exception as e:
            m.fail("a step failed", repr(e))
            break
        steps += 1
        if rng.random() < 0.8:
            m.check()
        if len(m.there) > 40:
            m.history.append("expunge")
            m.expunge()
    m.check()
    print("%d steps, %d messages marked read by mutt, alpine and s-nail" % (steps, m.marks))
t.end()
