#!/usr/bin/env python3
"""The built dmsasl, with this test as its monitor and as the client; a Kerberos realm on loopback.

test_dmsasl.py BUILD.  The clients are written here (CRAM-MD5, SCRAM, APOP), so that a fault of GNU SASL's
server is not made good by the same fault in its client; gsasl(1) is the client for GSSAPI.
"""
import base64, hashlib, hmac, os, shutil, signal, socket, struct, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import Suite, program, scratch, unprivileged

BEGIN, STEP, SECRET, WANT, CHALLENGE, DONE, FAILED = range(1, 8)
suite = Suite()
DMSASL = program("dmsasl")
KEY = b"k" * 32
PASSWORD = b"pencil"
# A monitor's, before it starts the program.
LIMITS = ["prlimit", "--fsize=1048576", "--nofile=64", "--cpu=20", "--as=268435456", "--core=0"]


def frame(kind, *fields):
    fields = [f.encode() if isinstance(f, str) else f for f in fields]
    return bytes([kind, len(fields)]) + b"".join(struct.pack("<H", len(f)) + f for f in fields)


def parse(packet):
    fields, at = [], 2
    for _ in range(packet[1]):
        n, = struct.unpack_from("<H", packet, at)
        fields.append(packet[at + 2:at + 2 + n])
        at += 2 + n
    assert at == len(packet)
    return packet[0], fields


class Exchange:
    """One dmsasl, started as a monitor does: descriptor 5, nothing in its environment."""

    def __init__(self, mechanism, initial=None, service="imap", exporter=b"", plus="0", stamp="", files=None,
                 proof=b"", tls_stamp="", realm="EXAMPLE.TEST", env=None, prefix=None, host="localhost", raw=None):
        self.end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end.settimeout(120)
        places = [(theirs.fileno(), 5)] + list((files or {}).items())
        move = "".join(f" {to}<&{fr}" for fr, to in places)
        close = "".join(f" {fr}<&-" for fr, _ in places if fr not in (5, 6, 7, 8))
        self.process = subprocess.Popen(
            [*(unprivileged() + LIMITS if prefix is None else prefix), "/bin/sh", "-c", f"exec \"$0\"{move}{close}", DMSASL],
            pass_fds=[fr for fr, _ in places], env=env or {}, stderr=subprocess.PIPE)
        theirs.close()
        begin = raw if raw is not None else frame(
            BEGIN, service, host, "example", mechanism, "0" if initial is None else "1", initial or b"", exporter, b"",
            plus, proof, tls_stamp, stamp, "192.0.2.1", realm, KEY)
        try:
            self.end.send(begin)
        except BrokenPipeError:
            pass  # it has ended already, as it does where it refuses to run; read() tells

    def read(self, users=None):
        """The next frame; questions for secrets are answered from `users`."""
        while True:
            try:
                packet = self.end.recv(70000)
            except ConnectionResetError:
                packet = b""
            if not packet:
                return None, []
            kind, fields = parse(packet)
            if kind != WANT:
                return kind, fields
            self.asked = fields[0]
            self.end.send(frame(SECRET, *(users or (lambda name: ("no", name)))(fields[0])))

    def step(self, response, users=None):
        self.end.send(frame(STEP, response))
        return self.read(users)

    def finish(self):
        """Exit status; the monitor's end is closed."""
        self.end.close()
        status = self.process.wait(10)
        self.err = self.process.stderr.read().decode()
        self.process.stderr.close()
        return status


def keys(name):
    if name != b"user":
        return ("no", name)
    out = ["ok", name, "password64", base64.b64encode(PASSWORD)]
    for label, hash_name in (("scram-sha-1", "sha1"), ("scram-sha-256", "sha256")):
        salted = hashlib.pbkdf2_hmac(hash_name, PASSWORD, b"saltsaltsaltsalt", 10000)
        client = hmac.digest(salted, b"Client Key", hash_name)
        stored = hashlib.new(hash_name, client).digest()
        server = hmac.digest(salted, b"Server Key", hash_name)
        b64 = lambda b: base64.b64encode(b).decode()
        out += [label, f"10000,{b64(b'saltsaltsaltsalt')},{b64(stored)},{b64(server)}"]
    return tuple(out)


