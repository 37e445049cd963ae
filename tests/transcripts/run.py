#!/usr/bin/env python3
"""Runs transcripts: conversations with a session program over a socketpair, as an unprivileged user.

    tests/transcripts/run.py [--bin DIR] [--keep] [-v] [FILE.t | DIRECTORY]...

README says how a transcript is written.  Prints "N passed, N failed, N skipped"; exit status 1
when one failed.  Python's standard library only.
"""
import argparse
import fcntl
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
NOBODY = 65534
os.umask(0o022)  # whatever the shell has that starts us
LINE_TIMEOUT = 60.0
VARIABLE = re.compile(r"\$([a-z][a-z0-9_]*)")
SPEECH = re.compile(r"([CSRH])([0-9a-z]*): ?(.*)$", re.S)


class Failure(Exception):
    """The program did not answer as the transcript says."""


class Skip(Exception):
    """The transcript cannot be run here."""


def own(path):
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)


class Connection:
    """One started program and what it said so far."""

    def __init__(self, run, name):
        self.run = run
        self.name = name
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.buffer = b""
        self.ended = False
        self.greeted = False
        self.error_path = os.path.join(run.dir, "stderr" + name)
        options = {"stdin": theirs, "stdout": theirs, "stderr": open(self.error_path, "wb")}
        if os.geteuid() == 0:
            options.update(user=NOBODY, group=NOBODY, extra_groups=[])
        arguments = [run.program] + run.arguments()
        start = run.start_text()
        if start is not None:
            arguments = ["/bin/sh", "-c", 'exec "$0" 3<"$1"', run.program, run.write_file("start", start)]
        self.process = subprocess.Popen(arguments, cwd=run.dir, **options)
        theirs.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Failure("cannot send %r: %s" % (data[:60], error)) from error

    def line(self, timeout=LINE_TIMEOUT):
        """The next line without its end; None at the end of the connection."""
        limit = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            if self.ended:
                if self.buffer:
                    raise Failure("the connection ended in a line: %r" % self.buffer)
                return None
            ready, _, _ = select.select([self.socket], [], [], max(0, limit - time.monotonic()))
            if not ready:
                raise Failure("no answer within %g s (so far %r)" % (timeout, self.buffer[:200]))
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            self.ended = not data
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Failure("a line of the program ends in a bare LF: %r" % line)
        return line[:-1].decode("latin-1")

    def rest(self):
        """Output that the transcript has not asked for."""
        while not self.ended and select.select([self.socket], [], [], 0.05)[0]:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            self.ended = not data
            self.buffer += data
        return self.buffer

    def close(self):
        self.socket.close()
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("session %s did not end after its connection was closed" % self.name) from None
        with open(self.error_path, "rb") as errors:
            said = errors.read().decode("latin-1")
        if status < 0 or "ERROR: " in said or "runtime error" in said:
            raise Failure("session %s ended with status %d\n%s" % (self.name, status, said[-3000:]))


