#!/usr/bin/env python3
"""TLS of imapd, dpopd and dsmtpd by openssl s_client and Python's ssl: both ways in, versions, ciphers, ALPN,
certificates by name, tickets, client certificates.  Rows A14, S03 of the list of past failures."""
import base64
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

harness.need("openssl")
t = harness.Suite()
GREETING = {"imap": b"* OK", "pop3": b"+OK", "smtp": b"220"}
GO = {"imap": (b"x STARTTLS", b"x OK"), "pop3": (b"STLS", b"+OK"), "smtp": (b"STARTTLS", b"220")}
NOOP = {"imap": (b"n NOOP", b"n OK"), "pop3": (b"CAPA", b"+OK"), "smtp": (b"NOOP", b"250")}
LOG = {"imap": "imapd", "pop3": "dpopd", "smtp": "dsmtpd"}


def make(*argv):
    subprocess.run(["openssl", *argv], check=True, stderr=subprocess.DEVNULL)


def certificate(path, name, *more, kind="ec"):
    kinds = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["-newkey", "rsa:2048"]}
    make("req", "-x509", *kinds[kind], "-nodes", "-days", "2", "-keyout", path + ".key", "-out", path + ".pem",
         "-subj", "/CN=" + name, *more)


def client_certificate(path, ca, name, mail):
    make("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path + ".key",
         "-out", path + ".csr", "-subj", "/CN=" + name)
    with open(path + ".ext", "w") as f:
        f.write("extendedKeyUsage=clientAuth\nsubjectAltName=email:%s\n" % mail)
    make("x509", "-req", "-in", path + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-days", "2",
         "-extfile", path + ".ext", "-out", path + ".pem")


def context(version=None, identity=None, alpn=None, ciphers=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    if version:
        c.minimum_version = c.maximum_version = version
    if identity:
        c.load_cert_chain(identity + ".pem", identity + ".key")
    if alpn:
        c.set_alpn_protocols(alpn)
    if ciphers:
        c.set_ciphers(ciphers)
    return c


def port_of(i, service, tls):
    names = {"imap": "IMAPS", "pop3": "POP3S", "smtp": "SUBMISSIONS"} if tls == "direct" else \
        {"imap": "IMAP", "pop3": "POP3", "smtp": "SUBMISSION"}
    return getattr(i, names[service] + "_PORT")


class Line:
    """A connection; `tls` is "direct", "starttls" or None."""

    def __init__(self, i, service, tls, how=None, session=None, name=None):
        self.service = service
        self.s = socket.create_connection(("127.0.0.1", port_of(i, service, tls)), 20)
        if tls == "direct":
            self.s = (how or context()).wrap_socket(self.s, session=session, server_hostname=name)
        self.f = self.s.makefile("rb")
        self.greeting = self.f.readline()
        if tls == "starttls":
            if service == "smtp":
                self.ask(b"EHLO c.example")
            line = self.ask(GO[service][0])
            assert line.startswith(GO[service][1]), line
            self.s = (how or context()).wrap_socket(self.s, session=session, server_hostname=name)
            self.f = self.s.makefile("rb")

    def ask(self, line):
        """The last line of the answer."""
        self.s.sendall(line + b"\r\n")
        self.all = b""
        while True:
            got = self.f.readline()
            self.all += got
            tag = line.split(b" ")[0]
            if not got or (self.service == "imap" and got.startswith((tag + b" ", b"+"))) or \
                    (self.service == "smtp" and got[3:4] == b" ") or \
                    (self.service == "pop3" and (line != b"CAPA" or got == b".\r\n" or got[:1] == b"-")):
                return got if line != b"CAPA" else self.all

    def alive(self):
        command, good = NOOP[self.service]
        return self.ask(command).startswith(good)

    def offers(self):
        ask = {"imap": b"c CAPABILITY", "pop3": b"CAPA", "smtp": b"EHLO c.example"}[self.service]
        self.ask(ask)
        return self.all

    def log_in(self, user, password):
        if self.service == "imap":
            return self.ask(b"l LOGIN %s %s" % (user, password)).startswith(b"l OK")
        if self.service == "pop3":
            return self.ask(b"USER " + user).startswith(b"+OK") and self.ask(b"PASS " + password).startswith(b"+OK")
        self.ask(b"EHLO c.example")
        return self.ask(b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + password)).startswith(b"235")

    def external(self, acts_for=b""):
        word = base64.b64encode(acts_for) or b"="
        if self.service == "imap":
            got = self.ask(b"e AUTHENTICATE EXTERNAL " + word)
            return got.startswith(b"e OK")
        if self.service == "pop3":
            return self.ask(b"AUTH EXTERNAL " + word).startswith(b"+OK")
        self.ask(b"EHLO c.example")
        return self.ask(b"AUTH EXTERNAL " + word).startswith(b"235")

    def close(self):
        try:
            self.s.close()
        except OSError:
            pass


