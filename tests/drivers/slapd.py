"""A private slapd on loopback, with entries as Active Directory has them; and a server that misbehaves."""
import os
import shutil
import socket
import subprocess
import threading
import time

import harness

SCHEMA = """
attributetype ( 1.3.6.1.4.1.4203.666.77.1.1 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.2 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.3 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.4 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.5 NAME 'mailQuota' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.6 NAME 'mailDrop' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.7 NAME 'mailForward' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.8 NAME 'mailServer' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.4203.666.77.1.9 NAME 'imapEnabled' EQUALITY booleanMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 )
objectclass ( 1.3.6.1.4.1.4203.666.77.2.1 NAME 'mailUser' SUP top AUXILIARY
  MAY ( sAMAccountName $ userPrincipalName $ proxyAddresses $ userAccountControl $ mailQuota $ mailDrop $
        mailForward $ mailServer $ imapEnabled $ uidNumber $ gidNumber ) )
"""


free_port = harness.free_port


def make_certificate(path, name, authority):
    """NAME.pem and NAME.key for 127.0.0.1 signed by AUTHORITY.pem, which is made when missing."""
    quiet = {"check": True, "stderr": subprocess.DEVNULL, "cwd": path}
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if not os.path.exists(os.path.join(path, authority + ".pem")):
        subprocess.run(["openssl", "req", "-x509", *key, "-keyout", authority + ".key", "-out", authority + ".pem",
                        "-subj", "/CN=" + authority, "-days", "2"], **quiet)
    subprocess.run(["openssl", "req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=localhost"], **quiet)
    with open(os.path.join(path, name + ".ext"), "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    subprocess.run(["openssl", "x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
                    "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext"], **quiet)


class Slapd:
    """`entries` is LDIF below dc=example,dc=com; SUFFIXES are served, each with the same administrator."""

    def __init__(self, entries):
        self.program = shutil.which("slapd")
        self.dir = harness.scratch("dmail-slapd.")
        self.port, self.tls_port = free_port(), free_port()
        self.socket = "ldapi://" + (self.dir + "/socket").replace("/", "%2F")
        make_certificate(self.dir, "server", "ca")
        with open(self.dir + "/mail.schema", "w") as f:
            f.write(SCHEMA)
        with open(self.dir + "/slapd.conf", "w") as f:
            f.write("".join("include %s\n" % harness.of_package("/etc/ldap/schema/%s.schema" % n) for n in ("core", "cosine", "nis", "inetorgperson")))
            f.write("include {0}/mail.schema\nmodulepath {1}\nmoduleload back_mdb\npidfile {0}/pid\n"
                    "TLSCertificateFile {0}/server.pem\nTLSCertificateKeyFile {0}/server.key\n"
                    "TLSCACertificateFile {0}/ca.pem\nsizelimit 50\n"
                    "database mdb\nsuffix dc=example,dc=com\ndirectory {0}/db\nmaxsize 20000000\n"
                    "rootdn cn=admin,dc=example,dc=com\nrootpw admin\n"
                    "access to attrs=userPassword by anonymous auth by * none\n"
                    "access to * by dn.base=cn=dmail,dc=example,dc=com read by * none\n".format(self.dir, harness.of_package("/usr/lib/ldap")))
        os.mkdir(self.dir + "/db")
        with open(self.dir + "/entries.ldif", "w") as f:
            f.write(entries)
        made = subprocess.run([self.program, "-T", "add", "-f", self.dir + "/slapd.conf", "-l", self.dir + "/entries.ldif"],
                              capture_output=True, text=True)
        if made.returncode != 0:
            raise SystemExit("slapadd: " + made.stderr)
        self.process = None
        self.start()

    def start(self):
        with open(self.dir + "/log", "a") as log:
            self.process = subprocess.Popen(
                [self.program, "-d", "256", "-f", self.dir + "/slapd.conf", "-h",
                 "ldap://127.0.0.1:%d/ ldaps://127.0.0.1:%d/ %s" % (self.port, self.tls_port, self.socket)],
                stdout=log, stderr=log)
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", self.tls_port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise SystemExit("slapd did not start: " + open(self.dir + "/log").read()[-2000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(120)


# ---- BER (X.690), as much as a bind and a search need

def tlv(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + size + body


def text(s, tag=4):
    return tlv(tag, s.encode() if isinstance(s, str) else s)


def read_tlv(data, at=0):
    """(tag, body, end) of the element at `at`."""
    size, start = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(data[start:start + count], "big"), start + count
    return data[at], data[start:start + size], start + size


def children(body):
    at, found = 0, []
    while at < len(body):
        tag, inner, at = read_tlv(body, at)
        found.append((tag, inner))
    return found


class FakeServer:
    """Answers each request with what `reply(tag, parts)` returns: a list of (tag, body) operations, or None
    to hang up, or "silent" to say nothing.  `requests` has every request's tag and parts."""

    def __init__(self, reply):
        self.reply, self.requests, self.raw = reply, [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            while data := s.recv(65536):
                self.raw += data
                if not self.answer(s, data):
                    return
        except OSError:
            pass  # the client left
        finally:
            s.close()

    def answer(self, s, data):
        if data[0] != 0x30:
            return True  # a TLS handshake: nobody knows what that is
        (_, number), (tag, body) = children(read_tlv(data)[1])[:2]
        parts = children(body)
        self.requests.append((tag, parts))
        answer = self.reply(tag, parts)
        if answer is None:
            return False
        for operation, content in [] if answer == "silent" else answer:
            s.sendall(tlv(0x30, tlv(2, number), tlv(operation, content)))
        return True


def result(code, diagnostic="", referral=""):
    more = tlv(0xA3, text(referral)) if referral else b""
    return tlv(10, bytes([code])) + text("") + text(diagnostic) + more


def entry(dn, **attributes):
    return text(dn) + tlv(0x30, *[tlv(0x30, text(name), tlv(0x31, text(value))) for name, value in attributes.items()])


BIND, BIND_DONE, SEARCH, SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE = 0x60, 0x61, 0x63, 0x64, 0x65, 0x73