class Transcript:
    def __init__(self, path, options):
        self.path = path
        self.options = options
        with open(path, encoding="latin-1") as text:
            self.lines = text.read().split("\n")
        self.at = 0
        self.program_name = "imapd-session"
        self.settings = []
        self.quota = None
        self.start = {}
        self.pending = ""
        self.args = None
        self.variables = {}
        self.connections = {}
        self.skipping = {}
        self.dir = tempfile.mkdtemp(prefix="dmail-transcript-")
        os.chmod(self.dir, 0o755)
        own(self.dir)

    # ---- fixtures
    def write_file(self, name, text, append=False):
        path = os.path.join(self.dir, name)
        parent = os.path.dirname(path)
        while not os.path.isdir(parent):
            os.makedirs(parent, 0o700)
            own(parent)
            parent = os.path.dirname(parent)
        with open(path, "ab" if append else "wb") as out:
            if append:
                fcntl.lockf(out, fcntl.LOCK_EX)
            out.write(text.encode("latin-1"))
        os.chmod(path, 0o600)
        own(path)
        return path

    def mailbox_file(self, name):
        return "joe" if name == "INBOX" else os.path.join("joe.mbx", name)

    def block(self):
        """The lines up to END; a leading "| " protects lines that look like directives."""
        out = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line == "END":
                return out
            out.append(line[2:] if line.startswith("| ") else line)
        raise Failure("END is missing")

    # ---- how the program is started
    @property
    def program(self):
        path = os.path.join(self.options.staged, self.program_name)
        if not os.path.exists(path):
            raise Skip("%s is not built" % self.program_name)
        return path

    def arguments(self):
        if self.args is not None:
            return [self.fill(word) for word in shlex.split(self.args)]
        out = ["--user", "joe", "--drop", os.path.join(self.dir, "joe"),
               "--folders", os.path.join(self.dir, "joe.mbx")]
        if self.quota is not None:
            out += ["--quota", self.quota]
        for setting in self.settings:
            out += ["--set", setting]
        return out

    def start_text(self):
        """The monitor's text for descriptor 3, when the transcript has a START line."""
        if not self.start:
            return None
        facts = {"service": "imap", "user": "joe", "drop": os.path.join(self.dir, "joe"),
                 "folders": os.path.join(self.dir, "joe.mbx")}
        facts.update(self.start)
        if self.quota is not None:
            facts["quota"] = self.quota
        out = "dmail-start 1\n" + "".join("%s %s\n" % pair for pair in facts.items())
        out += "".join("set %s\n" % setting for setting in self.settings)
        return out + "pending %d\n%s" % (len(self.pending), self.pending)

    # ---- the conversation
    def fill(self, text):
        text = text.replace("{dir}", self.dir).replace("{drop}", os.path.join(self.dir, "joe"))
        return VARIABLE.sub(lambda m: self.variables.get(m.group(1), m.group(0)), text)

    def pattern(self, text):
        out, names, at = "", set(), 0
        for token in re.finditer(r"\.\.\.|\$[a-z][a-z0-9_]*", text):
            out += re.escape(text[at:token.start()])
            at = token.end()
            name = token.group(0)[1:]
            if token.group(0) == "...":
                out += ".*"
            elif name in self.variables:
                out += re.escape(self.variables[name])
            elif name in names:
                out += "(?P=%s)" % name
            else:
                names.add(name)
                out += "(?P<%s>[^ ]+?)" % name
        return re.compile(out + re.escape(text[at:]), re.S)

    def connection(self, name):
        if name not in self.connections:
            self.connections[name] = Connection(self, name)
        return self.connections[name]

    def speak(self, kind, name, text):
        connection = self.connection(name)
        if kind == "S":
            connection.greeted = True
            return self.listen(connection, text)
        if not connection.greeted:
            connection.greeted = True
            connection.line()
        if kind == "C":
            connection.send(self.fill(text).encode("latin-1") + b"\r\n")
        elif kind == "R":
            connection.send(self.fill(text).encode("latin-1").decode("unicode_escape").encode("latin-1"))
        else:
            connection.socket.shutdown(socket.SHUT_WR)

    def listen(self, connection, text):
        if text == "...":
            self.skipping[connection.name] = True
            return
        skipping = self.skipping.pop(connection.name, False)
        passed = []
        while True:
            line = connection.line()
            if self.options.verbose:
                print("    S%s: %s" % (connection.name, line))
            if text == "<END>":
                if line is None:
                    return
            elif line is None:
                raise Failure("the connection ended; expected %s\nafter %r" % (text, passed[-20:]))
            else:
                match = self.pattern(self.expand(text)).fullmatch(line)
                if match:
                    self.variables.update(match.groupdict())
                    return
            passed.append(line)
            if not skipping:
                raise Failure("expected  %s\n        got       %s" % (text, line))

    def expand(self, text):
        return text.replace("{dir}", self.dir).replace("{drop}", os.path.join(self.dir, "joe"))

    def directive(self, line):
        word, _, rest = line.partition(" ")
        if word == "PROGRAM":
            self.program_name = rest
        elif word == "SETTING":
            self.settings.append(rest)
        elif word == "QUOTA":
            self.quota = rest
        elif word == "ARGS":
            self.args = rest
        elif word == "START":
            name, _, value = rest.partition(" ")
            self.start[name] = value
        elif word == "PENDING":
            self.pending = rest.encode("latin-1").decode("unicode_escape")
        elif word in ("MAILBOX", "DELIVER"):
            body = "".join(text + "\n" for text in self.block())
            self.write_file(self.mailbox_file(rest), body, append=word == "DELIVER")
        elif word == "MESSAGES":  # MESSAGES INBOX 5: numbered small ones
            name, count = rest.split()
            body = "".join("From joe@example.org Sat Dec 26 09:37:48 1998\nSubject: message %d\n\nbody %d\n\n"
                           % (n, n) for n in range(1, int(count) + 1))
            self.write_file(self.mailbox_file(name), body)
        elif word == "FILE":
            self.write_file(rest, "".join(text + "\n" for text in self.block()))
        elif word == "SIGNAL":
            name, _, which = rest.partition(" ")
            self.connection("" if which == "" else which).process.send_signal(
                getattr(signal, "SIG" + name))
        elif word == "REPEAT":  # REPEAT 20000 text: raw, as after R:, so many times
            count, _, text = rest.partition(" ")
            self.speak("R", "", text * int(count))
        elif word == "LINK":  # LINK path target: a symbolic link
            name, _, target = rest.partition(" ")
            self.write_file(name, "")
            os.unlink(os.path.join(self.dir, name))
            os.symlink(self.fill(target), os.path.join(self.dir, name))
        elif word == "FIFO":
            os.mkfifo(os.path.join(self.dir, rest), 0o600)
            own(os.path.join(self.dir, rest))
        elif word == "DIRECTORY":
            os.mkdir(os.path.join(self.dir, rest), 0o700)
            own(os.path.join(self.dir, rest))
        elif word == "MODE":
            name, _, mode = rest.partition(" ")
            os.chmod(os.path.join(self.dir, name), int(mode, 8))
        elif word == "HOLDS":  # HOLDS path text: the whole file, with escapes
            name, _, text = rest.partition(" ")
            with open(os.path.join(self.dir, name), "rb") as file:
                found = file.read().decode("latin-1")
            wanted = text.encode("latin-1").decode("unicode_escape")
            if found != wanted:
                raise Failure("%s holds %r, not %r" % (name, found[:300], wanted))
        elif word == "ABSENT":
            if os.path.lexists(os.path.join(self.dir, rest)):
                raise Failure(rest + " is there")
        elif word == "KILL":
            connection = self.connections.pop(rest)
            connection.process.kill()
            connection.process.wait()
            connection.socket.close()
        elif word == "CLOSE":
            self.connections.pop(rest).close()
        elif word == "SLEEP":
            time.sleep(float(rest))
        elif word == "NEEDS":
            if not eval(rest, {"os": os, "shutil": shutil}):  # pylint: disable=eval-used
                raise Skip("needs " + rest)
        else:
            raise Failure("unknown line: " + line)

    def run(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if not line.strip() or line.startswith("#"):
                continue
            speech = SPEECH.match(line)
            if self.options.verbose:
                print("  " + line)
            if speech:
                self.speak(*speech.groups())
            else:
                self.directive(line)
        for connection in self.connections.values():
            left = connection.rest()
            if left and not self.skipping.get(connection.name):
                raise Failure("session %s said more: %r" % (connection.name, left[:300]))
        for name in list(self.connections):
            self.connections.pop(name).close()

    def clean(self):
        for connection in self.connections.values():
            connection.process.kill()
            connection.process.wait()
            connection.socket.close()
        if self.options.keep:
            print("  kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def run_one(path, options):
    """'passed', 'failed' or 'skipped'."""
    name = os.path.relpath(path, HERE)
    transcript = Transcript(path, options)
    try:
        transcript.run()
    except Skip as reason:
        print("skipped %s: %s" % (name, reason))
        return "skipped"
    except Failure as failure:
        print("FAILED %s:%d: %s" % (name, transcript.at, failure))
        return "failed"
    except Exception:  # pylint: disable=broad-except
        print("FAILED %s:%d: the runner itself" % (name, transcript.at))
        traceback.print_exc()
        return "failed"
    finally:
        transcript.clean()
    return "passed"


def collect(paths):
    found = []
    for path in paths:
        if os.path.isdir(path):
            for folder, _, files in os.walk(path):
                found += [os.path.join(folder, f) for f in files if f.endswith(".t")]
        else:
            found.append(path)
    return sorted(found)


def stage(options):
    """The programs where the unprivileged user can run them (the tree may be private)."""
    options.staged = tempfile.mkdtemp(prefix="dmail-bin-")
    os.chmod(options.staged, 0o755)
    for name in os.listdir(options.bin) if os.path.isdir(options.bin) else []:
        if "session" in name or "deliver" in name:
            shutil.copy(os.path.join(options.bin, name), options.staged)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=os.path.join(TOP, "build", "bin"), help="built programs")
    parser.add_argument("--keep", action="store_true", help="keep the working directories")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("paths", nargs="*", default=[HERE])
    options = parser.parse_args()
    stage(options)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for path in collect(options.paths):
            counts[run_one(path, options)] += 1
    finally:
        shutil.rmtree(options.staged, ignore_errors=True)
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
