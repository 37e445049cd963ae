"""A SASL client of the tests' own, for what no packaged client does: every mechanism, on every way in, and wrong on purpose.

A mechanism is a generator: it is sent challenges and yields responses; its first yield is the initial response, or
None where the server speaks first.  `Talk` carries it over IMAP, POP3 or SMTP, through Python's ssl or through
`openssl s_client`, which alone hands out the exported keys of TLS 1.3 (RFC 9266).
"""
import base64
import hashlib
import hmac
import os
import re
import secrets
import socket
import ssl
import subprocess

PORTS = {("imap", "plain"): "IMAP_PORT", ("imap", "starttls"): "IMAP_PORT", ("imap", "tls"): "IMAPS_PORT",
         ("pop", "plain"): "POP3_PORT", ("pop", "starttls"): "POP3_PORT", ("pop", "tls"): "POP3S_PORT",
         ("smtp", "plain"): "SUBMISSION_PORT", ("smtp", "starttls"): "SUBMISSION_PORT", ("smtp", "tls"): "SUBMISSIONS_PORT"}
WAYS = ("plain", "starttls", "tls")


class NotTheServer(Exception):
    """The server did not prove that it knows the password too."""


# ---- mechanisms -------------------------------------------------------------------------------------------------------
def plain(user, password, authzid=""):
    yield b"\0".join(x.encode() for x in (authzid, user, password))


def login(user, password):
    yield None
    yield user.encode()
    yield password.encode()


def cram_md5(user, password):
    challenge = yield None
    yield user.encode() + b" " + hmac.new(password.encode(), challenge, "md5").hexdigest().encode()


def _md5(*parts):
    return hashlib.md5(b":".join(parts)).digest()


def digest_fields(challenge):
    return {k.decode(): v or w for k, v, w in re.findall(rb'([a-z-]+)=(?:"([^"]*)"|([^,"]*))', challenge)}


def digest_md5(user, password, service, host="localhost", realm=None, change=lambda fields: fields):
    """RFC 2831, qop=auth.  `change` may spoil the list of (name, text) before it is sent."""
    challenge = digest_fields((yield None))
    realm = challenge.get("realm", b"") if realm is None else realm.encode()
    nonce, cnonce, uri = challenge["nonce"], secrets.token_hex(12).encode(), ("%s/%s" % (service, host)).encode()
    key = _md5(_md5(user.encode(), realm, password.encode()), nonce, cnonce).hex().encode()

    def proof(method):
        a2 = _md5(method, uri).hex().encode()
        return _md5(key, nonce, b"00000001", cnonce, b"auth", a2).hex().encode()

    fields = [(b"charset", b"utf-8"), (b"username", b'"%s"' % user.encode()), (b"realm", b'"%s"' % realm), (b"nonce", b'"%s"' % nonce),
              (b"nc", b"00000001"), (b"cnonce", b'"%s"' % cnonce), (b"digest-uri", b'"%s"' % uri), (b"response", proof(b"AUTHENTICATE")),
              (b"qop", b"auth")]
    answer = yield b",".join(n + b"=" + v for n, v in change(fields))
    if digest_fields(answer).get("rspauth") != proof(b""):
        raise NotTheServer(answer)
    yield b""


