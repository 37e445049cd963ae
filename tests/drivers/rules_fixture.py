"""A site for the tests of rules and limits: real programs, started as inetd does, with clients that come from
any address of 127.0.0.0/8.  The module is a script that knows joe and ann (password secret) and users whose
account has a label."""
import base64
import hmac
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

ROOT = os.geteuid() == 0
DAEMON = {"imap": "imapd", "pop": "dpopd", "smtp": "dsmtpd"}
LABELS = {"noimap": 'imap="no"', "nopop": 'pop="no"', "nosmtp": 'smtp="no"', "fromnine": 'ip="127.0.0.9 192.0.2.*"',
          "yes": 'imap="yes" pop="yes" smtp="yes"', "bad1": "", "joe": "", "ann": ""}


class Site:
    def __init__(self, **settings):
        self.path = path = harness.scratch("dmail-rules.")
        for d in ("mail", "log", "empty", "work"):
            os.mkdir(os.path.join(path, d), 0o755)
        uid = 63110 if ROOT else os.getuid()
        with open(path + "/auth", "w") as f:
            f.write("#!/bin/sh\nwhile read -r c u p; do\n  case $c$p in checksecret|lookup) s=;; "
                    "secretCRAM-MD5) s='password64=\"c2VjcmV0\"';; *) echo '-ERR wrong'; continue;; esac\n  case $u in\n")
            for user, label in LABELS.items():
                f.write("    %s) echo '+OK %s config 0 uid=\"%d\" gid=\"%d\" %s '$s;;\n" % (user, user, uid, uid, label))
            f.write("    dead) echo '-DEAD no database';;\n    *) echo '-ERR no such user';;\n  esac\ndone\n")
        os.chmod(path + "/auth", 0o755)
        if ROOT:
            os.chown(path + "/work", 65532, 65532)
        self.bin = os.path.dirname(harness.program("imapd"))
        self.set(**settings)

    def certificate(self):
        """Settings for TLS, with a certificate of our own."""
        pem, key = self.path + "/cert.pem", self.path + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", pem, "-subj", "/CN=localhost", "-days", "2"], check=True,
                       stderr=subprocess.DEVNULL)
        return {"tls_certificate": pem, "tls_key": key}

    def set(self, **settings):
        """Writes dmail.conf with these settings, the usual ones, and no others."""
        rows = {"host_domain": "example.com", "authent_method": "external", "authent_process": self.path + "/auth",
                "drop_path": self.path + "/mail", "hash_spool": 1, "work_path": self.path + "/work",
                "log_path": self.path + "/log", "jail_path": self.path + "/empty", "libexec_path": self.bin,
                "login_delay": 0, "login_delay_exempt": '""', "unix_uid_maximum": 65534}
        if ROOT:
            rows.update(login_user="65533:65533", mail_user="65532:65532", auth_user="65531:65531", module_user="65530:65530")
        rows.update(settings)
        with open(self.path + "/dmail.conf.new", "w") as f:
            f.write("".join("%s %s\n" % row for row in rows.items()))
        os.rename(self.path + "/dmail.conf.new", self.path + "/dmail.conf")

    def log(self, service):
        try:
            with open("%s/log/%s.log" % (self.path, DAEMON[service]), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def lines(self, service, event):
        return [l for l in self.log(service).split("\n") if " event=%s " % event in l]

    def dmrelay(self, *words):
        p = subprocess.run([harness.program("dmrelay"), "-C", self.path + "/dmail.conf", *words],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return p.returncode, p.stdout.decode("utf-8", "replace")


class Client:
    """One connection of `service` from `ip`; `greeting` is the first line."""

    def __init__(self, site, service, ip="127.0.0.1", args=()):
        self.service = service
        here, family = ("::1", socket.AF_INET6) if ":" in ip else ("127.0.0.1", socket.AF_INET)
        with socket.create_server((here, 0), family=family) as listener:
            self.s = socket.create_connection(listener.getsockname()[:2], 120, source_address=(ip, 0))
            server, _ = listener.accept()
        self.p = subprocess.Popen([harness.program(DAEMON[service]), "-C", site.path + "/dmail.conf", *args],
                                  stdin=server, stdout=server, stderr=server)
        server.close()
        if "--tls" in args:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                self.s = context.wrap_socket(self.s)
            except OSError:  # it ended before the handshake: the greeting is empty
                pass
        self.f = self.s.makefile("rb")
        self.greeting = self.reply()

    def line(self):
        try:
            return self.f.readline().decode("latin-1").rstrip("\r\n")
        except OSError:
            return ""

    def reply(self):
        """The last line of a reply; IMAP: the tagged one, or the one with which the server ends."""
        line = self.line()
        while self.service == "smtp" and line[3:4] == "-":
            line = self.line()
        return line

    def ask(self, command):
        try:
            self.s.sendall(command if isinstance(command, bytes) else command.encode("latin-1") + b"\r\n")
        except OSError:
            return ""
        line = self.reply()
        while self.service == "imap" and line.startswith("* ") and not line.startswith("* BYE"):
            line = self.reply()
        return line

    def login(self, user="joe", password="secret"):
        """The answer to a login, by the oldest command of each protocol."""
        if self.service == "imap":
            return self.ask("t LOGIN %s %s" % (user, password))
        if self.service == "pop":
            self.ask("USER " + user)
            return self.ask("PASS " + password)
        self.ask("EHLO me.example")
        plain = base64.b64encode(("\0%s\0%s" % (user, password)).encode("latin-1")).decode()
        return self.ask("AUTH PLAIN " + plain)

    def cram_md5(self, user="joe", password="secret"):
        """The same by a mechanism whose secret never comes over the wire."""
        if self.service == "smtp":
            self.ask("EHLO me.example")
        challenge = self.ask({"imap": "t AUTHENTICATE CRAM-MD5"}.get(self.service, "AUTH CRAM-MD5")).split(" ", 1)
        if len(challenge) != 2 or challenge[0] not in ("+", "334"):
            return " ".join(challenge)
        digest = hmac.new(password.encode(), base64.b64decode(challenge[1]), "md5").hexdigest()
        return self.ask(base64.b64encode(("%s %s" % (user, digest)).encode()).decode())

    def is_in(self):
        """Whether a session answers."""
        return good(self.service, self.ask({"imap": "n NOOP", "pop": "NOOP", "smtp": "NOOP"}[self.service]))

    def kill(self, children=True):
        """kill -9 of what the connection has become, and of its children."""
        for n in os.listdir("/proc") if children else []:
            if n.isdigit():
                try:
                    with open("/proc/%s/stat" % n) as f:
                        parent = int(f.read().rsplit(")", 1)[1].split()[1])
                except (OSError, ValueError):
                    continue
                if parent == self.p.pid:
                    os.kill(int(n), signal.SIGKILL)
        self.p.kill()
        self.p.wait(120)

    def end(self):
        self.f.close()
        self.s.close()
        self.p.wait(120)


def good(service, answer):
    return bool(re.match({"imap": r"\w+ OK", "pop": r"\+OK", "smtp": "2"}[service], answer))


def slack(site):
    """By how much an attempt may be late on this machine, as busy as it is now: a connection that waits for nothing
    is measured, several times over."""
    began = time.monotonic()
    for service in DAEMON:
        c = Client(site, service, "127.0.0.251")
        c.is_in()
        c.end()
    return 0.7 + 5 * (time.monotonic() - began)


def attempt(site, service, ip, user="joe", password="wrong", how=Client.login):
    """One login on a connection of its own: (answer, seconds it took)."""
    c = Client(site, service, ip)
    began = time.monotonic()
    answer = how(c, user, password)
    took = time.monotonic() - began
    c.end()
    return answer, took
