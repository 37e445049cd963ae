#!/usr/bin/env python3
"""Who does not get in: wrong and unknown names, cancelled and spoiled exchanges, stolen bindings, clear passwords without TLS.

Covers rows A01-A04, A06, A07, A12, A16, A19, S12 and S22 of the list of past failures for the mechanisms of dmsasl.
"""
import os
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from sasl_own import NotTheServer, Talk, cram_md5, digest_fields, digest_md5, fixed, login, plain, scram

SERVICES = ("imap", "pop", "smtp")
NAMES = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
t = harness.Suite()


def make(name, service, user, password):
    return {"PLAIN": lambda: plain(user, password), "LOGIN": lambda: login(user, password), "CRAM-MD5": lambda: cram_md5(user, password),
            "DIGEST-MD5": lambda: digest_md5(user, password, service)}.get(name, lambda: scram(name, user, password))()


def refused(i, service, what, name, mechanism, way="plain", **options):
    """One failed try on a connection of its own; the right password must work on the same connection afterwards."""
    with Talk(i, service, way, **options) as k:
        try:
            good, line = k.authenticate(name, mechanism)
        except NotTheServer as e:
            return t.check("%s: %s" % (service, what), False, "taken for the server: %r" % e)
        ok = t.check("%s: %s is refused by %s" % (service, what, name), not good and line, line)
        good, after = k.authenticate("SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1"))
        return t.check("%s: ... and nothing of it is left (A19)" % service, good, after) and ok and line


def left_over(program):
    """Processes of the test's own copy of `program`."""
    path, found = harness.program(program), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/exe" % pid).split(" ")[0] == path:
                found.append(pid)
        except OSError:
            pass
    return found


def change(name, value, again=False):
    """A spoiler of DIGEST-MD5: field `name` gets `value`, goes (None), or comes twice."""
    def f(fields):
        out = [(n, value if n == name and not again else v) for n, v in fields if n != name or again or value is not None]
        return out + [(name, value)] if again else out
    return f