def scram(name, user, password, binding=None, flag=None, authzid="", spoil=lambda text: text):
    """RFC 5802; `binding` is (name, bytes) for -PLUS.  `flag` overrides the gs2 flag, `spoil` changes the last message."""
    kind = "sha256" if "256" in name else "sha1"
    gs2 = (flag or ("p=" + binding[0] if binding else "n")) + "," + ("a=" + authzid if authzid else "") + ","
    nonce = secrets.token_urlsafe(18)
    bare = "n=%s,r=%s" % (user.replace("=", "=3D").replace(",", "=2C"), nonce)
    first = (yield (gs2 + bare).encode()).decode()
    said = dict(f.split("=", 1) for f in first.split(","))
    if not said["r"].startswith(nonce) or len(said["r"]) < len(nonce) + 8 or not 4096 <= int(said["i"]) <= 1000000:
        raise NotTheServer(first)
    salted = hashlib.pbkdf2_hmac(kind, password.encode(), base64.b64decode(said["s"], validate=True), int(said["i"]))
    client = hmac.new(salted, b"Client Key", kind).digest()
    bound = gs2.encode() + (binding[1] if binding else b"")
    final = "c=%s,r=%s" % (base64.b64encode(bound).decode(), said["r"])
    signed = ",".join((bare, first, final)).encode()
    signature = hmac.new(hashlib.new(kind, client).digest(), signed, kind).digest()
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client, signature))).decode()
    last = yield spoil(final + ",p=" + proof).encode()
    if last != b"v=" + base64.b64encode(hmac.new(hmac.new(salted, b"Server Key", kind).digest(), signed, kind).digest()):
        raise NotTheServer(last)
    yield b""


def external(authzid=""):
    yield authzid.encode()


def oauthbearer(user, token):
    error = yield ("n,a=%s,\x01host=localhost\x01port=143\x01auth=Bearer %s\x01\x01" % (user, token)).encode()
    assert error.startswith(b"{"), error
    yield b"\x01"


def xoauth2(user, token):
    error = yield ("user=%s\x01auth=Bearer %s\x01\x01" % (user, token)).encode()
    assert error.startswith(b"{"), error
    yield b""


def fixed(*responses):
    """Says these, whatever the server says."""
    for r in responses:
        yield r


