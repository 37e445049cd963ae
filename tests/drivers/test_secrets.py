#!/usr/bin/env python3
"""What is left in the memory of the programs that face the network, for who takes one over late.

After the handshake: neither the server's private key nor the keys of session tickets.  After a login (the relay
of imapd and dpopd, the session of dsmtpd): no password, whether it was right or wrong, nor its base64.  A
resident nwauth keeps no password that it was asked about.  Read through /proc/PID/mem, as root.
"""
import base64
import os
import re
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

harness.need("openssl")
if os.geteuid() != 0:
    print("skipped: looking into other processes takes root")
    sys.exit(77)
t = harness.Suite()
home = harness.scratch()
PROGRAMS = {"imap": "imapd-login-tls", "pop": "dpopd-login-tls", "smtp": "dsmtpd-session-tls"}
PORTS = {"imap": "IMAPS_PORT", "pop": "POP3S_PORT", "smtp": "SUBMISSIONS_PORT"}
LONG = b"quite-a-long-passphrase-that-is-wrong"  # on the heap, where a short one stays within its string


def memory_of(pid):
    """[(address, name, bytes)] of all that is mapped writable."""
    out = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw\S+ \S+ \S+ \S+\s*(.*)", line)
            if not m:
                continue
            start, end = int(m[1], 16), int(m[2], 16)
            mem.seek(start)
            data = bytearray()
            while len(data) < end - start:
                try:
                    piece = mem.read(min(1 << 16, end - start - len(data)))
                except OSError:  # a mapped file that is shorter
                    break
                if not piece:
                    break
                data += piece
            out.append((start, m[3], bytes(data)))
    return out


def left_in(pid, needles):
    """Which of {name: [bytes, ...]} is there, and where."""
    memory = memory_of(pid)
    found = ["%s at %x %s+%x: %r" % (what, start, where, data.find(n), data[max(0, data.find(n) - 40):data.find(n) + 60]) for what, several in needles.items() for n in several
             for start, where, data in memory if n in data]
    return found, sum(len(data) for _, _, data in memory)


def soon_gone(pid, needles):
    """The same when it had the time to tidy up after its answer."""
    seen = []
    harness.wait_until(lambda: seen.append(left_in(pid, needles)) or not seen[-1][0], 20)
    return seen[-1]


def processes(name):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid) == harness.program(name):
                found.append(int(pid))
        except OSError:
            pass
    return found


def key_of(kind):
    """(certificate, key, needles): the key's numbers as OpenSSL holds them, their DER, and the file's text."""
    path = "%s/%s" % (home, kind)
    new = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new, "-nodes", "-days", "2", "-keyout", path + ".key", "-out", path + ".pem",
                    "-subj", "/CN=localhost"], check=True, stderr=subprocess.DEVNULL)
    text = subprocess.run(["openssl", "pkey", "-in", path + ".key", "-text", "-noout"], check=True, stdout=subprocess.PIPE).stdout.decode()
    numbers = {}
    for name, digits in re.findall(r"^(priv|privateExponent|prime1|prime2|exponent1|exponent2):\s*\n((?: +[0-9a-f:]+\n)+)", text, re.M):
        number = bytes.fromhex(re.sub(r"[\s:]", "", digits)).lstrip(b"\0")
        numbers["the key's " + name] = [number[:20], number[::-1][:20]]
    assert numbers, text
    lines = open(path + ".key", "rb").read().split(b"\n")
    numbers["the key's text"] = [lines[2 if len(lines) > 4 else 1][:40]]
    return path + ".pem", path + ".key", numbers


def ticket_needles(i):
    path = next(os.path.join(d, "tls-tickets") for d, _, fs in os.walk(i.dir) if "tls-tickets" in fs)
    with open(path, "rb") as f:
        key = f.read()[16 + 8 + 16:]
    return {"a ticket's cipher key": [key[:32]], "a ticket's MAC key": [key[32:64]]}


class Talk:
    def __init__(self, i, service):
        before = set(processes(PROGRAMS[service]))
        c = ssl.create_default_context()
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        self.s = c.wrap_socket(socket.create_connection(("127.0.0.1", getattr(i, PORTS[service])), 20))
        self.f = self.s.makefile("rb")
        self.greeting = self.f.readline()
        new = set(processes(PROGRAMS[service])) - before
        assert len(new) == 1, new
        self.pid = new.pop()

    def say(self, line, until=b""):
        self.s.sendall(line + b"\r\n")
        while True:
            got = self.f.readline()
            if not got or got.startswith(until or (b"+", b"-", b"2", b"3", b"5", b"a ")) and got[3:4] != b"-":
                return got


def plain(user, password):
    return base64.b64encode(b"\0" + user + b"\0" + password)


def tries(service, user, password):
    """What is said with wrong passwords and then with the right one; the last answer."""
    if service == "imap":
        return [b"a LOGIN nobody " + LONG, b"a AUTHENTICATE PLAIN " + plain(b"nobody", LONG[::-1]), b'a LOGIN %s "%s"' % (user, password)]
    if service == "pop":
        return [b"USER nobody", b"PASS " + LONG, b"AUTH PLAIN " + plain(b"nobody", LONG[::-1]), b"USER " + user, b"PASS " + password]
    return [b"EHLO c.example", b"AUTH LOGIN", base64.b64encode(b"nobody"), base64.b64encode(LONG), b"AUTH PLAIN " + plain(b"nobody", LONG[::-1]),
            b"AUTH PLAIN " + plain(user, password)]


