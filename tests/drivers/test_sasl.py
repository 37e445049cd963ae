#!/usr/bin/env python3
"""Every SASL mechanism through imapd, dpopd and dsmtpd as they are installed, with clients written here.

What is asked each time: the right secret logs in, a wrong one and an unknown user get the same answer after
the same time, the client may cancel, and what is not offered is refused.  Kerberos: test_dmsasl.py.
"""
import base64
import hashlib
import hmac
import os
import re
import shutil
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from test_login import Conn, DELAY, set_up

t = harness.Suite()
ALL = ("plain login oauthbearer xoauth2 cram-md5 digest-md5 scram-sha-1 scram-sha-256 "
       "scram-sha-1-plus scram-sha-256-plus external")
CLEAR = ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"]
OPEN = ["CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
PLUS = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
DAEMONS = ("imapd", "dpopd", "dsmtpd")


def e64(b):
    return base64.b64encode(b if isinstance(b, bytes) else b.encode())


class Talk:
    """One connection and its AUTHENTICATE or AUTH; `said` is what came of it: ok no later cancelled."""

    def __init__(self, path, daemon, tls=False, **more):
        self.daemon = daemon
        self.c = Conn(path, daemon, ["--tls"] if tls else [], greeting=False)
        if tls:
            self.c.tls(**more)
        self.greeting = self.c.line()
        if daemon == "dsmtpd":
            self.c.say("EHLO c\r\n")
            self.caps = b"".join(iter(self.ehlo_line, b""))
        else:
            self.caps = b""

    def ehlo_line(self):
        self.more = getattr(self, "more", True)
        if not self.more:
            return b""
        line = self.c.line()
        self.more = line[3:4] == b"-"
        return line

    def capabilities(self):
        """(mechanisms, everything)"""
        if self.daemon == "imapd":
            text = self.c.ask("c CAPABILITY")
            self.c.line()
            return re.findall(r"AUTH=(\S+)", text.decode()), text
        if self.daemon == "dpopd":
            text = self.c.ask("CAPA")
            while not text.endswith(b"\r\n.\r\n"):
                text += self.c.line()
            found = re.search(r"SASL (.*)\r\n", text.decode())
        else:
            text = self.caps
            found = re.search(r"250.AUTH (.*)\r\n", text.decode())
            old = re.search(r"250.AUTH=(.*)\r\n", text.decode())
            t.check("AUTH= for old clients", bool(found) == bool(old) and (not found or found[1] == old[1]), text)
        return (found[1].split() if found else []), text

    def auth(self, mechanism, initial=None):
        command = "AUTHENTICATE" if self.daemon == "imapd" else "AUTH"
        words = [b"a"] if self.daemon == "imapd" else []
        words += [command.encode(), mechanism.encode()]
        if initial is not None:
            words.append(e64(initial) or b"=")
        self.c.say(b" ".join(words) + b"\r\n")
        return self.read()

    def read(self):
        """The next challenge, decoded, or None: then `said`, `line` and `took` (ms) tell the outcome."""
        start = time.monotonic()
        self.line = line = self.c.line()
        self.took = (time.monotonic() - start) * 1000
        if line.startswith((b"+ ", b"334 ")):
            return base64.b64decode(line.split(b" ", 1)[1])
        good = {"imapd": b"dmail-start", "dpopd": b"dmail-start", "dsmtpd": b"235 2.7.0"}[self.daemon]
        later = {"imapd": b"a NO [UNAVAILABLE]", "dpopd": b"-ERR [SYS/TEMP]", "dsmtpd": b"454 4.7.0"}[self.daemon]
        wrong = {"imapd": b"a NO [AUTHENTICATIONFAILED]", "dpopd": b"-ERR [AUTH]", "dsmtpd": b"535 5.7.8"}[self.daemon]
        off = {"imapd": (b"a BAD",), "dpopd": (b"-ERR ",), "dsmtpd": (b"501 ",)}[self.daemon]
        absent = {"imapd": b"a NO [CANNOT]", "dpopd": b"-ERR Mechanism", "dsmtpd": b"504 5.5.4"}[self.daemon]
        clear = {"imapd": b"a NO [PRIVACY", "dpopd": b"-ERR [AUTH] Logging in needs TLS", "dsmtpd": b"538 5.7.11"}[self.daemon]
        for word, start in (("ok", good), ("later", later), ("needs TLS", clear), ("wrong", wrong), ("absent", absent)):
            if line.startswith(start):
                self.said = word
                return None
        self.said = "cancelled" if line.startswith(off) else repr(line)
        return None

    def answer(self, response):
        self.c.say(e64(response) + b"\r\n")
        return self.read()

    def end(self):
        self.c.end()


# ---- the clients: each plays its part on a Talk and leaves `said`

def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def play_clear(talk, mechanism, user, secret):
    if mechanism == "PLAIN":
        talk.auth(mechanism, "\0%s\0%s" % (user, secret))
    elif mechanism == "LOGIN":
        t.equal("LOGIN's first question", talk.auth(mechanism), b"Username:")
        t.equal("LOGIN's second question", talk.answer(user), b"Password:")
        talk.answer(secret)
    else:
        token = secret.replace("secret", "tok.123")
        message = "n,a=%s,\1host=x\1auth=Bearer %s\1\1" if mechanism == "OAUTHBEARER" else "user=%s\1auth=Bearer %s\1\1"
        why = talk.auth(mechanism, message % (user, token))
        if why is not None:
            talk.refusal_took = talk.took
            t.check("the reason is JSON", why.startswith(b'{"status":'), why)
            talk.answer(b"\1" if mechanism == "OAUTHBEARER" else b"")
            talk.took += talk.refusal_took


def play_cram(talk, mechanism, user, secret):
    challenge = talk.auth(mechanism)
    t.check("a challenge of CRAM-MD5", re.fullmatch(rb"<.+@.*>", challenge or b""), challenge)
    talk.answer("%s %s" % (user, hmac.new(secret.encode(), challenge, "md5").hexdigest()))


def play_digest(talk, mechanism, user, secret):
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', (talk.auth(mechanism) or b"").decode()))
    t.equal("the realm", given.get("realm"), "example.com")
    uri = {"imapd": "imap", "dpopd": "pop", "dsmtpd": "smtp"}[talk.daemon] + "/example.com"
    h = lambda s: hashlib.md5(s.encode() if isinstance(s, str) else s).hexdigest()
    a1 = hashlib.md5(("%s:example.com:%s" % (user, secret)).encode()).digest() + (":%s:cn" % given["nonce"]).encode()
    proof = lambda a2: h("%s:%s:00000001:cn:auth:%s" % (h(a1), given["nonce"], h(a2)))
    last = talk.answer('username="%s",realm="example.com",nonce="%s",cnonce="cn",nc=00000001,qop=auth,digest-uri="%s",'
                       'response=%s' % (user, given["nonce"], uri, proof("AUTHENTICATE:" + uri)))
    if last is not None:
        t.equal("rspauth", last, ("rspauth=" + proof(":" + uri)).encode())
        talk.answer("")


def play_scram(talk, mechanism, user, secret, spoil=False):
    name = "sha256" if "256" in mechanism else "sha1"
    header, bound = b"n,,", b""
    if mechanism.endswith("-PLUS"):
        header, bound = b"p=tls-unique,,", talk.c.s.get_channel_binding("tls-unique")
        if spoil:
            bound = bytes(len(bound))
    bare = ("n=%s,r=client" % user).encode()
    first = talk.auth(mechanism, header + bare)
    talk.first = first
    if first is None:
        return
    nonce, salt, rounds = re.fullmatch(rb"r=(.*),s=(.*),i=(\d+)", first).groups()
    final = b"c=" + e64(header + bound) + b",r=" + nonce
    message = b",".join([bare, first, final])
    salted = hashlib.pbkdf2_hmac(name, secret.encode(), base64.b64decode(salt), int(rounds))
    sign = lambda key, text: hmac.new(key, text, name).digest()
    client = sign(salted, b"Client Key")
    proof = xor(client, sign(hashlib.new(name, client).digest(), message))
    last = talk.answer(final + b",p=" + e64(proof))
    if last is not None:
        t.equal("the server's signature", last, b"v=" + e64(sign(sign(salted, b"Server Key"), message)))
        talk.answer("")


def play(talk, mechanism, user, secret):
    if mechanism in CLEAR:
        return play_clear(talk, mechanism, user, secret)
    if mechanism == "CRAM-MD5":
        return play_cram(talk, mechanism, user, secret)
    if mechanism == "DIGEST-MD5":
        return play_digest(talk, mechanism, user, secret)
    return play_scram(talk, mechanism, user, secret)


# ---- what is tested

def mechanisms(path, daemon):
    for mechanism in CLEAR + OPEN:
        what = "%s %s" % (daemon, mechanism)
        talk = Talk(path, daemon)
        play(talk, mechanism, "joe", "secret")
        t.equal(what, talk.said, "ok")
        if daemon != "dsmtpd":
            text = b""
            while b"pending" not in text and talk.line:
                text += talk.c.line()
            t.check(what + " is joe's session", b"user joe\n" in text, text)
        talk.end()
        seen = {}
        for user, secret in (("joe", "wrong"), ("nobody-here", "secret")):
            for _ in range(20):  # the best of some: a busy machine adds to each
                talk = Talk(path, daemon)
                play(talk, mechanism, user, secret)
                best = min(int(talk.took), seen[user][2] if user in seen else int(talk.took))
                seen[user] = talk.said, talk.line, best
                talk.end()
                if best < DELAY + 200:
                    break
        t.equal(what + ": the same answer", seen["joe"][:2], seen["nobody-here"][:2])
        t.equal(what + ": refused", seen["joe"][0], "wrong")
        t.check(what + ": the same time", all(DELAY - 30 <= s[2] < DELAY + 200 for s in seen.values()), seen)
        talk = Talk(path, daemon)
        if mechanism in OPEN:
            play(talk, mechanism, "deaduser", "secret")
            t.equal(what + ": a module that cannot tell", talk.said, "later")
            t.check(what + ": goes on", talk.auth("CRAM-MD5") is not None)
        talk.end()


def bindings(path, daemon):
    for mechanism in PLUS:
        for spoil, want in ((False, "ok"), (True, "wrong")):
            talk = Talk(path, daemon, True, maximum=ssl.TLSVersion.TLSv1_2)
            play_scram(talk, mechanism, "joe", "secret", spoil)
            t.equal("%s %s, another binding: %s" % (daemon, mechanism, spoil), talk.said, want)
            talk.end()


def certificates(path, daemon):
    for name, want in (("joe", "ok"), ("eve", "wrong"), ("stranger", "wrong")):
        talk = Talk(path, daemon, True, certificate=(path + "/%s.crt" % name, path + "/%s.key" % name))
        t.check("EXTERNAL is offered to a certificate", "EXTERNAL" in talk.capabilities()[0])
        if talk.auth("EXTERNAL", "") is not None:
            talk.answer("")
        t.equal("%s EXTERNAL %s" % (daemon, name), talk.said, want)
        talk.end()
    talk = Talk(path, daemon, True, certificate=(path + "/joe.crt", path + "/joe.key"))
    talk.auth("EXTERNAL", "eve")
    t.equal(daemon + " EXTERNAL to act for another", talk.said, "wrong")
    talk.end()
    talk = Talk(path, daemon, True)
    t.check("EXTERNAL is not offered without one", "EXTERNAL" not in talk.capabilities()[0])
    talk.auth("EXTERNAL", "joe")
    t.equal(daemon + " EXTERNAL without one", talk.said, "absent")
    talk.end()


def make_certificates(path):
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stderr=subprocess.DEVNULL, cwd=path)

    for ca, names in (("ca", ("joe", "eve")), ("other", ("stranger",))):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                ca + ".key", "-out", ca + ".crt", "-subj", "/CN=" + ca, "-days", "2")
        for name in names:
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name.replace("stranger", "joe"))
            openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key",
                    "-CAcreateserial", "-out", name + ".crt", "-days", "2")


