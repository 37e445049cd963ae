#!/usr/bin/env python3
"""Every form of a name, through the real login of IMAP, POP and SMTP: always the same mailbox."""
import base64
import imaplib
import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
BOB = ["bob", "BOB", "bob@dmail.test", "Bob@LOCALHOST", "CORP\\bob", "corp/Bob", "bob@CORP", "bob@corp.local",
       "dmail.test\\bob", "CORP/bob/bob", "corp\\bob\\bob@dmail.test", "bob@dmail.test/bob",
       "robert.bobson", "robert.bobson@dmail.test", "corp/bob/robert.bobson", "CORP\\robert.bobson/bob".replace("/", "\\")]
REFUSED = ["corp/bob/carol", "corp/bob/nobody", "corp/bob/", "corp\\bob/bob", "CORP2\\bob", "corp/bob/bob/bob", "bob@corp2",
           "bob.bob", "bob/", "\\bob"]


def imap(name, password="pw"):
    """Message ids in INBOX, or None when the login is refused."""
    m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
    try:
        m.login('"%s"' % name.replace("\\", "\\\\"), password)
    except imaplib.IMAP4.error:
        return None
    m.select()
    ids = m.fetch("1:*", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]")[1] if m.search(None, "ALL")[1][0] else []
    m.logout()
    return sorted(i[1].split()[1] for i in ids if isinstance(i, tuple))


def imap_plain(name, password="pw"):
    m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
    try:
        m.authenticate("PLAIN", lambda _: ("\0%s\0%s" % (name, password)).encode())
    except imaplib.IMAP4.error:
        return None
    count = int(m.select()[1][0])
    m.logout()
    return count


def pop(name, password="pw"):
    p = poplib.POP3("127.0.0.1", site.POP3_PORT)
    try:
        p.user(name)
        p.pass_(password)
    except poplib.error_proto:
        return None
    ids = sorted(line.split()[1] for n in range(1, p.stat()[0] + 1) for line in p.top(n, 0)[1]
                 if line.lower().startswith(b"message-id:"))
    p.quit()
    return ids


