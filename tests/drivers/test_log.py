#!/usr/bin/env python3
"""What an operator finds in the log, and in ps(1): levels, paths and owners, deliveries, ends of sessions."""
import glob
import grp
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules_fixture as rules
from rules_fixture import Client, Site, harness

t = harness.Suite()
ROOT = os.geteuid() == 0
UID = 63110 if ROOT else os.getuid()


def wait_for(what, found, seconds=20):
    until = time.monotonic() + seconds
    while not (got := found()) and time.monotonic() < until:
        time.sleep(0.02)
    return t.check(what, got, got) and got


def lines(site, service, event, **fields):
    return [l for l in site.lines(service, event) if all(" %s=%s" % f in l + " " for f in fields.items())]


def ends(site, service, n=1):
    """The lines of `n` sessions that have ended."""
    return wait_for("%s: %d ends" % (service, n), lambda: len(got := site.lines(service, "session-end")) >= n and got)


def fields(line):
    """name=value pairs of a line, texts without their quotation marks."""
    return {k: v.strip('"') for k, v in re.findall(r' (\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)}


def message(c, sender, to, text):
    c.ask("EHLO me.example")
    answers = [c.ask("MAIL FROM:<%s>" % sender)] + [c.ask("RCPT TO:<%s>" % a) for a in to]
    if not answers[-1].startswith("250"):
        return answers[-1]
    c.ask("DATA")
    c.s.sendall(text.encode("latin-1"))
    return c.ask(".")


MAIL = "Subject: x\r\nMessage-ID: <m1@there.example>\r\n\r\nhello\r\n"


def deliveries():
    site = Site()
    c = Client(site, "smtp", "127.0.0.3")
    t.check("delivered", message(c, "s@x.example", ["joe@example.com"], MAIL).startswith("250"))
    folded = "Message-Id:\r\n <fold\x01ed\xe9@x>\r\nSubject: y\r\n\r\n"
    t.check("with a folded id", message(c, "", ["joe+tag@example.com"], folded).startswith("250"))
    t.check("a bare LF", message(c, "s@x.example", ["joe@example.com"], "Message-ID: <bad@x>\r\n\r\na\nb\r\n").startswith("550 5.6.11"))
    c.end()
    one, two = (fields(l) for l in site.lines("smtp", "delivered"))
    drop = glob.glob(site.path + "/mail/*/joe")[0]
    t.equal("the line of a delivery", {k: one[k] for k in ("level", "from", "to", "user", "ip", "protocol", "login", "size",
                                                           "message_id", "mailbox", "code")},
            {"level": "info", "from": "s@x.example", "to": "joe@example.com", "user": "joe", "ip": "127.0.0.3", "protocol": "ESMTP",
             "login": "", "size": str(len(MAIL)), "message_id": "<m1@there.example>", "mailbox": drop, "code": "250"})
    t.equal("an id that is folded and odd", (two["message_id"], two["from"], two["to"]), ("<fold?ed?@x>", "", "joe+tag@example.com"))
    refused = fields(site.lines("smtp", "message-refused")[0])
    t.equal("a refused message", [refused[k] for k in ("level", "from", "to", "ip", "code", "message_id")],
            ["info", "s@x.example", "joe@example.com", "127.0.0.3", "550", "<bad@x>"])
    end = fields(ends(site, "smtp")[0])
    t.equal("the end of it", [end[k] for k in ("ip", "reason", "stored", "refused")], ["127.0.0.3", "refused", "2", "0"])
    t.check("with octets and commands", int(end["in"]) > 200 and int(end["out"]) > 200 and int(end["commands"]) == 12, end)
    # From where bare LF may come.
    site.set(smtp_bare_newline_from="127.0.0.4")
    for ip, wanted in (("127.0.0.3", "550 5.6.11"), ("127.0.0.4", "250")):
        c = Client(site, "smtp", ip)
        t.equal("bare LF from " + ip, message(c, "s@x.example", ["ann@example.com"], "Subject: lf\n\n.dot\n.\r\n\n.\nlast\r\n")[:len(wanted)], wanted)
        c.end()
    with open(glob.glob(site.path + "/mail/*/ann")[0], "rb") as f:
        text = f.read()
    t.check("is stored line by line, whole", b"Subject: lf\n\n.dot\n.\n\n.\nlast\n" in text, text)


def levels():
    """An error is what an administrator repairs; nothing that a user does is one."""
    site = Site(user_quota="1", max_sessions_per_user=1)
    for service in ("imap", "pop", "smtp"):
        t.check(service + ": wrong password", not rules.good(service, rules.attempt(site, service, "127.0.0.1")[0]))
    c = Client(site, "imap")
    c.login("ann")
    for command in ("a SELECT nowhere", "b CREATE INBOX", "c RENAME x y", "d DELETE nowhere", "e NONSENSE", "f APPEND INBOX {99999}"):
        t.check(command, re.match(r"\w (NO|BAD)", c.ask(command)))
    other = Client(site, "imap")
    t.check("too many sessions", "LIMIT" in other.login("ann"))
    other.end()
    c.end()
    big = "Subject: big\r\n\r\n" + ("x" * 70 + "\r\n") * 40
    c = Client(site, "smtp")
    t.check("over quota", message(c, "s@x.example", ["joe@example.com"], big).startswith("552 5.2.2"))
    t.check("no such user", c.ask("MAIL FROM:<a@b.example>") and c.ask("RCPT TO:<noone@example.com>").startswith("550"))
    c.ask("GARBAGE")
    c.end()
    ends(site, "smtp", 2)
    for service in rules.DAEMON:
        t.equal(service + ": no line is an error", [l for l in site.log(service).split("\n") if "level=error" in l], [])
    t.check("over quota is told", lines(site, "smtp", "not-delivered", level="info", code="552"), site.log("smtp"))
    # And what is one.
    site.set(authent_process=site.path + "/missing")
    for service in ("imap", "pop", "smtp"):
        rules.attempt(site, service, "127.0.0.1", password="secret")
        got = lines(site, service, "login-failed", level="error", reason='"temporary"')
        t.check(service + ": a module that is missing", got and site.path + "/missing" in got[0], site.log(service))
    c = Client(site, "smtp")
    t.check("mail must wait", message(c, "s@x.example", ["joe@example.com"], MAIL).startswith("450"))
    c.end()
    t.check("and the log has an error", lines(site, "smtp", "recipient-refused", level="error", code="450"))
    site.set(work_path=site.path + "/nowhere")
    c = Client(site, "smtp")
    t.check("no work_path", message(c, "s@x.example", ["joe@example.com"], MAIL))
    c.end()
    t.check("is an error, with its path", [l for l in lines(site, "smtp", "spool-failed", level="error") if "/nowhere/spool" in l])


def trap(site, what, wanted, prepare, service="imap", event="session-failed"):
    drop = site.path + "/mail/g/joe"
    subprocess.run(["rm", "-rf", site.path + "/mail"], check=True)
    os.mkdir(site.path + "/mail", 0o755)
    prepare(drop)
    before = len(site.lines(service, event))
    c = Client(site, service)
    answer = c.login()
    c.end()
    t.check(what + ": no login", not rules.good(service, answer) and site.path not in answer, answer)
    got = site.lines(service, event)[before:]
    text = wanted % {"mail": site.path + "/mail", "drop": drop, "uid": UID}
    t.check(what + ": the log names it", got and text in got[0] and "level=error" in got[0], (got, text))


def paths():
    site = Site()
    rules.attempt(site, "imap", "127.0.0.1", password="secret")
    letter = os.path.basename(os.path.dirname(glob.glob(site.path + "/mail/*/joe")[0]))

    def hashed(drop):
        os.mkdir(site.path + "/mail/" + letter, 0o755)

    def with_letter(text):
        return text.replace("/g", "/" + letter).replace("%(drop)s", "%(mail)s/" + letter + "/joe")

    def foreign(drop):
        hashed(drop)
        with open(site.path + "/mail/%s/joe" % letter, "w") as f:
            f.write("From x\n")
            os.fchown(f.fileno(), 1, 1)

    def linked(drop):
        os.symlink("/tmp", site.path + "/mail/" + letter)

    def folder_link(drop):
        hashed(drop)
        os.symlink("/tmp", site.path + "/mail/%s/joe.mbx" % letter)

    def open_spool(drop):
        os.chmod(site.path + "/mail", 0o777)

    def closed_spool(drop):
        os.chmod(site.path + "/mail", 0o700)

    def users_spool(drop):
        os.chown(site.path + "/mail", 1, 1)

    def users_hash(drop):
        hashed(drop)
        os.chown(site.path + "/mail/" + letter, 1, 1)

    def drop_link(drop):
        hashed(drop)
        os.symlink("/etc/passwd", site.path + "/mail/%s/joe" % letter)

    if ROOT:
        trap(site, "a foreign drop file", with_letter("drop file %(drop)s (owner 1:1, mode 0644) belongs to uid 1, joe's is %(uid)d: chown"), foreign)
        trap(site, "a spool of a user's", "drop path %(mail)s (owner 1:1, mode 0755) belongs to uid 1; it must be root's", users_spool)
        trap(site, "a hash directory of a user's", with_letter("spool directory %(mail)s/g (owner 1:1"), users_hash)
    if ROOT:
        # What only the session can find out, as the user.
        trap(site, "a spool that nobody may enter", "(uid %(uid)d; %(mail)s is 0:0, mode 0700)", closed_spool, "imap", "mailbox-failed")
        os.chmod(site.path + "/mail", 0o755)
    trap(site, "a link for a hash directory", with_letter("spool directory %(mail)s/g is a symbolic link"), linked)
    trap(site, "a link for the folders", with_letter("folder directory %(drop)s.mbx is a symbolic link"), folder_link)
    trap(site, "a link for a drop file", with_letter("drop file %(drop)s is a symbolic link"), drop_link, "pop")
    trap(site, "a spool for everybody", "mode 0777) can be changed by anybody: chmod o-w %(mail)s", open_spool)


def uids():
    site = Site()
    site.set(unix_uid_maximum=UID - 1)
    for service in ("imap", "pop"):
        t.check(service + ": too high an uid", not rules.good(service, rules.attempt(site, service, "127.0.0.1", password="secret")[0]))
        t.check(service + ": the log names the setting", lines(site, service, "login-failed", level="error", reason='"account"')
                and "uid %d of joe is above unix_uid_maximum %d" % (UID, UID - 1) in site.log(service), site.log(service))
    c = Client(site, "smtp")
    t.check("smtp: no mail either", message(c, "a@b.example", ["joe@example.com"], MAIL).startswith("450"))
    c.end()
    t.check("smtp: the log", "above unix_uid_maximum" in site.lines("smtp", "recipient-refused")[0])
    site.set(unix_uid_maximum=UID)
    t.check("the highest one", rules.good("imap", rules.attempt(site, "imap", "127.0.0.1", password="secret")[0]))


def session_ends():
    site = Site(imapd_timeout=1800)
    for service, bye in (("imap", "z LOGOUT"), ("pop", "QUIT"), ("smtp", "QUIT")):
        for tls in ([], ["--tls"]):
            site.set(**(site.certificate() if tls else {}))
            n = len(site.lines(service, "session-end"))
            c = Client(site, service, args=tls)
            c.login()
            c.ask(bye)
            c.end()
            c = Client(site, service, args=tls)
            c.login()
            c.end()
            c = Client(site, service, args=tls)
            c.login()
            c.p.send_signal(signal.SIGTERM)
            last = c.line()
            c.p.wait(20)
            c.end()
            got = [fields(l) for l in ends(site, service, n + 3)[n:]]
            what = service + " ".join(tls)
            t.equal(what + ": why they ended", [g["reason"] for g in got][::2], ["quit" if service == "smtp" else "logout", "terminated"])
            t.check(what + ": the client went", got[1]["reason"] in ("closed", "lost"), got[1])
            t.check(what + ": user, address", all((g["user"], g["ip"]) == ("joe", "127.0.0.1") for g in got), got)
            if service != "smtp":
                t.check(what + ": SIGTERM says something true", "ended by the server" in last, last)
                t.check(what + ": octets", all(int(g["out"]) > 5 for g in got) and int(got[0]["in"]) >= len(bye), got)
    # What somebody did.
    site.set()
    c = Client(site, "smtp")
    message(c, "s@x.example", ["ann@example.com"], MAIL)
    c.end()
    n = len(site.lines("pop", "session-end"))
    c = Client(site, "pop")
    c.login("ann")
    c.s.sendall(b"RETR 1\r\n")
    while c.line() != ".":
        pass
    c.ask("DELE 1")
    c.ask("QUIT")
    c.end()
    got = fields(ends(site, "pop", n + 1)[n])
    t.equal("counts of a POP session", [got[k] for k in ("commands", "fetched", "removed", "left")], ["3", "1", "1", "0"])
    # A crash is told by who crashes, and is one all the same.
    for service in ("imap", "pop"):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
            n = len(site.lines(service, "session-died"))
            c = Client(site, service)
            c.login()
            c.p.send_signal(number)
            t.equal("%s ends by %s" % (service, number.name), c.p.wait(20), -number)
            c.end()
            got = [fields(l) for l in site.lines(service, "session-died")[n:]]
            t.equal("%s tells %s" % (service, number.name), [[g[k] for k in ("level", "user", "ip", "signal")] for g in got],
                    [["error", "joe", "127.0.0.1", str(int(number))]])
    # Nobody sees a SIGKILL without TLS: the page's recipe finds it.
    c = Client(site, "imap")
    c.login()
    running = Client(site, "imap")
    running.login()
    c.kill()
    with open(os.path.join(harness.ROOT, "man", "dmail-log.7")) as f:
        recipe = re.search(r"    awk '.*?imapd\.log", f.read(), re.S).group(0)
    recipe = recipe.replace("\\e", "\\").replace("\\-", "-").replace("/var/log/dmail", site.path + "/log")
    out = harness.run(["sh", "-c", recipe])[1].decode().split("\n")
    t.equal("the recipe", sorted((l.split()[0], "imapd[%d]" % p in l) for l in out if l for p in [c.p.pid if l.startswith("lost") else running.p.pid]),
            [("lost", True), ("runs", True)])
    running.end()


def titles():
    for setting, wanted in (("", "imapd-session: joe"), ("address", "imapd-session: joe [127.0.0.1]"), ("none", "imapd-session")):
        site = Site(**({"process_title": setting} if setting else {}))
        c = Client(site, "imap")
        c.login()
        with open("/proc/%d/cmdline" % c.p.pid, "rb") as f:
            t.equal("title " + setting, f.read(), wanted.encode() + b"\0")
        c.end()
        if setting == "address":
            c = Client(site, "imap")
            shown = [open("/proc/%s/cmdline" % p).read() for p in open("/proc/%d/task/%d/children" % (c.p.pid, c.p.pid)).read().split()]
            t.equal("title before login", shown, ["imapd-login [127.0.0.1]\0"])
            c.end()


def starttls():
    site = Site()
    good = site.certificate()
    garbage, missing = site.path + "/garbage.pem", site.path + "/nowhere.pem"
    with open(garbage, "w") as f:
        f.write("no certificate\n" * 300)
    capability = {"imap": ("a CAPABILITY", "STARTTLS"), "pop": ("CAPA", "STLS"), "smtp": ("EHLO x", "STARTTLS")}

    def offered(service):
        c = Client(site, service)
        c.s.sendall(capability[service][0].encode() + b"\r\n")
        text = c.greeting
        while (line := c.line()) and not re.match(r"a |\.$|250 ", line):
            text += line
        c.end()
        return capability[service][1] in text + line

    for service in capability:
        site.set(**good)
        t.check(service + ": TLS is offered", offered(service))
        for file in (garbage, missing):
            site.set(**dict(good, tls_certificate=file))
            n = len(site.lines(service, "tls-unusable"))
            t.check(service + ": not with " + file, not offered(service))
            got = site.lines(service, "tls-unusable")[n:]
            t.check(service + ": one line, an error with the path", len(got) == 1 and "level=error" in got[0] and 'certificate="%s"' % file in got[0], got)
        # On a port of TLS alone, and where only the program that parses them can see it.
        other = os.path.join(site.path, "other")
        os.makedirs(other, exist_ok=True)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", other + "/key.pem"], check=True)
        for settings, text in ((dict(good, tls_certificate=garbage), "holds no certificate"),
                               (dict(good, tls_key=other + "/key.pem"), "is not that of the certificate")):
            site.set(**settings)
            n = len(site.lines(service, "tls-unusable"))
            Client(site, service, args=["--tls"]).end()
            got = wait_for(service + ": it is told", lambda: site.lines(service, "tls-unusable")[n:])
            t.check(service + ": " + text, got and "level=error" in got[0] and text in got[0] and settings["tls_key"] in got[0]
                    and settings["tls_certificate"] in got[0], got)


def file_modes():
    group = next((g.gr_gid for g in grp.getgrall() if g.gr_gid not in (0, os.getgid())), None)
    if not ROOT or group is None:
        return t.skip("log files of another group: needs root")
    for mode, wanted in ((0o750, (group, 0o640)), (0o755, (group, 0o640)), (0o700, (os.getgid(), 0o600)), (0o711, (os.getgid(), 0o600))):
        site = Site(max_log_size=1000)
        os.chown(site.path + "/log", 0, group)
        os.chmod(site.path + "/log", mode)
        for _ in range(9):
            rules.attempt(site, "imap", "127.0.0.1")
        found = {n: (st.st_gid, stat.S_IMODE(st.st_mode)) for n in os.listdir(site.path + "/log")
                 for st in [os.stat(site.path + "/log/" + n)]}
        t.check("rotated", len(found) > 1, found)
        t.equal("directory %o" % mode, set(found.values()), {wanted})


def full_disk():
    """EXPUNGE and QUIT make room where there is none."""
    if not ROOT:
        return t.skip("a full disk: needs root")
    site = Site()
    disk = site.path + "/mail"
    if harness.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "none", disk])[0] != 0:
        return t.skip("a full disk: mount is not permitted")
    try:
        for service, left in (("imap", 8192), ("pop", 8192), ("imap", 0), ("pop", 0)):
            for name in os.listdir(disk):
                subprocess.run(["rm", "-rf", disk + "/" + name], check=True)
            for n, size in enumerate((3000, 120000, 20000, 200000)):
                c = Client(site, "smtp")
                body = "Message-ID: <%d@x>\r\nSubject: n%d\r\n\r\n" % (n, n) + ("%d " % n + "y" * 68 + "\r\n") * (size // 72)
                t.check("mail is there", message(c, "s@x.example", ["joe@example.com"], body).startswith("250"))
                c.end()
            rules.attempt(site, service, "127.0.0.1", password="secret")
            c = Client(site, "imap")
            c.login()
            t.check("a folder", "b OK" in c.ask("a CREATE Box") + c.ask("c SELECT INBOX") + c.ask("b COPY 1:* Box"), site.log("imap")[-600:])
            c.end()
            drop = glob.glob(disk + "/*/joe")[0]
            with open(disk + "/filler", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"z" * 4096)
                except OSError:
                    pass
                os.ftruncate(f.fileno(), os.fstat(f.fileno()).st_size - left)
            free = os.statvfs(disk)
            t.check("full but for %d" % left, free.f_bavail * free.f_frsize <= left, free)
            c = Client(site, service)
            t.check(service + ": login on a full disk", rules.good(service, c.login()), site.log(service))
            if service == "imap":
                c.ask("a SELECT Box")
                c.ask("b STORE 1 +FLAGS.SILENT (\\Deleted)")
                t.check("expunge of an mbx folder", "c OK" in c.ask("c EXPUNGE"), site.log(service)[-600:])
                t.check("select", "OK" in c.ask("a SELECT INBOX"), site.log(service))
                t.check("store", "b OK" in c.ask("b STORE 1 +FLAGS.SILENT (\\Deleted)"), site.log(service))
                t.check("expunge", "c OK" in c.ask("c EXPUNGE"), site.log(service)[-600:])
                t.check("the next command", "d OK" in c.ask("d NOOP"), site.log(service)[-600:])
            else:
                t.check("dele", c.ask("DELE 1").startswith("+OK"))
                t.check("quit", c.ask("QUIT").startswith("+OK"), site.log(service)[-600:])
            c.end()
            with open(drop, "rb") as f:
                text = f.read()
            subjects = re.findall(rb"^Subject: (n\d)", text, re.M)
            t.equal(service + ": what stays, for any program", subjects, [b"n1", b"n2", b"n3"])
            t.equal(service + ": separators", len(re.findall(rb"^From ", text, re.M)), 3)
            t.check(service + ": the base", re.search(rb"^X-IMAPbase: \d{10} 0000000004$", text.split(b"\n\n")[0], re.M), text[:300])
            os.unlink(disk + "/filler")
            c = Client(site, "imap")
            c.login()
            c.s.sendall(b"a SELECT INBOX\r\nb UID FETCH 1:* (UID RFC822.SIZE)\r\n")
            seen = []
            while not (line := c.line()).startswith("b "):
                seen.append(line)
            t.equal(service + ": UIDs stay", re.findall(r"UID (\d+)", " ".join(l for l in seen if "FETCH" in l)), ["2", "3", "4"])
            t.check(service + ": no journal is left", not glob.glob(disk + "/*/joe.mbx/.index/*ournal*"))
            c.end()
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


for part in (deliveries, levels, paths, uids, session_ends, titles, starttls, file_modes, full_disk):
    try:
        part()
    except Exception as e:  # a part that breaks is a failure, and the others go on
        import traceback
        traceback.print_exc()
        t.check(part.__name__, False, e)
t.end()