def attempt(f):
    """What f() gives, or None when the connection did not come to be."""
    try:
        return f()
    except (OSError, AssertionError):
        return None


def shown(i, service, tls, name=None, how=None):
    """CN of the certificate that the server shows."""
    line = Line(i, service, tls, how, name=name)
    der = line.s.getpeercert(True)
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, stdout=subprocess.PIPE).stdout
    line.close()
    return re.search(rb"CN = ?([^\n,]+)", text)[1].decode()


class Settings:
    """Lines at the end of the instance's dmail.conf; the next connection reads them."""

    def __init__(self, i):
        self.path = i.dir + "/dmail.conf"
        self.base = open(self.path).read()

    def set(self, *lines):
        with open(self.path, "w") as f:
            f.write(self.base + "".join(l + "\n" for l in lines))


def log_of(i, service):
    with open("%s/log/%s.log" % (i.dir, LOG[service])) as f:
        return f.read()


def s_client(i, service, *options, tls="direct", text=b""):
    port = str(port_of(i, service, tls))
    argv = ["openssl", "s_client", "-connect", "127.0.0.1:" + port, "-ign_eof", "-quiet" if text else "-brief", *options]
    if tls == "starttls":
        argv += ["-starttls", service]
    status, out, err = harness.run(argv, input=text or {"imap": b"q LOGOUT\r\n"}.get(service, b"QUIT\r\n"))
    return status, out + err