with harness.Instance(*sasl_matrix.users(), "--user", 'odd:a"b\\c,=d%s{}~') as i:
    # ---- names and passwords
    for service in SERVICES:
        for name in NAMES:
            lines = [refused(i, service, what, name, make(name, service, user, password))
                     for what, user, password in (("a wrong password", "user1", "secret2"), ("an unknown user", "nobody", "secret1"),
                                                  ("an empty password (A16)", "user1", ""))]
            t.equal("%s: unknown user and wrong password read alike, %s" % (service, name), lines[0], lines[1])
            for user in ("u\xfcser1" * 5, "x" * 3000, "../../etc/passwd", "user1\x00", "%{env:PATH}", "*"):
                refused(i, service, "the name %.12r (A07, A09)" % user, name, make(name, service, user, "secret1"))
            with Talk(i, service) as k:
                good, line = k.authenticate(name, make(name, service, "odd", 'a"b\\c,=d%s{}~'))
                t.check("%s: a password of odd characters is right in %s" % (service, name), good, line)
            with Talk(i, service) as k:
                good, line = k.authenticate(name, make(name, service, "USER1@" + i.MAIL_DOMAIN, "secret1"))
                t.check("%s: USER1@domain is user1 in %s" % (service, name), good, line)
        failures = sasl_matrix.log_lines(i, service, "login-failed")
        t.check("%s: the log names the mechanism of failures" % service, {l.get("method") for l in failures} >= set(NAMES), failures[-1:])
        t.check("... and user and address", all(l.get("ip") == "127.0.0.1" for l in failures) and {"user1", "nobody"} <= {l.get("user") for l in failures})

    # ---- SCRAM as seen by somebody who asks for users: salt and count are as stable for a user who is not there
    seen = {}
    for user in ("user1", "nobody", "somebody"):
        for _ in range(2):
            with Talk(i, "imap") as k:
                def ask():
                    first = yield b"n,,n=%s,r=abcdefghijklmnop" % user.encode()
                    seen.setdefault(user, []).append(first.split(b",", 1)[1])
                    yield None
                k.authenticate("SCRAM-SHA-256", ask())
    t.check("salt and count of a user stay the same", all(len(set(v)) == 1 and len(v) == 2 for v in seen.values()), seen)
    t.equal("salts differ between users", len({v[0] for v in seen.values()}), 3)
    t.equal("they look the same", len({(len(v[0]), v[0].split(b",i=")[1]) for v in seen.values()}), 1)

    # ---- cancelled with * at every step, in every mechanism
    answers = {"imap": b" BAD ", "pop": b"-ERR", "smtp": b"501 "}
    for service in SERVICES:
        for name in NAMES:
            for step in range(1 if name in ("PLAIN", "CRAM-MD5") else 2):  # steps that a login takes
                def stop():
                    m = make(name, service, "user1", "secret1")
                    sent = next(m)
                    challenge = yield None
                    for _ in range(step):
                        challenge = yield sent if sent is not None else m.send(challenge)
                        sent = None
                    yield None
                with Talk(i, service) as k:
                    good, line = k.authenticate(name, stop())
                    t.check("%s: %s is cancelled at step %d (S12)" % (service, name, step), not good and answers[service] in line, line)
                    good, line = k.authenticate(name, make(name, service, "user1", "secret1"))
                    t.check("... and done right afterwards (S22)", good and k.works(), line)
    # Cancelling is cheap, leaves no process and is not for ever (A06).
    for service in SERVICES:
        with Talk(i, service) as k:
            lines = []
            while len(lines) < 200 and (not lines or lines[-1]):
                lines.append(k.authenticate("SCRAM-SHA-256", fixed(None, None), initial=False)[1])
            t.check("%s: many cancelled exchanges end the connection" % service, len(lines) < 200, len(lines))
    # Hanging up in the middle leaves none either.
    for service in SERVICES:
        k = Talk(i, service)
        k.say((b"t9 AUTHENTICATE" if service == "imap" else b"AUTH") + b" CRAM-MD5")
        k.final()
        k.wire.close()
    harness.wait_until(lambda: not left_over("dmsasl"))
    t.equal("no dmsasl outlives its exchange", left_over("dmsasl"), [])

    # ---- spoiled messages
    for service in SERVICES:
        for name in NAMES + ("GSSAPI", "EXTERNAL", "NTLM", "X-NONE", "ANONYMOUS", "CRAM-SHA1"):
            for junk in (b"", b"\0" * 50, b"n,,", b"A" * 5000, bytes(range(256))):
                refused(i, service, "%.8r (A03, A04)" % junk, name, fixed(junk, junk, junk))
        for raw in (b"!!!!", b"AAA", b"AA==AA==", b"QQ=", b"A" * 20000, b"\xff\xfe"):
            with Talk(i, service) as k:
                k.n += 1
                k.say((b"t%d AUTHENTICATE" % k.n if service == "imap" else b"AUTH") + b" CRAM-MD5")
                k.final()
                k.say(raw)
                line = k.final()[-1]
                t.check("%s: %.12r is no base64" % (service, raw), not k.good(line) and k.continued(line) is None, line)
        # A01: what stands behind a NUL does not count, nor what stands before
        for response in (b"user1\0admin\0secret1\0junk", b"\0user1\0secret1\0x", b"\0user1\0", b"\0\0secret1", b"user1\0secret1", b"user2\0user1\0secret1"):
            refused(i, service, "%r (A01)" % response, "PLAIN", fixed(response))

        def cram(text):
            def f():
                m = cram_md5("user1", "secret1")
                next(m)
                yield text(m.send((yield None)))
            return f()
        for what, text in (("upper-case digits", lambda r: r.upper()), ("NUL behind the name (A01)", lambda r: r.replace(b" ", b"\0x ")),
                           ("NUL behind the digest", lambda r: r + b"\0"), ("no blank", lambda r: r.replace(b" ", b"")), ("a digest cut short", lambda r: r[:-1]),
                           ("a digest only", lambda r: r.split()[1]), ("a name only", lambda r: r.split()[0] + b" "), ("another's name", lambda r: r.replace(b"user1", b"user2"))):
            refused(i, service, what, "CRAM-MD5", cram(text))

        for what, f in (("no realm", change(b"realm", None)), ("an empty realm", change(b"realm", b'""')), ("another realm", change(b"realm", b'"elsewhere.example"')),
                        ("two nonces", change(b"nonce", b'"x"', True)), ("two names", change(b"username", b'"user2"', True)), ("another nonce", change(b"nonce", b'"AAAA"')),
                        ("nc=ffffffff", change(b"nc", b"ffffffff")), ("nc=2", change(b"nc", b"00000002")), ("no cnonce", change(b"cnonce", None)),
                        ("qop=auth-conf", change(b"qop", b"auth-conf")), ("a thousand qops", change(b"qop", b'"' + b"auth," * 1000 + b'auth"')),
                        ("an open quote", change(b"username", b'"user1')), ("a NUL in the name", change(b"username", b'"user1\0"')),
                        ("another service", change(b"digest-uri", b'"http/localhost"')), ("no response", change(b"response", None)),
                        ("an empty response", change(b"response", b"")), ("blanks to the end", lambda fields: [(b"username", b'"user1"' + b" " * 4000)]),
                        ("nothing but commas", lambda fields: [(b"," * 2000, b"")])):
            refused(i, service, what + " (A02)", "DIGEST-MD5", digest_md5("user1", "secret1", service, change=f))
        # An answer that was overheard is worth nothing the second time (A12).
        kept = []
        with Talk(i, service) as k:
            def listen():
                m = digest_md5("user1", "secret1", service)
                next(m)
                kept.append(m.send((yield None)))
                m.send((yield kept[0]))
                yield b""
            t.check("%s: the first time it is good" % service, k.authenticate("DIGEST-MD5", listen())[0])
        refused(i, service, "an answer from another connection (A12)", "DIGEST-MD5", fixed(None, kept[0]))

        # ---- SCRAM: proofs, nonces, bindings
        for what, spoil in (("a wrong proof", lambda m: m[:-5] + "AAAA="), ("another nonce", lambda m: m.replace("r=", "r=x")), ("no proof", lambda m: m.rsplit(",p=", 1)[0]),
                            ("another gs2 header", lambda m: m.replace("c=biws", "c=eSws")), ("an unknown mandatory field", lambda m: m.replace(",p=", ",m=x,p=")),
                            ("a proof of the wrong length", lambda m: m.rsplit(",p=", 1)[0] + ",p=AAAA")):
            refused(i, service, what, "SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1", spoil=spoil))
        refused(i, service, "another's authorization id", "SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1", authzid="user2"))
        with Talk(i, service) as k:
            t.check("%s: one's own authorization id is taken" % service, k.authenticate("SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1", authzid="user1"))[0])
        tls12 = {"way": "tls", "version": ssl.TLSVersion.TLSv1_2}
        refused(i, service, "a client that was told there is no -PLUS", "SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1", flag="y"), **tls12)
        for what, binding in (("a binding of another connection", ("tls-unique", b"0123456789ab")), ("an empty binding", ("tls-unique", b"")),
                              ("a binding nobody knows", ("tls-server-end-point", b"x" * 32)), ("the other kind of binding", ("tls-exporter", b"x" * 32))):
            refused(i, service, what, "SCRAM-SHA-256-PLUS", scram("SCRAM-SHA-256", "user1", "secret1", binding=binding), **tls12)
        with Talk(i, service, **tls12) as k:
            refused(i, service, "a real binding carried to another connection", "SCRAM-SHA-1-PLUS",
                    scram("SCRAM-SHA-1", "user1", "secret1", binding=k.binding("tls-unique")), **tls12)
        refused(i, service, "-PLUS without TLS", "SCRAM-SHA-256-PLUS", scram("SCRAM-SHA-256", "user1", "secret1", binding=("tls-unique", b"x")))
        with Talk(i, service) as k:
            t.check("%s: -PLUS and EXTERNAL are not offered without TLS" % service,
                    not {"AUTH=SCRAM-SHA-1-PLUS", "AUTH=SCRAM-SHA-256-PLUS", "AUTH=EXTERNAL"} & k.offers())
        # Tries are counted over all mechanisms.
        with Talk(i, service) as k:
            lines = []
            while len(lines) < 50 and (not lines or lines[-1]):
                lines.append(k.authenticate(NAMES[len(lines) % 6], make(NAMES[len(lines) % 6], service, "user1", "wrong"))[1])
            t.check("%s: a connection has a few tries only" % service, len(lines) < 20, len(lines))