def offers(path, closed):
    for daemon in DAEMONS:
        # From here a clear secret is allowed on one instance and not on the other.
        for where, tls, want in ((path, False, CLEAR + OPEN), (closed, False, OPEN), (closed, True, CLEAR + OPEN + PLUS)):
            talk = Talk(where, daemon, tls)
            names, text = talk.capabilities()
            t.equal("%s offers, TLS %s, closed %s" % (daemon, tls, where == closed), names, want)
            talk.end()
        talk = Talk(closed, daemon)
        text = talk.capabilities()[1]
        if daemon == "imapd":
            t.check("LOGINDISABLED", b"LOGINDISABLED" in text, text)
            t.check("LOGIN refused", talk.c.ask("a LOGIN joe secret").startswith(b"a NO [PRIVACYREQUIRED]"))
        if daemon == "dpopd":
            t.check("no USER", b"USER" not in text, text)
            t.check("USER refused", talk.c.ask("USER joe").startswith(b"-ERR [AUTH]"))
            t.equal("AUTH lists", talk.c.ask("AUTH") + b"".join(talk.c.line() for _ in range(len(OPEN) + 1)),
                    ("+OK Mechanisms follow\r\n" + "\r\n".join(OPEN) + "\r\n.\r\n").encode())
        for mechanism, want in (("PLAIN", "needs TLS"), ("XOAUTH2", "needs TLS"), ("SCRAM-SHA-1-PLUS", "absent"),
                                ("NTLM", "absent"), ("APOP", "absent"), ("c2VjcmV0", "absent")):
            talk.auth(mechanism, "x")
            t.equal("%s %s in the clear" % (daemon, mechanism), talk.said, want)
        play(talk, "SCRAM-SHA-256", "joe", "secret")
        t.equal(daemon + ": a challenge needs no TLS", talk.said, "ok")
        talk.end()
        # Each of these attempts has its line, although nobody was asked about a password.
        with open("%s/log/%s.log" % (closed, daemon)) as f:
            log = f.read()
        for text in ("PLAIN: needs TLS", "XOAUTH2: needs TLS", "SCRAM-SHA-1-PLUS: mechanism not available", "NTLM: mechanism not available",
                     "APOP: mechanism not available", "(no mechanism): mechanism not available"):
            t.equal("%s logs SASL %s" % (daemon, text), log.count('event=refused ip=127.0.0.1 text="SASL %s"' % text), 1)
        if daemon != "dsmtpd":
            t.check(daemon + " logs a password without TLS", 'event=refused ip=127.0.0.1 text="%s: needs TLS"' % (
                "LOGIN" if daemon == "imapd" else "USER") in log, log)