def smtp(name, password="pw"):
    s = smtplib.SMTP("127.0.0.1", site.SUBMISSION_PORT)
    s.ehlo()
    code = s.docmd("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (name, password)).encode()).decode())[0]
    s.quit()
    return code


def deliver(n, to):
    s = smtplib.SMTP("127.0.0.1", site.SMTP_PORT)
    s.ehlo("there.example")
    s.sendmail("s@there.example", [to], harness.message(n))
    s.quit()


with harness.Instance("--imap", "0", "--pop3", "0", "--smtp", "0", "--submission", "0", "--user", "bob:pw",
                      "--user", "carol:pw", "--user", "john.smith:pw", "--set", "user_quota true", "--set", "login_domain CORP dmail.test",
                      "--set", "login_domain corp.local dmail.test") as site:
    nwauth = [harness.program("nwauth"), "-path", site.dir + "/users"]
    # Ids, quota and the rest are those of the account, not of the name.
    harness.run(nwauth + ["set", "robert.bobson", "pw", 'account="bob"'])
    # Mail to either name of bob, written in any case, is in one mailbox.
    for n, to in enumerate(["bob@dmail.test", "BOB@Localhost", "robert.bobson@dmail.test"]):
        deliver(n, to)
    deliver(7, "carol@dmail.test")
    deliver(8, "john.smith@dmail.test")
    wanted = [b"<m0@there.example>", b"<m1@there.example>", b"<m2@there.example>"]
    for name in BOB:
        t.equal("IMAP " + name, imap(name), wanted)
        t.equal("IMAP PLAIN " + name, imap_plain(name), 3)
        t.equal("POP " + name, pop(name), wanted)
        t.equal("SMTP " + name, smtp(name), 235)
    for name in REFUSED + [BOB[0], BOB[4], BOB[14]]:
        password = "pw" if name in REFUSED else "wrong"
        t.equal("IMAP refuses " + name, imap(name, password), None)
        t.equal("POP refuses " + name, pop(name, password), None)
        t.equal("SMTP refuses " + name, smtp(name, password), 535)
    harness.run(nwauth + ["set", "bob", "(NULL)", "quota=1"])
    for to in ["bob@dmail.test", "robert.bobson@dmail.test"]:
        try:
            deliver(9, to)
            t.check("quota of the account: " + to, False)
        except smtplib.SMTPDataError as e:
            t.equal("quota of the account: " + to, e.smtp_code, 552)
    # A dot is no separator: neither of a login, nor of the folders behind it.
    for name in ["john.smith", "corp\\john.smith", "john.smith@dmail.test"]:
        t.equal("IMAP " + name, imap(name), [b"<m8@there.example>"])
        t.equal("POP " + name, pop(name), [b"<m8@there.example>"])
    m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
    m.login("john.smith", "pw")
    m.create("a.b")
    m.create("a.b/c.d")
    names = sorted(line.split(b'"/" ')[-1].strip(b'"') for line in m.list('""', '"a*"')[1])
    t.equal("folders with dots are folders", names, [b"a.b", b"a.b/c.d"])
    t.check("its file is beside the drop file", any(
        f == "john.smith.mbx" and os.path.exists(os.path.join(d, f, "a.b")) for d, dirs, _ in os.walk(site.dir + "/spool")
        for f in dirs))
    m.logout()
    drops = sorted(f for d, _, files in os.walk(site.dir + "/spool") if ".mbx" not in d for f in files)
    t.equal("no other drop file came into being", [f for f in drops if not f.startswith(".")], ["bob", "carol", "john.smith"])

# Names that come out of SASL exchanges go the same way.
module = harness.scratch() + "/module"
with open(module, "w") as f:
    f.write("""#!/bin/sh
while read -r verb user rest; do
  case "$verb $user" in
    "secret bob"|"secret robert.bobson") echo "+OK $user config 0 password64=\\"cHc=\\"";;
    "lookup bob"|"lookup carol") echo "+OK $user config 0";;
    "lookup robert.bobson") echo "+OK $user config 0 account=\\"bob\\"";;
    *) echo "-ERR no";;
  esac
done
""")
os.chmod(module, 0o755)


def cram(connect, name, password="pw"):
    try:
        return connect(name, password)
    except (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPAuthenticationError):
        return None


def imap_cram(name, password):
    m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
    m.login_cram_md5(name, password)
    count = int(m.select()[1][0])
    m.logout()
    return count


def pop_apop(name, password):
    p = poplib.POP3("127.0.0.1", site.POP3_PORT)
    p.apop(name, password)
    count = p.stat()[0]
    p.quit()
    return count


def smtp_cram(name, password):
    s = smtplib.SMTP("127.0.0.1", site.SUBMISSION_PORT)
    s.ehlo()
    s.user, s.password = name, password
    code = s.auth("CRAM-MD5", s.auth_cram_md5)[0]
    s.quit()
    return code


with harness.Instance("--imap", "0", "--pop3", "0", "--smtp", "0", "--submission", "0", "--set", "login_domain CORP dmail.test",
                      "--set", "login_domain corp.local dmail.test", "--set", "authent_process " + module,
                      "--set", "imapd_mechanisms plain cram-md5", "--set", "dpop_mechanisms plain apop",
                      "--set", "dsmtp_mechanisms plain cram-md5") as site:
    deliver(0, "bob@dmail.test")
    deliver(1, "Robert.Bobson@dmail.test")
    for name in BOB:
        t.equal("CRAM-MD5 by IMAP as " + name, cram(imap_cram, name), 2)
        t.equal("APOP as " + name, cram(pop_apop, name), 2)
        t.equal("CRAM-MD5 by SMTP as " + name, cram(smtp_cram, name), 235)
    for name in ["corp/bob/carol", "corp/bob/nobody", "CORP2\\bob", "carol", "bob.bob", "corp/bob/bob/bob"]:
        for way in (imap_cram, pop_apop, smtp_cram):
            t.equal("%s refuses %s" % (way.__name__, name), cram(way, name), None)
    for way in (imap_cram, pop_apop, smtp_cram):
        t.equal("%s: wrong password" % way.__name__, cram(way, "corp\\bob", "wrong"), None)
t.end()