with harness.Instance("--set", "login_delay 10") as i:
    conf = i.dir + "/dmail.conf"
    settings = open(conf).read()
    user, password = i.USER1.encode(), i.PASS1.encode()
    for kind in ("ec", "rsa"):
        certificate, key, numbers = key_of(kind)
        with open(conf, "w") as f:
            f.write(settings + "tls_certificate %s\ntls_key %s\n" % (certificate, key))
        for service in PROGRAMS:
            what = "%s, %s key: " % (PROGRAMS[service], kind)
            talk = Talk(i, service)
            needles = dict(numbers, **ticket_needles(i))
            found, size = left_in(talk.pid, needles)
            t.check(what + "its memory was read", size > 100000, size)
            t.check(what + "no key after the handshake", not found, found)
            t.equal(what + "and no file", sorted(os.listdir("/proc/%d/fd" % talk.pid)), ["0", "1", "2", "5"])
            answers = [talk.say(line) for line in tries(service, user, password)]
            t.check(what + "logs in", answers[-1].startswith((b"a OK", b"+OK", b"235")), answers)
            secrets = {"a long password": [LONG[3:20]], "a long password by PLAIN": [LONG[::-1][3:20]], "the right password": [password],
                       "its base64": [plain(user, password)[2:-4], base64.b64encode(password)],
                       "the base64 of a wrong one": [plain(b"nobody", LONG[::-1])[12:40], base64.b64encode(LONG)[3:30]]}
            found, size = soon_gone(talk.pid, dict(needles, **secrets))
            t.check(what + "no password after the login", not found, found)
            # The relay has its session in the monitor's place; dsmtpd's session keeps the monitor.
            t.check(what + "nor more descriptors", harness.wait_until(lambda: len(os.listdir("/proc/%d/fd" % talk.pid)) == 4),
                    os.listdir("/proc/%d/fd" % talk.pid))
            talk.s.close()

# An account on another host: the program between the client and that host stays as long as the session.
with harness.Instance("--domain", "back.test") as back, harness.Instance("--set", "login_delay 10") as front:
    user, word = front.USER1, "Dis7antPassw0rd-and-a-long-one"
    for at, labels in ((back, []), (front, ['host="back.test"'])):
        subprocess.run([harness.program("nwauth"), "-path", at.dir + "/users", "set", user, word, *labels], check=True, stdout=subprocess.DEVNULL)
    with open(front.dir + "/dmail.conf") as f:
        settings = f.read()
    for tls, port, name in (("none", back.IMAP_PORT, "dmail-proxy"), ("tls", back.IMAPS_PORT, "dmail-proxy-tls")):
        with open(front.dir + "/dmail.conf", "w") as f:
            f.write(settings + "remote_accounts proxy\nremote_ca %s\nremote_host back.test 127.0.0.1 imap=%d/%s\n" % (back.CAFILE, port, tls))
        talk = Talk(front, "imap")
        answer = talk.say(b"a LOGIN %s %s" % (user.encode(), word.encode()))
        if t.check(name + ": logs in", answer.startswith(b"a OK"), answer):
            for pid, who in [(talk.pid, "the relay")] + [(p, name) for p in processes(name)]:
                needles = {"password": [word.encode()], "its base64": [base64.b64encode(b"\0" * n + word.encode())[4:32] for n in (0, 1, 2)],
                           "PLAIN": [plain(user.encode(), word.encode())[8:40]]}
                found, size = soon_gone(pid, needles)
                t.check("%s: no password in %s" % (name, who), size > 50000 and not found, (size, found))
        talk.s.close()

# A resident module, asked through its socket as monitors ask it.
nwauth, path, sock = harness.program("nwauth"), home + "/db", home + "/run/nwauth"
os.mkdir(home + "/run")
os.chmod(home + "/run", 0o777)
own_user = ["-moduleuser", str(harness.MODULES)]
short, long, kept = "Sh0rtOne", "a-rather-long-password-for-checking", "KeptInTheOpenForCramMd5"
for options, user, word in (([], "bob", short), ([], "ann", long), (["-keep-plain"], "kim", kept)):
    subprocess.run([nwauth, "-path", path, *own_user, *options, "set", user, word], check=True, stdout=subprocess.DEVNULL)
p = subprocess.Popen([nwauth, "-path", path, *own_user, "-listen", sock])
try:
    def listens():
        with socket.socket(socket.AF_UNIX) as s:
            return p.poll() is not None or s.connect_ex(sock) == 0
    harness.wait_until(listens)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(sock)
        f = s.makefile("rb")
        for user, word, good in (("bob", short, True), ("ann", long, True), ("bob", long[::-1], False), ("ann", short[::-1], False), ("ghost", "n0body's", False),
                                 ("bob", short, True)):
            s.sendall(("check %s %s\n" % (user, word)).encode())
            t.check("nwauth answers " + user, f.readline().startswith(b"+OK") == good)
        s.sendall(b"secret kim CRAM-MD5\n")
        answer = base64.b64encode(kept.encode())
        t.check("nwauth gives a secret", answer in f.readline())
        needles = {w: [w.encode()] for w in (short, long, long[::-1], short[::-1], "n0body's")}
        needles["its answer with a secret"] = [b'password64="' + answer]
        found, size = soon_gone(p.pid, needles)
        t.check("nwauth's memory was read", size > 100000, size)
        t.check("no password in nwauth", not found, found)
finally:
    p.terminate()
    p.wait()
t.end()