def conduct(path, daemon):
    talk = Talk(path, daemon)
    for mechanism in ("CRAM-MD5", "PLAIN"):
        talk.auth(mechanism)
        talk.c.say("*\r\n")
        talk.read()
        t.equal("%s %s cancelled" % (daemon, mechanism), talk.said, "cancelled")
    play(talk, "SCRAM-SHA-1", "joe", "secret")
    t.equal(daemon + ": a login after cancels", talk.said, "ok")
    talk.end()
    for name, line in (("no base64", b"!!!!"), ("base64 with blanks", b"AAAA AAAA"), ("padding within", b"AA==AAAA")):
        talk = Talk(path, daemon)
        talk.auth("CRAM-MD5")
        talk.c.say(line + b"\r\n")
        talk.read()
        t.equal("%s %s" % (daemon, name), talk.said, "cancelled")
        talk.auth("CRAM-MD5", "x")  # the server speaks first
        t.equal("%s: an initial response where there is none" % daemon, talk.said, "cancelled")
        talk.end()
    talk = Talk(path, daemon)
    talk.auth("CRAM-MD5")
    talk.c.say(b"A" * 40000 + b"\r\n")
    t.check(daemon + ": a very long response", talk.read() is None and talk.said != "ok", talk.line)
    talk.end()
    for mechanism in CLEAR + OPEN:  # A04, A16
        talk = Talk(path, daemon)
        asked = talk.auth(mechanism)
        for _ in range(12):
            asked = talk.answer("") if asked is not None else None
        t.check("%s %s with nothing in it" % (daemon, mechanism), talk.said in ("wrong", "cancelled"), talk.said)
        if mechanism != "DIGEST-MD5":
            play(talk, mechanism, "joe", "")
            t.check("%s %s with an empty password" % (daemon, mechanism), talk.said in ("wrong", "cancelled"), talk.said)
        talk.end()
    # No state of one try is good in the next (S22, A19).
    talk = Talk(path, daemon)
    play(talk, "CRAM-MD5", "joe", "wrong")
    talk.auth("PLAIN", "\0joe\0wrong")
    t.equal(daemon + ": PLAIN after CRAM-MD5", talk.said, "wrong")
    play(talk, "SCRAM-SHA-256", "joe", "wrong")
    t.equal(daemon + ": the third is refused", talk.said, "wrong")
    t.check(daemon + ": and the last", talk.c.rest().count(b"\n") <= 1)
    talk.end()
    # An unknown user's salt is as stable as a known one's.
    firsts = {}
    for user in ("joe", "nobody-here"):
        for i in range(2):
            talk = Talk(path, daemon)
            play(talk, "SCRAM-SHA-256", user, "wrong")
            firsts.setdefault(user, []).append(re.sub(rb"^r=[^,]*", b"", talk.first))
            talk.end()
    t.check(daemon + ": made-up salt stays", firsts["nobody-here"][0] == firsts["nobody-here"][1], firsts)


