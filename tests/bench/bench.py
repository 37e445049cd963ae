#!/usr/bin/env python3
"""`make bench`: dmail beside Debian's Dovecot, the same mail, rows interleaved, a table with ratios.

    bench.py BUILD [--messages N] [--rounds R] [--rows a,b] [--before BUILD] [--out FILE]

Ratios are dmail / best Dovecot format of the row (below 1: dmail is faster; for rates above 1).  --before: the
build of another tree of dmail, in a column of its own, and dmail / that one.  Run as root on an idle machine.
Nothing is parsed inside a timed region.
"""
import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dovecot
import genmail
import harness
import logins

options = argparse.ArgumentParser()
options.add_argument("build")
options.add_argument("--messages", type=int, default=20000)
options.add_argument("--rounds", type=int, default=3)
options.add_argument("--rows", default="")
options.add_argument("--before", default="")
options.add_argument("--out", default="")
options = options.parse_args()


class Client:
    def __init__(self, target):
        self.s = socket.create_connection(("127.0.0.1", target.port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self.buffer = bytearray(1 << 20)
        self.wait(b"* OK")
        self.do("LOGIN %s %s" % (target.user, target.password))

    def wait(self, start):
        tail, total = b"", 0
        while True:
            n = self.s.recv_into(self.buffer)
            if n == 0:
                raise SystemExit("connection lost")
            total += n
            tail = (tail + bytes(self.buffer[max(0, n - 2048):n]))[-2048:]
            if tail.endswith(b"\r\n"):
                at = tail.rfind(b"\r\n", 0, -2)
                if tail[at + 2 if at >= 0 else 0:].startswith(start):
                    return tail[at + 2 if at >= 0 else 0:], total

    def do(self, command, literal=None, good=True):
        self.number += 1
        tag = b"q%d " % self.number
        if literal is None:
            self.s.sendall(tag + command.encode() + b"\r\n")
        else:
            self.s.sendall(tag + command.encode() + b" {%d+}\r\n" % len(literal) + literal + b"\r\n")
        line, total = self.wait(tag)
        if good and not line.startswith(tag + b"OK"):
            raise SystemExit("%s: %r" % (command[:60], line))
        return total

    def close(self):
        self.s.close()


class Target:
    def __init__(self, name, port, tls_port, user, password):
        self.name, self.port, self.tls_port, self.user, self.password = name, port, tls_port, user, password


def timed(f):
    start = time.perf_counter()
    f()
    return (time.perf_counter() - start) * 1000


def in_box(target, box, *commands, setup=()):
    c = Client(target)
    c.do("SELECT " + box)
    for s in setup:
        c.do(s, good=False)
    ms = timed(lambda: [c.do(x) for x in commands])
    c.close()
    return ms


BODY = b"From: a@b.example\r\nSubject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
BODY += (b"z" * 70 + b"\r\n") * 27


def row_select(t):
    c = Client(t)
    ms = timed(lambda: c.do("SELECT box"))
    c.close()
    return ms


def row_bodies(t):
    c = Client(t)
    c.do("SELECT box")
    start = time.perf_counter()
    total = c.do("FETCH 1:* BODY.PEEK[]")
    seconds = time.perf_counter() - start
    c.close()
    return total / seconds / 1e6


def row_append(t):
    c = Client(t)
    c.do("CREATE app", good=False)
    seconds = timed(lambda: [c.do("APPEND app", BODY) for _ in range(300)]) / 1000
    c.do("DELETE app", good=False)
    c.close()
    return 300 / seconds


def row_copy(t):
    c = Client(t)
    c.do("DELETE copied", good=False)
    c.do("CREATE copied")
    c.do("SELECT box")
    ms = timed(lambda: c.do("COPY 1:1000 copied"))
    c.close()
    return ms


def row_expunge(t):
    return in_box(t, "copied", "EXPUNGE", setup=["UID STORE 1:* +FLAGS.SILENT (\\Deleted)", "STORE 2:* -FLAGS.SILENT (\\Deleted)"])


def row_store_all(t):
    return in_box(t, "copied", "STORE 1:* +FLAGS (\\Answered)", setup=["STORE 1:* -FLAGS.SILENT (\\Answered)"])


def row_store_one(t):
    c = Client(t)
    c.do("SELECT copied")
    times = []
    for n in range(40):
        sign = "+-"[n % 2]
        times.append(timed(lambda: c.do("STORE 500 %sFLAGS (\\Flagged)" % sign)))
    c.close()
    return statistics.median(times)


def row_list(t):
    c = Client(t)
    ms = timed(lambda: c.do('LIST "" *'))
    c.close()
    return ms


def row_status(t):
    c = Client(t)
    ms = timed(lambda: [c.do("STATUS f%d (MESSAGES UNSEEN UIDNEXT)" % n) for n in range(100)])
    c.close()
    return ms


def sessions(t, clients, seconds=1.5):
    done = [0] * clients
    end = time.perf_counter() + seconds

    def work(k):
        while time.perf_counter() < end:
            c = Client(t)
            c.do("LOGOUT")
            c.close()
            done[k] += 1
    threads = [threading.Thread(target=work, args=(k,)) for k in range(clients)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    return sum(done) / seconds


ROWS = [
    ("sessions1", "sessions/s, one client", "rate", lambda t: sessions(t, 1)),
    ("sessions8", "sessions/s, eight clients", "rate", lambda t: sessions(t, 8)),
    ("select", "SELECT, new session", "ms", row_select),
    ("flags", "FETCH 1:* (FLAGS)", "ms", lambda t: in_box(t, "box", "FETCH 1:* (FLAGS)")),
    ("envelope", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)", "ms",
     lambda t: in_box(t, "box", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")),
    ("headers", "FETCH 1:* six header fields", "ms",
     lambda t: in_box(t, "box", "FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID REFERENCES)])")),
    ("bodies", "FETCH 1:* BODY.PEEK[], MB/s", "rate", row_bodies),
    ("body", "SEARCH BODY", "ms", lambda t: in_box(t, "box", 'SEARCH BODY "zzqq"')),
    ("unseen", "SEARCH UNSEEN", "ms", lambda t: in_box(t, "box", "SEARCH UNSEEN")),
    ("copy", "COPY of 1000", "ms", row_copy),
    ("storeall", "STORE 1:* +FLAGS, 1000", "ms", row_store_all),
    ("store1", "STORE of one", "ms", row_store_one),
    ("expunge", "EXPUNGE of one near the start", "ms", row_expunge),
    ("append", "APPEND 2 KB, messages/s", "rate", row_append),
    ("list", "LIST of 100 folders and more", "ms", row_list),
    ("status", "STATUS of 100 folders", "ms", row_status),
] + logins.ROWS


def private_kib(pids):
    total = 0
    for pid in pids:
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += sum(int(x) for x in re.findall(r"Private_(?:Clean|Dirty): +(\d+)", f.read()))
        except OSError:
            pass
    return total


def tree(root):
    children = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(pid))
        except OSError:
            pass
    todo, out = [root], []
    while todo:
        pid = todo.pop()
        out.append(pid)
        todo += children.get(pid, [])
    return out


def memory(t, root, tls, count=50):
    before = private_kib(tree(root))
    context = logins.context() if tls else None
    clients = [logins.Login(t, context) for _ in range(count)]
    time.sleep(1.5)  # buffers are given back after a second
    kib = (private_kib(tree(root)) - before) / count
    for c in clients:
        c.s.close()
    time.sleep(0.5)
    return kib


def start_dmail(dmtry):
    return harness.Instance("--imap", "0", "--imaps", "0", "--smtp", "0", "--user", "bench:pw", dmtry=dmtry)


def deliver(t, instance, mbox):
    Client(t).close()  # makes the account's files
    home = next(os.path.join(d, "bench.mbx") for d, ds, fs in os.walk(instance.dir + "/spool") if "bench.mbx" in ds)
    shutil.copyfile(mbox, home + "/delivered")
    os.chown(home + "/delivered", os.stat(home).st_uid, os.stat(home).st_gid)
    os.chmod(home + "/delivered", 0o600)
    c = Client(t)
    print("%s: first SELECT of a delivered mbox: %.0f ms" % (t.name, timed(lambda: c.do("SELECT delivered"))))
    c.do("CREATE box")
    print("%s: COPY of it into an mbx folder: %.0f ms" % (t.name, timed(lambda: c.do("COPY 1:* box"))))
    c.close()


def line(title, unit, table):
    peers = [v for n, v in table.items() if n.startswith("dovecot-")]
    ratios = [table["dmail"] / (max(peers) if unit == "rate" else min(peers))]
    if "before" in table:
        ratios.append(table["dmail"] / table["before"])
    cells = ["%.3g" % v for v in table.values()] + ["%.2f" % r for r in ratios]
    return "| %s | %s | %s |" % (title, unit, " | ".join(cells))


def main():
    if os.geteuid() != 0 or not shutil.which("dovecot"):
        sys.exit("make bench needs root and Debian's dovecot-imapd: sh tools/build/install-packages bench")
    work = harness.scratch("dmail-bench.")
    source = work + "/source"
    os.mkdir(source)
    print("making %d messages" % options.messages)
    genmail.write_mbox(source + "/box", options.messages)
    peer = dovecot.Dovecot(work)
    targets = [Target("dovecot-" + f, peer.port, peer.tls_port, f, "pw") for f in dovecot.FORMATS]
    instances = {}
    if options.before:
        instances["before"] = start_dmail(os.path.join(os.path.abspath(options.before), "bin", "dmtry"))
    instances["dmail"] = start_dmail(None)
    for name, instance in instances.items():
        targets.append(Target(name, instance.IMAP_PORT, instance.IMAPS_PORT, "bench", "pw"))
    peer.put_mbox(source + "/box", "box")
    for t in targets:
        if t.name in instances:
            deliver(t, instances[t.name], source + "/box")
    for t in targets:
        c = Client(t)
        for n in range(100):
            c.do("CREATE f%d" % n, good=False)
        c.close()
    chosen = options.rows.split(",") if options.rows else [r[0] for r in ROWS]
    ratios = ["dmail / best Dovecot"] + ["dmail / before"] * bool(options.before)
    lines = ["| row | unit | " + " | ".join([t.name for t in targets] + ratios) + " |",
             "|---|---|" + "---:|" * (len(targets) + len(ratios))]
    for key, title, unit, f in ROWS:
        if key not in chosen:
            continue
        values = {t.name: [] for t in targets}
        for _ in range(options.rounds):
            for t in targets:
                values[t.name].append(f(t))
        first = {n: v[0] for n, v in values.items()}
        middle = {n: statistics.median(v) for n, v in values.items()}
        for label, table in ([("first time: " + title, first)] if key == "envelope" else []) + [(title, middle)]:
            lines.append(line(label, unit, table))
            print(lines[-1], flush=True)
    for title, tls in (("private memory of an idle session", False), ("the same, over TLS", True)):
        kib = {t.name: memory(t, instances.get(t.name, peer).process.pid, tls) for t in targets}
        lines.append(line(title, "KiB", kib))
    print("\n".join(lines))
    if options.out:
        with open(options.out, "w") as f:
            f.write("`tests/bench/bench.py --messages %d --rounds %d`\n\n" % (options.messages, options.rounds) + "\n".join(lines) + "\n")
    for instance in instances.values():
        instance.stop()
    peer.stop()


main()