def versions_and_ciphers(i, conf, service):
    user, password = i.USER1.encode(), i.PASS1.encode()
    for tls in ("direct", "starttls"):
        where = service + " " + tls
        status, out = s_client(i, service, "-tls1_2", tls=tls)
        t.check(where + ": TLS 1.2", status == 0 and b"TLSv1.2" in out, out)
        status, out = s_client(i, service, "-tls1_3", tls=tls)
        t.check(where + ": TLS 1.3", status == 0 and b"TLSv1.3" in out, out)
        for old in ("-tls1", "-tls1_1"):
            status, out = s_client(i, service, old, "-cipher", "ALL:@SECLEVEL=0", tls=tls)
            t.check(where + ": no " + old, status != 0 and b"protocol version" in out, out)
        status, out = s_client(i, service, "-CAfile", i.CAFILE, "-verify_return_error", tls=tls)
        t.check(where + ": the certificate verifies", b"Verification: OK" in out, out)
        line = Line(i, service, tls)
        t.check(where + ": the log in", line.log_in(user, password))
        line.close()
        conf.set("tls_minimum 1.3")
        t.check(where + ": tls_minimum", attempt(lambda: Line(i, service, tls, context(ssl.TLSVersion.TLSv1_2))) is None)
        t.check(where + ": tls_minimum is enough", Line(i, service, tls).s.version() == "TLSv1.3")
        conf.set("tls_ciphers ECDHE-ECDSA-CHACHA20-POLY1305")
        line = Line(i, service, tls, context(ssl.TLSVersion.TLSv1_2))
        t.equal(where + ": tls_ciphers", line.s.cipher()[0], "ECDHE-ECDSA-CHACHA20-POLY1305")
        line.close()
        t.check(where + ": no other cipher", attempt(lambda: Line(i, service, tls, context(
            ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"))) is None)
        conf.set()
        line = Line(i, service, tls, context(alpn=["x", service]))
        t.equal(where + ": ALPN", line.s.selected_alpn_protocol(), service)
        line.close()
        t.check(where + ": no browser", attempt(lambda: Line(i, service, tls, context(alpn=["h2", "http/1.1"]))) is None)
    # Nothing that was read before the handshake counts after it.
    line = Line(i, service, None)
    if service == "smtp":
        line.ask(b"EHLO c.example")
    line.s.sendall(GO[service][0] + b"\r\n" + NOOP[service][0] + b"\r\n")
    rest = line.f.read()
    t.check(service + ": nothing behind STARTTLS", rest.count(b"\n") < 2 and NOOP["smtp"][1] not in rest, rest)
    line.close()
    # What was said before the handshake is forgotten by it.
    line = Line(i, service, "starttls")
    if service == "smtp":
        t.check("smtp: EHLO again", line.ask(b"MAIL FROM:<a@b.example>").startswith(b"503"))
    t.check(service + ": no TLS in TLS", GO[service][0].split()[-1] not in line.offers().upper())
    line.close()


def by_name(i, conf, service, path):
    conf.set("tls_certificate_for other.example %s.pem %s.key" % (path + "/other", path + "/other"),
             "tls_certificate_for *.wild.example %s.pem %s.key" % (path + "/wild", path + "/wild"),
             "tls_certificate_for broken.example %s.pem /no/such.key" % (path + "/other"))
    usual = "localhost"
    for tls in ("direct", "starttls"):
        t.equal("%s %s: certificates by name" % (service, tls),
                [shown(i, service, tls, n) for n in (None, "OTHER.example", "a.b.wild.example", "wild.example", "x.test", "broken.example")],
                [usual, "other", "wild", usual, usual, usual])
    t.check(service + ": a missing key is logged", 'event=tls-certificate-failed' in log_of(i, service))
    shutil.copy(path + "/wild.key", path + "/new.key")
    os.rename(path + "/new.key", path + "/other.key")
    shutil.copy(path + "/wild.pem", path + "/new.pem")
    os.rename(path + "/new.pem", path + "/other.pem")
    t.equal(service + ": a changed certificate", shown(i, service, "direct", "other.example"), "wild")
    shutil.copy(path + "/first.key", path + "/other.key")
    shutil.copy(path + "/first.pem", path + "/other.pem")
    t.equal(service + ": and back, written in place", shown(i, service, "direct", "other.example"), "other")
    conf.set("tls_certificate %s/both.pem" % path, "tls_key %s/both.key" % path)
    for kind in ("ECDSA", "RSA"):
        c = context(ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-%s-AES256-GCM-SHA384" % kind)
        t.equal("%s: a certificate for %s" % (service, kind), shown(i, service, "direct", how=c), kind.lower())
    plain_rsa = context(ssl.TLSVersion.TLSv1_2, ciphers="AES128-GCM-SHA256")
    t.check(service + ": no cipher without forward secrecy", attempt(lambda: shown(i, service, "direct", how=plain_rsa)) is None)
    conf.set("tls_certificate %s/both.pem" % path, "tls_key %s/both.key" % path, "tls_ciphers DEFAULT")
    t.equal(service + ": unless it is asked for", shown(i, service, "direct", how=plain_rsa), "rsa")
    conf.set("tls_key %s/open.key" % path, "tls_certificate %s/first.pem" % path)
    t.check(service + ": a key for everybody is no key", attempt(lambda: shown(i, service, "starttls")) is None)
    t.check(service + ": and the log says why", "can be read by everybody" in log_of(i, service))
    conf.set()


def tickets(i, conf, service):
    where = i.WORK if hasattr(i, "WORK") else i.dir
    path = next(os.path.join(d, "tls-tickets") for d, _, fs in os.walk(where) if "tls-tickets" in fs)
    t.equal("the keys are nobody else's", (os.stat(path).st_mode & 0o7777, os.stat(path).st_uid), (0o600, os.geteuid()))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        what = "%s %s: " % (service, version.name)
        c = context(version)

        def line(session=None, tls="direct"):
            l = Line(i, service, tls, c, session)
            l.alive()  # TLS 1.3 brings tickets with the first bytes
            return l
        first = line()
        t.check(what + "the first is not resumed", not first.s.session_reused)
        session = first.s.session
        t.check(what + "a ticket for half a day at most", session.has_ticket and 0 < session.ticket_lifetime_hint <= 43200,
                session.ticket_lifetime_hint)
        first.log_in(i.USER1.encode(), i.PASS1.encode())
        first.close()
        again = line(session)
        t.check(what + "resumed", again.s.session_reused)
        if service == "imap":
            t.check("a ticket is no login", again.ask(b"s SELECT INBOX").startswith(b"s BAD") or again.all.startswith(b"s NO"), again.all)
        if service == "pop3":
            t.check("a ticket is no login", again.ask(b"STAT").startswith(b"-ERR"))
        t.check(what + "and logged in", again.log_in(i.USER1.encode(), i.PASS1.encode()))
        t.check(what + "the log knows", re.search(r"event=login .*resumed=true", log_of(i, service)), log_of(i, service)[-600:])
        again.close()
        t.check(what + "resumed after STARTTLS", line(session, "starttls").s.session_reused)
        conf.set("tls_tickets false")
        off = line(session)
        t.check(what + "tls_tickets false", not off.s.session_reused and not (off.s.session and off.s.session.has_ticket))
        off.close()
        conf.set()
        t.check(what + "still good", line(session).s.session_reused)
        with open(path, "r+b") as f:
            f.truncate(50)
        new = line(session)
        t.check(what + "torn keys are replaced", not new.s.session_reused and "event=ticket-keys-replaced" in log_of(i, service))
        t.check(what + "and the new ones serve", line(new.s.session).s.session_reused)
        os.unlink(path)
        t.check(what + "keys taken away are made again", not line(new.s.session).s.session_reused and os.path.exists(path))


def client_certificates(i, conf, service, path):
    mechanisms = ["%s_mechanisms plain login external" % d for d in ("imapd", "dpop", "dsmtp")]
    word = {"imap": b"AUTH=EXTERNAL", "pop3": b"EXTERNAL", "smtp": b"EXTERNAL"}[service]
    settings = mechanisms + ["tls_client_ca %s/ca.pem" % path,
                             "tls_certificate_for other.example %s.pem %s.key" % (path + "/other", path + "/other")]
    conf.set(*settings)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        what = "%s %s: " % (service, version.name)
        plain = Line(i, service, "direct", context(version))
        t.check(what + "no certificate, no EXTERNAL", word not in plain.offers())
        t.check(what + "no certificate, a password", plain.log_in(i.USER1.encode(), i.PASS1.encode()))
        plain.close()
        for tls, name, acts_for in (("direct", None, b""), ("starttls", None, b""), ("direct", "other.example", b""),
                                    ("starttls", "other.example", b""), ("direct", "other.example", i.MAIL1.encode())):
            line = Line(i, service, tls, context(version, path + "/person"), name=name)
            t.check(what + tls + ": EXTERNAL is offered", word in line.offers(), line.all)
            t.check(what + "%s: EXTERNAL logs in, %s %s" % (tls, name, acts_for), line.external(acts_for), line.all)
            line.close()
        line = Line(i, service, "direct", context(version, path + "/person"), name="other.example")
        t.check(what + "nor for another under another name", not line.external(i.MAIL2.encode()), line.all)
        line.close()
        # A ticket from one name is none under another: the client sees that one's certificate, and shows its own.
        c = context(version)
        first = Line(i, service, "direct", c)
        first.alive()
        session = first.s.session
        first.close()
        line = Line(i, service, "direct", c, session, "other.example")
        t.check(what + "no resumption under another name", session.has_ticket and not line.s.session_reused)
        line.close()
        line = Line(i, service, "direct", context(version, path + "/person"))
        t.check(what + "as oneself", line.external(i.MAIL1.encode()), line.all)
        t.check(what + "no ticket with a certificate", not line.s.session or not line.s.session.has_ticket)
        line.close()
        for who, why in (("stranger", "of another authority"), ("nobody", "of nobody here")):
            line = Line(i, service, "direct", context(version, path + "/" + who))
            t.check(what + "a certificate " + why, not line.external(), line.all)
            line.close()
        line = Line(i, service, "direct", context(version, path + "/stranger"))
        t.check(what + "a bad certificate leaves the password", line.log_in(i.USER1.encode(), i.PASS1.encode()), line.all)
        line.close()
        line = Line(i, service, "direct", context(version, path + "/person"))
        t.check(what + "not for another", not line.external(i.MAIL2.encode()), line.all)
        line.close()
        # The server's certificate is renewed between handshake and login.
        line = Line(i, service, "direct", context(version, path + "/person"), name="other.example")
        shutil.copy(path + "/wild.pem", path + "/new.pem")
        os.rename(path + "/new.pem", path + "/other.pem")
        t.check(what + "a certificate renewed meanwhile", line.external(), line.all)
        line.close()
        shutil.copy(path + "/first.pem", path + "/other.pem")
    t.check(service + ": the log", re.search(r'event=login .*ip=127.0.0.1.*method="EXTERNAL"', log_of(i, service)), log_of(i, service)[-900:])
    conf.set(*mechanisms)
    line = Line(i, service, "direct", context(identity=path + "/person"))
    t.check(service + ": no authorities, no EXTERNAL", word not in line.offers())
    line.close()
    conf.set()


def main():
    path = harness.scratch("dmail-tls.")
    for name in ("other", "wild"):
        certificate(path + "/" + name, name)
    for end in (".pem", ".key"):
        shutil.copy(path + "/other" + end, path + "/first" + end)
    shutil.copy(path + "/first.key", path + "/open.key")
    os.chmod(path + "/open.key", 0o644)
    certificate(path + "/ecdsa", "ecdsa")
    certificate(path + "/rsa", "rsa", kind="rsa")
    for end in (".pem", ".key"):
        with open(path + "/both" + end, "w") as f:
            f.write(open(path + "/ecdsa" + end).read() + open(path + "/rsa" + end).read())
    os.chmod(path + "/both.key", 0o600)
    certificate(path + "/ca", "Authority")
    certificate(path + "/other-ca", "Authority")
    with harness.Instance("--set", "login_delay 0", "--set", "login_delay_exempt 127.* ::1") as i:
        client_certificate(path + "/person", path + "/ca", "Person", i.MAIL1)
        client_certificate(path + "/stranger", path + "/other-ca", "Person", i.MAIL1)
        client_certificate(path + "/nobody", path + "/ca", "Nobody", "nobody@" + i.MAIL1.split("@")[1])
        conf = Settings(i)
        for service in ("imap", "pop3", "smtp"):
            versions_and_ciphers(i, conf, service)
            by_name(i, conf, service, path)
            tickets(i, conf, service)
            client_certificates(i, conf, service, path)
    t.end()


main()