def scram(mechanism, user, password, users=keys, exporter=b"", header=b"n,,", bound=b"", plus="0"):
    """(last frame, its fields, server's signature is right, the challenge's salt and iterations)."""
    hash_name = "sha1" if "SHA-1" in mechanism else "sha256"
    bare = b"n=" + user + b",r=clientnonce"
    x = Exchange(mechanism, header + bare, exporter=exporter, plus=plus)
    kind, fields = x.read(users)
    if kind != CHALLENGE:
        suite.equal(mechanism + " ends well", x.finish(), 0)
        return kind, fields, None, None
    first = fields[0]
    parts = dict(p.split(b"=", 1) for p in first.split(b","))
    salted = hashlib.pbkdf2_hmac(hash_name, password, base64.b64decode(parts[b"s"]), int(parts[b"i"]))
    client = hmac.digest(salted, b"Client Key", hash_name)
    stored = hashlib.new(hash_name, client).digest()
    final = b"c=" + base64.b64encode(header + bound) + b",r=" + parts[b"r"]
    message = bare + b"," + first + b"," + final
    proof = bytes(a ^ b for a, b in zip(client, hmac.digest(stored, message, hash_name)))
    kind, fields = x.step(final + b",p=" + base64.b64encode(proof), users)
    verified = None
    if kind == CHALLENGE:
        signature = hmac.digest(hmac.digest(salted, b"Server Key", hash_name), message, hash_name)
        verified = fields[0] == b"v=" + base64.b64encode(signature)
        kind, fields = x.step(b"")
    suite.equal(mechanism + " ends well", x.finish(), 0)
    return kind, fields, verified, (parts[b"s"], parts[b"i"])


def passwords():
    for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
        kind, fields, verified, _ = scram(mechanism, b"user", PASSWORD)
        suite.equal(mechanism, (kind, fields, verified), (DONE, [b"user", b""], True))
        kind, fields, _, wrong_salt = scram(mechanism, b"user", b"wrong")
        suite.equal(mechanism + " wrong", (kind, fields[:2]), (FAILED, [b"wrong", b"user"]))
        kind, fields, _, salt = scram(mechanism, b"ghost", b"wrong")
        suite.equal(mechanism + " unknown", (kind, fields[:2]), (FAILED, [b"wrong", b"ghost"]))
        suite.equal("decoy looks like a user", (len(salt[0]), salt[1]), (len(wrong_salt[0]), wrong_salt[1]))
        suite.equal("decoy in another process", scram(mechanism, b"ghost", b"other")[3], salt)
        bound = dict(header=b"p=tls-exporter,,", bound=b"E" * 32, plus="1")
        kind, fields, verified, _ = scram(mechanism + "-PLUS", b"user", PASSWORD, exporter=b"E" * 32, **bound)
        suite.equal(mechanism + "-PLUS", (kind, verified), (DONE, True))
        kind, fields, _, _ = scram(mechanism + "-PLUS", b"user", PASSWORD, exporter=b"F" * 32, **bound)
        suite.equal(mechanism + "-PLUS over another connection", (kind, fields[0]), (FAILED, b"wrong"))
        kind, fields, _, _ = scram(mechanism, b"user", PASSWORD, exporter=b"E" * 32, header=b"y,,", plus="1")
        suite.equal(mechanism + " stripped", (kind, fields[0]), (FAILED, b"wrong"))
    kind, fields, _, _ = scram("SCRAM-SHA-256", b"user", PASSWORD, users=lambda n: ("dead", n))
    suite.equal("database down", (kind, fields[0]), (FAILED, b"temporary"))

    x = Exchange("CRAM-MD5")
    kind, fields = x.read()
    stamp = fields[0]
    kind, fields = x.step(b"user " + hmac.new(PASSWORD, stamp, "md5").hexdigest().encode(), keys)
    suite.equal("CRAM-MD5", (kind, fields, x.finish()), (DONE, [b"user", b""], 0))
    x = Exchange("CRAM-MD5")
    x.read()
    kind, fields = x.step(b"user " + hmac.new(PASSWORD, stamp, "md5").hexdigest().encode(), keys)
    suite.equal("CRAM-MD5 replayed", (kind, fields[:2], x.finish()), (FAILED, [b"wrong", b"user"], 0))

    digest = hashlib.md5(b"<1.2@host>" + PASSWORD).hexdigest()
    x = Exchange("APOP", f"user {digest}", service="pop", stamp="<1.2@host>")
    suite.equal("APOP", (*x.read(keys), x.finish()), (DONE, [b"user", b""], 0))
    x = Exchange("APOP", f"user {digest}", service="pop", stamp="<1.3@host>")
    suite.equal("APOP of another greeting", (x.read(keys)[1][0], x.finish()), (b"wrong", 0))