def apop(path):
    def stamp(c):
        found = re.fullmatch(rb"\+OK DPOP Version \S+\. (<[0-9a-f]{32}\.\d+@example\.com>)\r\n", c.greeting)
        t.check("a stamp", found, c.greeting)
        return found[1] if found else b""

    def answer(c, user, secret):
        return c.ask(b"APOP %s %s\r\n" % (user, hashlib.md5(stamp(c) + secret).hexdigest().encode()))

    a, b = Conn(path, "dpopd"), Conn(path, "dpopd")
    t.check("every stamp is another", stamp(a) != stamp(b))
    t.check("APOP", answer(a, b"joe", b"secret").startswith(b"dmail-start"))
    a.end()
    for line in (b"APOP\r\n", b"APOP joe\r\n", b"APOP joe 123\r\n"):
        c = Conn(path, "dpopd")
        t.check("malformed: %r" % line, c.ask(line).startswith(b"-ERR APOP takes"))
        c.end()
    seen = {}
    for user, secret in ((b"joe", b"wrong"), (b"nobody-here", b"secret")):
        start = time.monotonic()
        seen[user] = answer(b, user, secret), time.monotonic() - start
    t.equal("APOP: the same answer", seen[b"joe"][0], seen[b"nobody-here"][0])
    t.check("APOP: the same time", all(DELAY - 5 <= s[1] * 1000 < 20 * DELAY for s in seen.values()), seen)
    b.end()


