"""What a disk may hold after the power is gone: the recorder's log replayed, and images made from it.

What it believes of disks (README says it in prose):
  * a sync of a file brings all of that file to the disk, its length too, but not its name; a sync of a directory
    brings the names in it, not what they lead to;
  * what was not synced is there or not, each sector of 512 octets for itself, with what it held at any time since the
    last sync; a sector holds what was written to it up to some time, never a later write without an earlier one;
  * what sync_file_range brought is there before any later write to the file is;
  * the length of a file is that of any time since the sync, whatever its sectors hold; where none came, there are zeros;
  * a rename is one step, on the disk when both directories are synced; names come and go in any order otherwise, a
    later change of the same name never without the earlier.
"""
import json
import os

SECTOR = 512
KINDS = ("nothing", "all", "in order", "one lost", "one lost", "one lost", "one kept", "one kept", "names lost", "names kept", "each",
         "each", "torn", "torn", "zeros", "front lost")


class File:
    """Versions of the content, each with the number of the event that made it; which of them are surely on disk."""

    def __init__(self, event, content=b"", mtime=0):
        self.versions = [(event, content, mtime)]
        self.synced = []  # (event, number of the version)
        self.order = []   # numbers of versions: their sectors come before later ones (sync_file_range)

    def change(self, event, content, mtime):
        self.versions.append((event, content, mtime))

    def range_at(self, event):
        """The last version that is surely on disk at `event`, and the last that there is."""
        surely = max([v for e, v in self.synced if e <= event], default=0)
        last = max([n for n, v in enumerate(self.versions) if v[0] <= event], default=0)
        return surely, last


class Name:
    """A change of names: what it takes away and puts there, {(directory, name): file or directory or None}."""

    def __init__(self, event, puts, directories):
        self.event, self.puts, self.waits_for, self.durable = event, puts, set(directories), None


def events(path):
    with open(path, "rb") as f:
        while line := f.readline():
            event = json.loads(line)
            yield event, f.read(event.get("bytes", 0))


class Disk:
    """The tree below `root` as it stands, then everything that a log says happened to it.

    Files and directories have numbers of their own, as inodes are used again."""

    def __init__(self, root):
        self.files, self.folders, self.of_inode, self.names, self.start = {}, {}, {}, [], {}
        self.called = {}  # the first name of each file, for people
        self.loose = set()  # what is not surely on the disk now: files, and changes of names
        self.count, self.last = 0, -1
        self.root = self._take_in(root)

    def _new(self, inode, content=None, event=-1, mtime=0):
        self.count += 1
        self.of_inode[inode] = self.count
        if content is not None:
            self.files[self.count] = File(event, content, mtime)
        return self.count

    def _take_in(self, path):
        number = self._new(os.stat(path).st_ino)
        self.folders[number] = path
        for entry in sorted(os.scandir(path), key=lambda e: e.name):
            if entry.is_dir(follow_symlinks=False):
                self.start[number, entry.name] = self._take_in(entry.path)
            else:
                with open(entry.path, "rb") as f:
                    st = os.fstat(f.fileno())
                    known = self.of_inode.get(st.st_ino)
                    self.start[number, entry.name] = known or self._new(st.st_ino, f.read(), -1, st.st_mtime_ns)
                self.called.setdefault(self.start[number, entry.name], entry.name)
        return number

    def now(self):
        tree = dict(self.start)
        for change in self.names:
            tree.update(change.puts)
        return tree

    def replay(self, event, data):
        """One event of the log; events that are none of ours only count."""
        self.last += 1
        at, op = self.last, event["op"]
        if op == "unknown":
            raise ValueError("the recorder does not understand a change: " + event["call"])
        ino = self.of_inode.get(event.get("ino"))
        folder, name = self.of_inode.get(event.get("dir")), event.get("name")
        if op in ("write", "size"):
            if ino is None:
                ino = self._new(event["ino"], b"", at)
            old = self.files[ino].versions[-1][1]
            if op == "write":
                old = old.ljust(event["off"], b"\0")
                new = old[:event["off"]] + data + old[event["off"] + len(data):]
            else:
                new = old[:event["size"]].ljust(event["size"], b"\0")
            self.files[ino].change(at, new, event["mtime"])
            self.loose.add(ino)
        elif op == "sync" and ino in self.files:
            self.files[ino].synced.append((at, len(self.files[ino].versions) - 1))
            self.loose.discard(ino)
        elif op == "order":
            if ino in self.files:
                self.files[ino].order.append(len(self.files[ino].versions) - 1)
        elif op == "sync":
            for change in self.names:
                change.waits_for.discard(ino)
                if not change.waits_for and change.durable is None:
                    change.durable = at
                    self.loose.discard(change)
        elif op == "create":
            ino = self._new(event["ino"], b"", at)
            if name is not None:
                self._names(at, {(folder, name): ino})
        elif op == "mkdir":
            ino = self._new(event["ino"])
            self.folders[ino] = name
            self._names(at, {(folder, name): ino})
        elif op == "link":
            self._names(at, {(folder, name): ino})
        elif op in ("unlink", "rmdir"):
            self.loose.discard(self.now().get((folder, name)))
            self._names(at, {(folder, name): None})
        elif op == "rename":
            folder2, name2, tree = self.of_inode.get(event["dir2"]), event["name2"], self.now()
            left = tree.get((folder2, name2)) if event.get("exchange") else None
            self._names(at, {(folder, name): left, (folder2, name2): tree.get((folder, name))})

    def _names(self, at, puts):
        for (_, name), number in puts.items():
            self.called.setdefault(number, name)
        self.names.append(Name(at, puts, {folder for folder, _ in puts}))
        self.loose.add(self.names[-1])

    def matters(self, thing):
        """Not what the programs may lose at any time."""
        names = [n for _, n in thing.puts] if isinstance(thing, Name) else [self.called.get(thing, "")]
        return all(self.matters_name(n) for n in names)

    @staticmethod
    def matters_name(name):
        return bool(name) and not any(x in name for x in (".idx", ".cache", "lock", "quota"))

    def image(self, at, kind, random):
        """(tree, contents, a few words) of an image of the disk after event `at`: {path: number}, {number: octets}."""
        return Image(self, at, kind, random).made()