def digest_md5():
    if not shutil.which("gsasl"):
        return suite.skip("DIGEST-MD5: gsasl is not installed")
    for password, wanted in (("pencil", DONE), ("wrong", FAILED)):
        x = Exchange("DIGEST-MD5")
        kind, fields = gsasl_client(x, ["--mechanism", "DIGEST-MD5", "-a", "user", "-p", password, "--realm", "example",
                                        "--service", "imap", "--hostname", "localhost", "--quality-of-protection",
                                        "qop-auth"])
        suite.equal("DIGEST-MD5 " + password, (kind, fields[:1] if kind == FAILED else fields, x.finish()),
                    (wanted, [b"wrong"] if wanted == FAILED else [b"user", b""], 0))


def gsasl_client(x, options, env=None):
    """gsasl(1) as the client of `x`; the last frame."""
    client = subprocess.Popen(["gsasl", "--client", "--quiet", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})))
    client.stdout.readline()  # the mechanism's name
    response = client.stdout.readline().strip()
    kind, fields = x.read(keys)
    while kind == CHALLENGE:
        if fields[0] or not response:
            client.stdin.write(base64.b64encode(fields[0]) + b"\n")
            client.stdin.flush()
            response = client.stdout.readline().strip()
        kind, fields = x.step(base64.b64decode(response), keys)
        response = b""
    client.stdin.close()
    client.terminate()
    client.wait()
    client.stdout.close()
    x.client_said = client.stderr.read().decode()
    client.stderr.close()
    return kind, fields


def external():
    """The program that knows OpenSSL takes over; unit-dmsasl has the handshakes."""
    x = Exchange("EXTERNAL", "", proof=b"x")
    suite.equal("EXTERNAL not configured", (x.read()[1], x.finish()),
                ([b"unavailable", b"", b"no tls_client_ca or no certificate of ours"], 0))
    here = scratch()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{here}/key", "-out", f"{here}/pem", "-subj", "/CN=ca"], check=True, capture_output=True)
    with open(f"{here}/pem", "rb") as ca, open(f"{here}/pem", "rb") as ours:
        x = Exchange("EXTERNAL", "", proof=b"\1\0\0\0", tls_stamp="<1@x>", files={ca.fileno(): 6, ours.fileno(): 7})
    kind, fields = x.read()
    suite.equal("EXTERNAL with a forged record", (kind, fields[0], x.finish()), (FAILED, b"wrong", 0))
    with open(f"{here}/pem", "rb") as ca, open(f"{here}/pem", "rb") as ours:
        x = Exchange("EXTERNAL", files={ca.fileno(): 6, ours.fileno(): 7})
    x.read()
    suite.check("the other program", os.readlink(f"/proc/{x.process.pid}/exe").endswith("/dmsasl-external"))
    suite.equal("its filter", status_of(x.process.pid)["Seccomp"], "2")
    kind, fields = x.step(b"bob")
    suite.equal("EXTERNAL without a certificate", (kind, fields[0], x.finish()), (FAILED, b"wrong", 0))