# ---- clear passwords need TLS, where a setting says so
with harness.Instance("--set", "plaintext_login_from \"\"", "--set", "login_realm example.org") as i:
    for service in SERVICES:
        for way in ("plain", "starttls", "tls"):
            with Talk(i, service, way) as k:
                offers = k.offers()
                clear = {"AUTH=PLAIN", "AUTH=LOGIN"} & offers
                t.equal("%s, %s: AUTH=PLAIN and AUTH=LOGIN are listed" % (service, way), len(clear), 0 if way == "plain" else 2)
                t.check("%s, %s: the others are" % (service, way), {"AUTH=CRAM-MD5", "AUTH=DIGEST-MD5", "AUTH=SCRAM-SHA-256"} <= offers, offers)
                if service == "imap":
                    t.equal("LOGINDISABLED, " + way, "LOGINDISABLED" in offers, way == "plain")
                if service == "pop":
                    t.equal("USER in CAPA, " + way, "USER" in offers, way != "plain")
        for name in ("PLAIN", "LOGIN"):
            with Talk(i, service) as k:
                good, line = k.authenticate(name, make(name, service, i.USER1, i.PASS1))
                t.check("%s: the right password by %s without TLS is refused" % (service, name), not good and line, line)
        with Talk(i, service) as k:
            if service == "imap":
                t.check("LOGIN without TLS is refused", b"NO" in k.command(b"LOGIN %s %s" % (i.USER1.encode(), i.PASS1.encode()))[-1])
            if service == "pop":
                k.command(b"USER " + i.USER1.encode())
                t.check("PASS without TLS is refused", k.command(b"PASS " + i.PASS1.encode())[-1].startswith(b"-ERR"))
        t.equal("%s: no clear login without TLS" % service, sasl_matrix.log_lines(i, service, "login"), [])
        for name in ("CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
            with Talk(i, service) as k:
                good, line = k.authenticate(name, make(name, service, i.USER1, i.PASS1))
                t.check("%s: %s without TLS is taken" % (service, name), good and k.works(), line)
        with Talk(i, service, "starttls") as k:
            t.check("%s: PLAIN under TLS is taken" % service, k.authenticate("PLAIN", plain(i.USER1, i.PASS1))[0])
        with Talk(i, service) as k:
            def realm():
                challenge = yield None
                t.equal("%s: login_realm is the realm" % service, digest_fields(challenge).get("realm"), b"example.org")
                yield None
            k.authenticate("DIGEST-MD5", realm())
t.end()