class Image:
    def __init__(self, disk, at, kind, random):
        self.disk, self.at, self.kind, self.random = disk, at, kind, random
        pending = [c for c in disk.names if c.event <= at]
        self.sure = self._with_what_they_need(pending)
        self.loose = [c for c in pending if c not in self.sure]
        self.open = [n for n, f in disk.files.items() if f.versions[0][0] <= at and len(set(f.range_at(at))) > 1]

    def _with_what_they_need(self, changes):
        """Those on disk, and the earlier ones of the same names: they cannot be missing."""
        sure, keys = [], set()
        for c in reversed(changes):
            if (c.durable is not None and c.durable <= self.at) or keys & set(c.puts):
                sure.insert(0, c)
                keys |= set(c.puts)
        return sure

    def _kept(self, wanted):
        """Of the loose changes those wanted, but none whose name had an earlier one that is not there."""
        out, lost = [], set()
        for c in self.loose:
            if wanted(c) and not lost & set(c.puts):
                out.append(c)
            else:
                lost |= set(c.puts)
        return out

    def made(self):
        choose, note = self._choose()
        kept = self._kept(lambda c: choose("name", c))
        tree = dict(self.disk.start)
        for change in sorted(self.sure + kept, key=lambda c: c.event):
            tree.update(change.puts)
        contents, mtimes = {}, {}
        for number in set(v for v in tree.values() if v in self.disk.files):
            f = self.disk.files[number]
            surely, last = f.range_at(self.at)
            if surely == last or number not in self.open:
                contents[number] = f.versions[last][1]
            else:
                contents[number] = choose("file", number)
            # The time that the side files know it by, or they would not be put to the test.
            mtimes[number] = f.versions[last][2]
        paths = {}
        self._walk(tree, self.disk.root, "", paths)
        return paths, contents, mtimes, note

    def _walk(self, tree, folder, prefix, out, level=0):
        for (parent, name), number in tree.items():
            if parent != folder or number is None:
                continue
            out[prefix + name] = number
            if number in self.disk.folders and level < 20:
                self._walk(tree, number, prefix + name + "/", out, level + 1)

    def _version(self, number, which):
        f = self.disk.files[number]
        surely, last = f.range_at(self.at)
        if which == "before":
            return max([n for n, v in enumerate(f.versions) if v[0] <= self.until and n <= last], default=surely)
        return {"old": surely, "new": last}[which]

    def _whole(self, number, which):
        return self.disk.files[number].versions[max(self._version(number, which), self._version(number, "old"))][1]

    def _choose(self):
        """A function that says of a change of names whether it is there and of a file what is in it, and a note."""
        r, kind = self.random, self.kind
        things = [("file", n) for n in self.open] + [("name", c) for c in self.loose]
        weight = [1 if self._is_cache(t) else 6 for t in things]
        if kind == "all" or not things:
            return self._sides(lambda t: True), "all"
        if kind == "nothing":
            return self._sides(lambda t: False), kind
        if kind == "overtaken":
            # Something of what matters did not come, and all that was written later did.
            order = sorted((t for t in things if not self._is_cache(t)), key=self._changed)
            one = r.choice(order[:-1] or things)
            return self._sides(lambda t: t != one), "overtaken: " + self._called(one)
        if kind in ("one lost", "one kept"):
            one = r.choices(things, weight)[0]
            return self._sides(lambda t: (t == one) == (kind == "one kept")), "%s: %s" % (kind, self._called(one))
        if kind in ("names lost", "names kept"):
            return self._sides(lambda t: (t[0] == "name") == (kind == "names kept")), kind
        if kind == "in order":
            self.until = r.randint(min(self.disk.files[n].versions[self._version(n, "old")][0] for n in self.open)
                                   if self.open else 0, self.at)
            return (lambda what, t: self._whole(t, "before") if what == "file" else t.event <= self.until), "up to %d" % self.until
        if kind in ("torn", "zeros", "front lost"):
            one = r.choice([n for n in self.open if not self._is_cache(("file", n))] or self.open or [None])

            def torn(what, t):
                if what == "name":
                    return True
                if t != one:
                    return self._whole(t, "new")
                if kind == "front lost":
                    return self._without_front(t)
                return self._sectors(t, self._version(t, "new") if kind == "zeros" else None, kind == "zeros")
            return torn, "%s: %s" % (kind, self._called(("file", one)))

        def each(what, t):
            if what == "name":
                return r.random() < 0.5
            return r.choice((lambda: self._whole(t, "old"), lambda: self._whole(t, "new"), lambda: self._sectors(t, None, False)))()
        return each, kind

    def _changed(self, thing):
        what, t = thing
        return t.event if what == "name" else self.disk.files[t].versions[self._version(t, "new")][0]

    def _sides(self, kept):
        def choose(what, t):
            there = kept((what, t))
            return there if what == "name" else self._whole(t, "new" if there else "old")
        return choose

    def _without_front(self, number):
        """All of what was appended, but the sector where it begins is as it was before; now and then others are, too."""
        f = self.disk.files[number]
        surely, last = f.range_at(self.at)
        some = self._in_order(f, range(surely, last + 1))
        old, new = f.versions[some[0]][1], f.versions[some[-1]][1]
        front = len(old) // SECTOR * SECTOR
        out = new[:front] + old[front:].ljust(SECTOR, b"\0") + new[front + SECTOR:]
        for at in range(front + SECTOR, len(new), SECTOR):
            if self.random.random() < 0.1:
                out = out[:at] + old[at:at + SECTOR].ljust(SECTOR, b"\0") + out[at + SECTOR:]
        return out[:len(new)]

    def _in_order(self, f, some):
        """Of those versions: all of that one's sectors, or none of later ones; the length is another matter."""
        surely, last = f.range_at(self.at)
        for v in f.order:
            if surely < v < last:
                late = self.random.random() < 0.5
                some = [n for n in some if (n >= v if late else n <= v)] or [v]
        return some

    def _sectors(self, number, length_of, only_old_and_new):
        """Each sector as it was at some time, under the length of some time."""
        r, f = self.random, self.disk.files[number]
        surely, last = f.range_at(self.at)
        some = [surely, last] if only_old_and_new else range(surely, last + 1)
        if not only_old_and_new and r.random() < 0.5:
            some = [max(surely, last - 1), last]  # the last write is torn
        size = len(f.versions[r.choice(some) if length_of is None else length_of][1])
        some = self._in_order(f, some)
        out = b""
        for at in range(0, size, SECTOR):
            out += f.versions[r.choice(some)][1][at:at + SECTOR].ljust(SECTOR, b"\0")
        return out[:size]

    def _called(self, thing):
        what, t = thing
        if what == "name":
            return ", ".join("%s %s" % (n, "gone" if v is None else "= #%d" % v) for (_, n), v in t.puts.items())
        return "%s (#%s)" % (self.disk.called.get(t, "a file without a name"), t)

    def _is_cache(self, thing):
        return not self.disk.matters(thing[1])