def conduct():
    for mechanism in ("PLAIN", "", "NTLM"):
        x = Exchange(mechanism)
        suite.equal("no mechanism " + mechanism, (x.read()[1][:1], x.finish()), ([b"unavailable"], 0))
    x = Exchange("GSSAPI")
    suite.equal("no keytab", (x.read()[1][:1], x.finish()), ([b"unavailable"], 0))
    x = Exchange("SCRAM-SHA-256")
    x.read()
    suite.equal("cancelled", (x.finish(), x.err), (0, ""))
    x = Exchange("SCRAM-SHA-256", b"n,,n=user,r=clientnonce")
    packet = parse(x.end.recv(70000))
    suite.equal("asks", packet, (WANT, [b"user"]))
    suite.check("hang-up while asking", x.finish() == 1 and x.err)
    # The monitor does not break the protocol; were it to, the exchange is over.
    for what, packet in (("a secret too early", frame(SECRET, "ok", "user")), ("two fields", frame(STEP, "a", "b")),
                         ("begin again", frame(BEGIN)), ("no frame", b"\x02"), ("a long packet", b"x" * 50000)):
        x = Exchange("CRAM-MD5")
        x.read()
        x.end.send(packet)
        suite.check(what, x.read() == (None, []) and x.finish() == 1, what)
    for raw in (b"", b"x", frame(BEGIN), frame(STEP, "a"), frame(BEGIN, *["x"] * 15), frame(BEGIN, *["x"] * 16)):
        x = Exchange("", raw=raw)
        suite.equal("bad begin", (x.read()[0], x.finish()), (None, 0 if raw == b"" else 1))
    x = Exchange("CRAM-MD5")
    x.read()
    kind, fields = x.step(b"x" * (12 * 1024 + 1))
    suite.equal("a long response", (kind, fields[0], x.finish()), (FAILED, b"wrong", 0))
    if os.geteuid() == 0:
        x = Exchange("CRAM-MD5", prefix=[])
        suite.check("refuses root", x.read()[0] is None and x.finish() == 1 and "root" in x.err)
    suite.equal("usage", subprocess.run([DMSASL, "x"], capture_output=True).returncode, 64)
    names = subprocess.run([DMSASL, "-list"], capture_output=True, text=True).stdout.split()
    suite.check("-list", "SCRAM-SHA-256-PLUS" in names and len(names) == 9, names)


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def confinement():
    x = Exchange("SCRAM-SHA-256")
    x.read()
    facts = status_of(x.process.pid)
    suite.equal("filter, no new privileges", (facts["Seccomp"], facts["NoNewPrivs"]), ("2", "1"))
    if os.geteuid() == 0:
        suite.equal("not dumpable", os.stat(f"/proc/{x.process.pid}/maps").st_uid, 0)
        suite.equal("descriptors", sorted(os.listdir(f"/proc/{x.process.pid}/fd")), ["0", "1", "2", "5"])
        anonymous = sum(int(l.split()[1]) for l in open(f"/proc/{x.process.pid}/smaps_rollup")
                        if l.startswith("Anonymous"))
        suite.check("private memory", anonymous < 300, anonymous)
    limits = open(f"/proc/{x.process.pid}/limits").read()
    for name in ("core file size", "file size", "processes"):
        row = next(l for l in limits.splitlines() if l.startswith("Max " + name))
        suite.equal(name, row[len("Max " + name):].split()[:2], ["0", "0"])
    x.finish()
    times = []
    for _ in range(10):
        t = time.monotonic()
        x = Exchange("CRAM-MD5")
        x.read()
        times.append(time.monotonic() - t)
        x.finish()
    print(f"start to first challenge: {min(times) * 1e3:.1f} ms (with the test's own sh and setpriv)")
    # A failure takes its time, whatever it took to find out.
    t = time.monotonic()
    x = Exchange("APOP", "x", stamp="<1@x>")
    x.read()
    suite.check("failures are told late", time.monotonic() - t >= 0.099)
    x.finish()


REALM_CONF = """[libdefaults]
 default_realm = EXAMPLE.TEST
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 plugin_base_dir = {plugins}
[realms]
 EXAMPLE.TEST = {{
  kdc = 127.0.0.1:{port}
 }}
"""
KDC_CONF = """[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 EXAMPLE.TEST = {{
  database_name = {dir}/principal
  key_stash_file = {dir}/stash
 }}
[logging]
 kdc = FILE:{dir}/kdc.log
"""


