"""The host of the administrator's hour: a bare Debian on a network of its own, where dmail serves the standard
ports, and what an administrator and the users' programs do there."""
import contextlib
import glob
import imaplib
import os
import re
import smtplib
import socket
import ssl
import subprocess
import time

import debian
import harness

TREE = "/usr/src/dmail"
CONF = "/usr/local/etc/dmail.conf"
DOCS = "/usr/local/share/doc/dmail"
SPOOL = "/var/spool/dmail"
LIBEXEC = "/usr/local/lib/dmail"
# The servers' own needs, what an administrator has at hand, and one of the two super-servers (the package of the
# other conflicts with it, so it waits as a file).
PACKAGES = ["make", "binutils", "xinetd", "openssl", "curl", "libgsasl18", "libldap-2.5-0", "procps", "logrotate", "less"]


class MailHost:
    def __init__(self):
        self.host = debian.Debian("admin-hour", PACKAGES, own_network=True, binds=[harness.ROOT + ":" + TREE],
                                  waiting=["openbsd-inetd"])
        self.host.join_network()
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.inetd = None

    # ---- the administrator
    def run(self, *words, **how):
        return self.host.run(*words, **how)

    def must(self, *words, **how):
        return self.host.must(*words, **how)

    def start(self, *words):
        """A program that stays until the end, or until ended by its name."""
        self.host.start(*words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sh(self, script):
        return self.host.must("sh", "-ec", script)

    def conf(self, change=None, lines=None):
        """dmail.conf, as a function of its text changes it or as whole new lines."""
        text = lines if lines is not None else change(self.host.read(CONF))
        self.host.write(CONF, text, 0o640)

    def host_is_content(self):
        """dmconf host's exit status and what it finds; that a certificate has a year to go is no finding."""
        status, out = self.run("dmconf", "host")
        return status, [l for l in out.splitlines() if "; expires in " not in l]

    @contextlib.contextmanager
    def changed_conf(self, change):
        before = self.host.read(CONF)
        self.conf(change)
        try:
            yield
        finally:
            self.host.write(CONF, before, 0o640)

    def manual(self, page):
        """The source of an installed page, its examples as somebody would type them."""
        text = self.host.read("/usr/local/share/man/man%s/%s" % (page[-1], page))
        return re.sub(r"^    ", "", text.replace("\\-", "-").replace("\\e", "\\"), flags=re.M)

    def serve(self, *words):
        """Ends the super-server that runs and starts another, in the foreground of its own."""
        self.end_serving()
        if words:
            self.inetd = self.host.start(*words)
            wait_for(lambda: self.answers(143), 30, "nobody answers on port 143 after " + " ".join(words))

    def end_serving(self):
        if self.inetd is not None:
            self.run("sh", "-c", "kill $(pidof xinetd inetd) 2>/dev/null")
            self.inetd.wait(20)
            self.inetd = None

    # ---- the log
    def log_position(self):
        """Sizes of all logs now, for log_since()."""
        return {p: os.path.getsize(p) for p in self.log_files()}

    def log_files(self):
        return glob.glob(self.host.path("/var/log/dmail/*.log"))

    def log_since(self, position):
        text = ""
        for path in self.log_files():
            with open(path, errors="replace") as f:
                f.seek(position.get(path, 0))
                text += f.read()
        return text

    def log_line(self, position, *words, seconds=10):
        """The first line since then that has all the words; None after some seconds."""
        end = time.monotonic() + seconds
        while True:
            for line in self.log_since(position).splitlines():
                if all(w in line for w in words):
                    return line
            if time.monotonic() > end:
                return None
            time.sleep(0.1)

    # ---- mail
    def mail_files(self):
        """Every file and directory of mail: path -> size, for "nothing went to another place"."""
        found = {}
        for top in (SPOOL, "/var/mail", "/home"):
            for folder, dirs, names in os.walk(self.host.path(top)):
                for n in dirs + names:
                    path = os.path.join(folder, n)
                    found[path[len(self.host.root):]] = os.path.getsize(path) if os.path.isfile(path) else -1
        return found

    # ---- clients
    def answers(self, port):
        """Whether somebody greets there."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
                return bool(s.recv(1))
        except OSError:
            return False

    def imap(self, user, password, port=143, starttls=True):
        """A logged in client."""
        if port == 993:
            c = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=self.tls, timeout=30)
        else:
            c = imaplib.IMAP4("127.0.0.1", port, timeout=30)
            if starttls:
                c.starttls(self.tls)
        c.login(user, password)
        return c

    def imap_verdict(self, user, password, **how):
        """What a login comes to: (ok | temporary | refused | closed, the server's words)."""
        try:
            c = self.imap(user, password, **how)
        except (imaplib.IMAP4.error, OSError) as e:
            text = str(e)
            if "[UNAVAILABLE]" in text or "BYE" in text:
                return "temporary", text
            return ("closed" if "EOF" in text or isinstance(e, OSError) or "abort" in type(e).__name__ else "refused"), text
        try:
            status, data = c.select("INBOX")
            words = b" ".join(x or b"" for x in data).decode()
            return ("ok" if status == "OK" else "temporary" if "UNAVAILABLE" in words else "refused"), words
        finally:
            with contextlib.suppress(Exception):
                c.logout()

    def deliver(self, to, subject, sender="friend@there.example", size=0, message_id=None):
        """What a message by SMTP comes to: (ok | temporary | refused | closed, the server's words)."""
        lines = ["From: " + sender, "To: " + to, "Subject: " + subject, "Message-ID: %s" % (message_id or "<%s@there.example>" %
                 re.sub(r"\W", "-", subject)), "", "It works."] + ["x" * 70] * (size // 72)
        try:
            with smtplib.SMTP("127.0.0.1", 25, timeout=60, local_hostname="there.example") as c:
                c.sendmail(sender, [to], "\r\n".join(lines) + "\r\n")
            return "ok", ""
        except smtplib.SMTPRecipientsRefused as e:
            code, text = next(iter(e.recipients.values()))
            return ("temporary" if code < 500 else "refused"), "%d %s" % (code, text.decode())
        except smtplib.SMTPResponseException as e:
            return ("temporary" if e.smtp_code < 500 else "refused"), "%d %s" % (e.smtp_code, e.smtp_error)
        except (OSError, smtplib.SMTPException) as e:
            return "closed", str(e)

    def subjects(self, user, password, folder="INBOX", **how):
        c = self.imap(user, password, **how)
        try:
            status, data = c.select(folder, readonly=True)
            if status != "OK" or data == [b"0"]:
                return []
            status, data = c.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            return [x[1].decode().strip()[len("Subject: "):] for x in data if isinstance(x, tuple)]
        finally:
            c.logout()


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise debian.Broken(what)
        time.sleep(0.1)