# ---- the wire ---------------------------------------------------------------------------------------------------------
class SClient:
    """A TLS 1.3 connection held by `openssl s_client`, with its exported key."""

    def __init__(self, port, service, way, ca):
        argv = ["openssl", "s_client", "-connect", "localhost:%d" % port, "-CAfile", ca, "-verify_return_error", "-nocommands",
                "-ign_eof", "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"]
        if way == "starttls":
            argv += ["-starttls", {"pop": "pop3"}.get(service, service)]
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.exported = b""
        # What s_client tells of the connection ends with "---" after the exporter's lines.
        for line in self.p.stdout:
            if line.strip().startswith(b"Keying material: "):
                self.exported = bytes.fromhex(line.split()[-1].decode())
            if self.exported and line.strip() == b"---":
                break

    def sendall(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def readline(self):
        line = self.p.stdout.readline()
        while line.strip() in (b"---", b"read R BLOCK"):  # it tells of tickets in the middle of the talk
            while line and line.strip() != b"read R BLOCK":
                line = self.p.stdout.readline()
            line = self.p.stdout.readline()
        return line

    def close(self):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()


class Socket:
    def __init__(self, port):
        self.s = socket.create_connection(("localhost", port), 20)
        self.f = self.s.makefile("rb")

    def wrap(self, context):
        self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.f = self.s.makefile("rb")

    def sendall(self, data):
        self.s.sendall(data)

    def readline(self):
        try:
            return self.f.readline()
        except OSError:
            return b""

    def close(self):
        self.f.close()
        self.s.close()


class Talk:
    """One connection to one of the services, greeted and, with way "starttls", under TLS."""

    def __init__(self, i, service, way="plain", version=None, certificate=None, s_client=False):
        self.service, self.way, self.n = service, way, 0
        port = getattr(i, PORTS[service, way])
        if s_client:
            self.wire = SClient(port, service, way, i.CAFILE)
            if way == "tls":
                self.greeting = self.line()
            if service == "smtp":
                self.command(b"EHLO client.example")
            return
        context = ssl.create_default_context(cafile=i.CAFILE)
        if version:
            context.minimum_version = context.maximum_version = version
        if certificate:
            context.load_cert_chain(*certificate)
        self.wire = Socket(port)
        if way == "tls":
            self.wire.wrap(context)
        self.greeting = self.line()
        if service == "smtp":
            self.command(b"EHLO client.example")
        if way == "starttls":
            self.command(b"STLS" if service == "pop" else b"STARTTLS")
            self.wire.wrap(context)
            if service == "smtp":
                self.command(b"EHLO client.example")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def binding(self, name):
        if name == "tls-exporter":
            return name, self.wire.exported
        return name, self.wire.s.get_channel_binding(name)

    def line(self):
        return self.wire.readline()

    def say(self, data):
        try:
            self.wire.sendall(data + b"\r\n")
        except OSError:
            pass  # the answer, or its absence, tells

    def final(self):
        """Every line up to the one that ends the answer; that one is the last."""
        lines = []
        while True:
            l = self.line()
            lines.append(l)
            if not l or (self.service == "imap" and not l.startswith(b"*")) or self.service == "pop" or \
                    (self.service == "smtp" and l[3:4] != b"-"):
                return lines

    def command(self, text):
        self.n += 1
        self.say((b"t%d " % self.n if self.service == "imap" else b"") + text)
        return self.final()

    def offers(self):
        """What the service says of itself, as words in upper case: AUTH=X for each mechanism of every protocol."""
        if self.service == "imap":
            return set(self.command(b"CAPABILITY")[0].decode().upper().split()[2:])
        words = set()
        if self.service == "smtp":
            lines = self.command(b"EHLO client.example")[1:]
            words |= {l[4:].decode().strip().upper() for l in lines if l[4:9].upper() == b"AUTH="}
            lines = [l[4:] for l in lines]
        else:
            lines = self.command(b"CAPA")[1:]
            while (l := self.line()).strip() != b"." and l:
                lines.append(l)
        for l in lines:
            parts = l.decode().upper().split()
            words |= {"AUTH=" + m for m in parts[1:]} if parts[:1] in (["AUTH"], ["SASL"]) else set(parts[:1])
        return words

    def good(self, line):
        return line.startswith({"imap": b"t%d OK" % self.n, "pop": b"+OK", "smtp": b"235"}[self.service])

    def continued(self, line):
        """The challenge in `line`, or None when it is the end of the exchange."""
        start = b"334 " if self.service == "smtp" else b"+ "
        if line.startswith(start) or line.strip() == start.strip():
            return base64.b64decode(line[len(start):].strip(), validate=True)
        return None

    def authenticate(self, name, mechanism, initial=True):
        """Runs the exchange; (logged in, last line).  With `initial` the first response goes with the command."""
        first = next(mechanism)
        word = b"AUTHENTICATE " if self.service == "imap" else b"AUTH "
        ask = word + name.encode()
        if initial and first is not None:
            ask += b" " + (base64.b64encode(first) or b"=")
            first = None
        self.n += 1
        self.say((b"t%d " % self.n if self.service == "imap" else b"") + ask)
        while True:
            line = self.final()[-1]
            challenge = self.continued(line)
            if challenge is None:
                return self.good(line), line
            if first is not None:
                response, first = first, None
            else:
                try:
                    response = mechanism.send(challenge)
                except StopIteration:
                    response = None
            self.say(b"*" if response is None else base64.b64encode(response))

    def alive(self):
        """The connection works: a command of its state gets its right answer."""
        l = self.command({"imap": b"NOOP", "pop": b"CAPA", "smtp": b"NOOP"}[self.service])[-1]
        if self.service == "pop":
            while l and l.strip() != b".":
                l = self.line()
        return bool(l)

    def works(self):
        """Logged in for true: the mailbox answers, or a stranger may be written to."""
        if self.service == "imap":
            return self.command(b"SELECT INBOX")[-1].startswith(b"t%d OK" % self.n)
        if self.service == "pop":
            return self.command(b"STAT")[-1].startswith(b"+OK")
        return self.command(b"MAIL FROM:<me@dmail.test>")[-1].startswith(b"250")