def gssapi():
    missing = [c for c in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "gsasl") if not shutil.which(c)]
    if missing:
        return suite.skip("GSSAPI: not installed: " + " ".join(missing))
    here = scratch()
    plugins = os.path.dirname(os.path.dirname(harness.of_package("/usr/lib/*/krb5/plugins/kdb/db2.so")))
    port = harness.free_port()
    for name, text in (("krb5.conf", REALM_CONF), ("kdc.conf", KDC_CONF)):
        with open(f"{here}/{name}", "w") as f:
            f.write(text.format(port=port, dir=here, plugins=plugins))
    env = dict(os.environ, KRB5_CONFIG=f"{here}/krb5.conf", KRB5_KDC_PROFILE=f"{here}/kdc.conf",
               KRB5CCNAME=f"FILE:{here}/cc")
    call = lambda *argv, **k: subprocess.run(argv, env=env, capture_output=True, check=True, timeout=60, **k)
    call("kdb5_util", "create", "-s", "-P", "master", "-r", "EXAMPLE.TEST")
    admin = lambda *words: call("kadmin.local", "-r", "EXAMPLE.TEST", "-q", " ".join(words))
    admin("addprinc -pw secret bob")
    admin("addprinc -pw secret bob/admin")
    for service in ("imap", "smtp"):
        admin(f"addprinc -randkey {service}/localhost")
        admin(f"ktadd -k {here}/{service}.keytab {service}/localhost")
    kdc = subprocess.Popen(["krb5kdc", "-n"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        gssapi_logins(here, env, call)
    finally:
        kdc.terminate()
        kdc.wait()


def gssapi_logins(here, env, call):
    def login(service="imap", keytab="imap", realm="EXAMPLE.TEST", options=()):
        with open(f"{here}/{keytab}.keytab", "rb") as f:  # 0600, and root's where we are root
            x = Exchange("GSSAPI", files={f.fileno(): 8}, service=service, realm=realm)
        kind, fields = gsasl_client(x, ["--mechanism", "GSSAPI", "--service", service, "--hostname", "localhost",
                                        *(options or ["-z", ""])], env)
        status = x.finish()
        return kind, fields[:2], status, (fields[2:], x.err, x.client_said)

    call("kinit", "bob", input=b"secret\n")
    good = login()
    suite.equal("GSSAPI", good[:3], (DONE, [b"bob", b""], 0)) or print(good)
    suite.equal("the realm is not the configured one", login(realm="OTHER")[:3], (DONE, [b"bob@EXAMPLE.TEST", b""], 0))
    suite.equal("no realm configured", login(realm="")[:3], (DONE, [b"bob@EXAMPLE.TEST", b""], 0))
    suite.equal("authorization name", login(options=["-z", "alice"])[:3], (DONE, [b"bob", b"alice"], 0))
    suite.equal("another service", login(service="smtp", keytab="smtp")[:3], (DONE, [b"bob", b""], 0))
    suite.equal("no key for it", login(service="smtp", keytab="imap")[:3], (FAILED, [b"unavailable", b""], 0))
    with open(f"{here}/broken.keytab", "wb") as f:
        f.write(b"\5\2" + b"junk" * 50)
    suite.equal("a broken keytab", login(keytab="broken")[:3], (FAILED, [b"unavailable", b""], 0))
    with open(f"{here}/imap.keytab", "rb") as f:
        x = Exchange("GSSAPI", b"\x60\x82junk", files={f.fileno(): 8})
    suite.equal("junk", (x.read()[1][0], x.finish()), (b"wrong", 0))
    with open(f"{here}/imap.keytab", "rb") as f:
        x = Exchange("GSSAPI", files={f.fileno(): 8})
        x.read()
        suite.equal("filter", status_of(x.process.pid)["Seccomp"], "2")
        x.finish()
    call("kinit", "bob/admin", input=b"secret\n")
    suite.equal("a principal with an instance", login()[:3], (FAILED, [b"wrong", b""], 0))


passwords()
digest_md5()
gssapi()
external()
conduct()
confinement()
suite.end()
