#!/usr/bin/env python3
"""Power losses: no acknowledged mail is lost, nothing else appears, no side file is believed.

    test_powerloss.py BUILD [--images N] [--seed S] [--history H [--image I [--keep]]]

Records histories (history.py) of real programs, makes images of the disk as the loss of power at some point may leave it
(disk.py), opens each with the real programs (witness.py), and delivers more.  In one of eight a second loss comes while
the first is being repaired.  Without options 300 images of a fixed seed; `make soak` makes 5,000 of a new one (seed 0).
"""
import argparse
import atexit
import concurrent.futures
import multiprocessing
import os
import random
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "faults"))
import harness
from disk import KINDS, Disk, events
from history import History
from witness import Witness

SEED, IMAGES, PER_HISTORY, LENGTH = 20261201, 300, 50, 20
TARGETS = ("INBOX", "Mbx", "Mbox")


class Stage:
    """Builds images in the place of the tree that was recorded, from the very files of it: side files name their
    mail file by its inode, and shall be believed if ever they may."""

    def __init__(self, root, pool, disk):
        self.root, self.pool, self.disk = root, pool, disk
        os.mkdir(pool)
        for folder, _, files in os.walk(root):
            for name in files:
                path = os.path.join(folder, name)
                number = disk.of_inode[os.stat(path).st_ino]
                if not os.path.exists(pool + "/%d" % number):
                    os.link(path, pool + "/%d" % number)

    def show(self, paths, contents, mtimes):
        for name in os.listdir(self.root):
            path = self.root + "/" + name
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        for number, content in contents.items():
            with open(os.open(self.pool + "/%d" % number, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
                f.write(content)
        for path in sorted(paths):
            number, whole = paths[path], self.root + "/" + path
            if number in self.disk.folders:
                os.mkdir(whole, 0o700)
            else:
                os.link(self.pool + "/%d" % number, whole)
                # A machine takes a while to start: dotlocks are old by then.
                os.utime(whole, ns=(mtimes[number] - (300 * 10**9 if path.endswith(".lock") else 0),) * 2)


class Recording:
    """A replayed log: the disk, where power may go, and what clients knew at each event."""

    def __init__(self, disk, log, steps=()):
        self.disk, self.sent, self.acked, self.weights = disk, {}, {}, []
        self.lines = []  # for people
        self.steps = steps
        started, said, current = not steps, b"", None
        for event, data in events(log):
            disk.replay(event, data)
            if current is not None and steps[current].what.startswith("foreign") and event["op"] == "write":
                disk.replay({"op": "sync", "ino": event["ino"]}, b"")  # what other agents leave is not judged here
                self.weights.append(0)
                self.lines.append("%d (sync)" % disk.last)
            if event["op"] == "note":
                current, started = event["step"], True
                (self.sent if "sent" in event else self.acked).setdefault(current, disk.last)
                said = b""
            elif event["op"] == "out" and current is not None:
                said += data
                if steps[current].ack and re.search(steps[current].ack, said):
                    self.acked.setdefault(current, disk.last)
            self.weights.append(self._weight(event) if started else 0)
            called = disk.called.get(disk.of_inode.get(event.get("ino")), "")
            self.lines.append("%d %s %s %s" % (disk.last, {k: v for k, v in event.items() if k != "mtime"}, called, data[:60]))

    def _weight(self, event):
        """How much there is to learn from a loss just behind `event`: much when a command is answered and something is
        not on the disk, or when something is written while something else is not, as order is everything then."""
        loose = sum(1 for thing in self.disk.loose if self.disk.matters(thing))
        if event["op"] in ("out", "note"):
            return 3 + 12 * loose
        thing = self.disk.of_inode.get(event.get("ino"))
        name = event.get("name")
        if event["op"] != "sync" and not (name and self.disk.matters_name(name) or thing and self.disk.matters(thing)):
            return 0.2
        return 4 + 20 * max(loose - 1, 0)

    def point(self, r):
        """The kind of command first, then one of those, then an event of it: each has its share."""
        # Where something is written while something else is not on the disk: a third of all images.
        hot = [at for at, weight in enumerate(self.weights) if weight >= 24]
        if hot and r.random() < 0.34:
            return r.choice(hot), "overtaken" if r.random() < 0.5 else r.choice(KINDS)
        by_verb = {}
        for n in self.sent:
            if n in self.acked:
                by_verb.setdefault(self.steps[n].verb(), []).append(n)
        if not by_verb:
            first, last = 0, len(self.weights)
        else:
            verb = r.choices(sorted(by_verb), [0.3 if v in ("SELECT", "UID FETCH") else 1 for v in sorted(by_verb)])[0]
            n = r.choice(by_verb[verb])
            first, last = self.sent[n], min(self.acked[n] + 3, len(self.weights))
        return first + r.choices(range(last - first), self.weights[first:last])[0], r.choice(KINDS)


class Rig:
    def __init__(self, base, seed, number):
        self.seed, self.number = seed, number
        self.place = "%s/%d-%d" % (base, seed, number)
        os.makedirs(self.place)
        self.root = self.place + "/drop"
        r = random.Random("%d/%d" % (seed, number))
        large = number // len(TARGETS) % 2 == 1
        # (A short path: it takes the place of another in the program.)
        self.boots = ["%s/%s%d" % (base, letter, number) for letter in "bc"]
        self.history = History(self.place, self.boots[0], program, r, TARGETS[number % len(TARGETS)], large, LENGTH)
        disk = Disk(self.root)
        self.history.go_on()
        self.recording = Recording(disk, self.history.log, self.history.steps)
        self.stage = Stage(self.root, self.place + "/pool", disk)

    def image(self, number):
        """Complaints, and a line that says which image it was."""
        r = random.Random("%d/%d/%d" % (self.seed, self.number, number))
        rec, steps = self.recording, self.history.steps
        at, kind = rec.point(r)
        self.at = at
        *tree, note = rec.disk.image(at, kind, r)
        self.stage.show(*tree)
        done = [n for n in rec.acked if rec.acked[n] <= at]
        under_way = [n for n in rec.sent if rec.sent[n] <= at and n not in done]
        before = steps[max(done)].after if done else steps[0].before
        after = steps[under_way[0]].after if under_way else before
        facts = [f for n in done for f in steps[n].facts]
        names = sorted(n for n in set(before) | set(after) if not n.startswith("("))
        line = "%s after event %d of %d, in step %s, %s" % (
            self.history.target, at, rec.disk.last, steps[max(done + under_way, default=0)].what, note)
        witness = Witness(program, self.root, self.place + "/errors")
        if r.random() < 0.125:
            line += "; then " + self.second(witness, names, r, number)
        seen, subscribed = witness.look(names)
        witness.compare(seen, subscribed, before, after, self.history.digests)
        witness.uids(seen, facts, before, after, self.history.foreign)
        witness.independent(seen)
        if not witness.complaints:
            seen = witness.go_on(seen, self.history.digests, 9000 + 2 * number)
        if not witness.complaints and r.random() < 0.3:
            witness.pop(seen["INBOX"])
        return witness.complaints, line

    def second(self, witness, names, r, number):
        """Power goes again while the image is opened for the first time."""
        log, boot = self.place + "/log2", self.boots[1]
        with open(boot, "w") as f:
            f.write("00000000-3333-4444-5555-%012x\n" % r.randrange(1 << 48))
        if os.path.exists(log):
            os.unlink(log)
        disk = Disk(self.root)
        witness.look(names, before=(program("recorder"), "--log", log, "--below", self.root, "--boot", boot, "--"))
        witness.complaints.clear()  # they are those of the images that were looked at once
        rec = Recording(disk, log)
        pool = "%s/pool-%d" % (self.place, number)
        stage = Stage(self.root, pool, disk)
        at, kind = rec.point(r)
        *tree, note = disk.image(at, kind, r)
        stage.show(*tree)
        shutil.rmtree(pool)
        return "event %d of %d, %s" % (at, disk.last, note)


def program(name):
    return harness.program(name)


def work(base, seed, number, images, keep):
    """A history and its images: (images made, failures)."""
    failures = []
    try:
        rig = Rig(base, seed, number)
    except (RuntimeError, ValueError, OSError) as e:
        return 0, ["history %d of seed %d could not be recorded: %s: %s" % (number, seed, type(e).__name__, e)]
    for image in images:
        complaints, line = rig.image(image)
        if complaints:
            if len(images) == 1:
                failures += rig.recording.lines[max(0, rig.at - 25):rig.at + 3]
            failures.append("image %d (%s): %s\n    again: tests/powerloss/test_powerloss.py %s --seed %d --history %d --image %d" % (
                image, line, "; ".join(complaints[:6]), harness.BUILD, seed, number, image))
    if not keep:
        shutil.rmtree(rig.place)
    return len(images), failures


def unprivileged():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(harness.NOBODY)
        os.setuid(harness.NOBODY)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build", nargs="?")
    p.add_argument("--images", type=int, default=int(os.environ.get("DMAIL_POWERLOSS_IMAGES", IMAGES)))
    p.add_argument("--seed", type=int, default=int(os.environ.get("DMAIL_POWERLOSS_SEED", SEED)))
    p.add_argument("--history", type=int)
    p.add_argument("--image", type=int)
    p.add_argument("--keep", action="store_true")
    a = p.parse_args()
    recorder = os.path.join(harness.BUILD, "tests", "recorder")
    if not os.path.exists(recorder):
        print("skipped: the recorder is not built")
        sys.exit(77)
    shutil.copy2(recorder, program("recorder"))
    seed = a.seed or random.SystemRandom().randrange(1, 1 << 31)
    base = harness.scratch("dmail-power.")
    os.chmod(base, 0o777)
    if a.keep:
        atexit.unregister(shutil.rmtree)
    jobs = []
    for number in range((a.images + PER_HISTORY - 1) // PER_HISTORY) if a.history is None else [a.history]:
        images = range(min(PER_HISTORY, a.images - number * PER_HISTORY)) if a.history is None else range(PER_HISTORY)
        jobs.append((base, seed, number, images if a.image is None else [a.image], a.keep))
    t, made, began = harness.Suite(), 0, time.process_time()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context, initializer=unprivileged) as pool:
        for job, (count, failures) in zip(jobs, pool.map(work, *zip(*jobs))):
            made += count
            t.check("seed %d, history %d" % (seed, job[2]), not failures)
            if failures:
                print("\n".join([*failures[:60], "%d in all" % len(failures)]))
    used = os.times()
    print("seed %d: %d images, %.0f s of CPU" % (seed, made, used.children_user + used.children_system + time.process_time() - began))
    t.end()


if __name__ == "__main__":
    main()