def main():
    if not os.path.exists(os.path.join(harness.BUILD, "tests", "jail_probe")):
        print("skipped: jail_probe is not built (make unit-build)")
        sys.exit(77)
    lists = "".join("%s_mechanisms %s\n" % (d, ALL) for d in ("imapd", "dpop", "dsmtp"))
    rules = "lowercase_username true\nlogin_delay_exempt 127.*\n"
    path = set_up(lists + rules)
    closed = set_up(lists + rules + "plaintext_login_from 10.*\n")
    with_ca = set_up(lists + rules)
    make_certificates(with_ca)
    with open(with_ca + "/dmail.conf", "a") as f:
        f.write("tls_client_ca %s/ca.crt\n" % with_ca)
    pop = set_up(rules + "dpop_mechanisms apop plain\n")
    for where in (path, closed, with_ca, pop):
        shutil.copy2(os.path.join(harness.BUILD, "tests", "jail_probe"), where + "/bin/dpopd-session")
        if os.geteuid() != 0:
            harness.give_away(where)
    offers(path, closed)
    for daemon in DAEMONS:
        mechanisms(path, daemon)
        bindings(path, daemon)
        certificates(with_ca, daemon)
        conduct(path, daemon)
    apop(pop)
    for where in (path, closed, with_ca, pop):
        for daemon in DAEMONS:
            name = where + "/log/%s.log" % daemon
            log = open(name).read() if os.path.exists(name) else ""
            for event in ("violation", "died", "program-failed", "sasl-failed"):
                t.check("no %s in %s" % (event, name), event not in log, "\n".join(l for l in log.split("\n") if event in l))
    log = open(path + "/log/imapd.log").read()
    t.check("a login's line", re.search(r'event=login user="joe" account="joe" ip=127.0.0.1 service="imap" '
                                        r'method="SCRAM-SHA-256" tls=false', log))
    t.check("a binding's line", re.search(r'event=login .*method="SCRAM-SHA-1-PLUS" tls=true version="TLSv1.2"', log))
    t.check("a refusal's line", re.search(r'event=login-failed user="nobody-here" .*method="CRAM-MD5".*reason="password"', log))
    t.end()


main()
