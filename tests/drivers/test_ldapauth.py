#!/usr/bin/env python3
"""ldapauth against a real slapd: questions, mistakes in its set-up, under authpool, and behind IMAP, POP and
SMTP.  Rows of the catalogue of attacks: A08, A16."""
import base64
import imaplib
import os
import poplib
import smtplib
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from ldap_fixture import *


def questions():
    m = Module(ordinary, "-debug")
    own = ' account="jdoe"'
    for name, label in [("jdoe", ""), ("JDOE", own), ("jdoe@corp.local", own), ("john.doe", own), ("jack@other.org", None),
                        ("john.doe@example.com", own), ("jd@Example.com", own), ("jd", own), ("CORP\\jdoe", own)]:
        # An address in a domain that is not ours leads to the account in ours.
        label = ' account="jdoe@example.com"' if label is None or name == "jdoe@corp.local" else label
        t.equal("check " + name, m.ask("check %s pw of john" % name), ad % (name, label))
        t.equal("lookup " + name, m.ask("lookup " + name), ad % (name, label))
        t.equal("wrong " + name, m.ask("check %s pw of Jane" % name), "-ERR %s password wrong or not a valid user"
                % name.replace("\\", "\\\\"))
    t.equal("all attributes", m.ask("lookup full"), full)
    t.equal("all attributes after a check", m.ask("check full full"), full)
    for line in ["check ghost pw", "check ghost@example.com pw", "check ELSE\\jdoe pw of john", "check nopassword x",
                 "check a@b@c pw", "check x@ y"]:
        t.check("refused: " + line, m.ask(line).endswith("password wrong or not a valid user"))
    for line in ["lookup ghost", "lookup ELSE\\jdoe", "lookup", "lookup a b", "lookup far"]:
        t.check("unknown: " + line, m.ask(line).endswith("not a valid user"), line)
    # An empty password would be an unauthenticated bind, which slapd may answer with success.
    for line in ["check jdoe", "check jdoe ", "check jdoe \0", "check jdoe pw of john\0x", "check jdoe " + "x" * 1025]:
        t.check("no password: %r" % line[:20], m.ask(line).startswith("-ERR"), line)
    for name in ["*", "j*", "*)(sAMAccountName=*", "jdoe)(cn=*", "*)(|(cn=*", "\\2a", "jdoe\\00", "(", ")", "%n", "jdo\\65",
                 "caf\xe9", "\xff\xfe", "a*b", "x)(userPassword=*", "jdoe\t"]:
        t.check("injection check " + repr(name), m.ask("check %s pw of john" % name).startswith("-ERR"))
        t.check("injection lookup " + repr(name), m.ask("lookup " + name).startswith("-ERR"))
    t.equal("a name of special characters", m.ask("check a*b(c) star"), '+OK a*b(c) config 0 mail="star@example.com"')
    # Turned off: mail still comes, no login does.
    t.check("disabled check", m.ask("check off off").startswith("-ERR"))
    t.equal("disabled lookup", m.ask("lookup off"), '+OK off config 0 imap="no" pop="no" smtp="no"')
    # Nobody can say whose mail it is, or what to do with it.
    for line in ["lookup twin", "check twin twin", "lookup badquota", "check badquota x", "lookup twofwd"]:
        t.check("-DEAD: " + line, m.ask(line).startswith("-DEAD"))
    for line in ["set jdoe x", "del jdoe", "search *", "secret jdoe SCRAM-SHA-1", "token jdoe x"]:
        t.equal(line, m.ask(line), "-ERR not supported by a directory")
    t.check("unknown command", m.ask("bogus").startswith("-ERR"))
    t.check("version", m.ask("version").startswith("+OK ldapauth"))
    t.check("too long", m.ask("check jdoe " + "x" * 9000).startswith("-ERR"))
    t.equal("still there", m.ask("check jdoe pw of john"), ad % ("jdoe", ""))
    debug = m.end()
    t.check("-debug shows the filter", "search (|(sAMAccountName=\\\\2a)" in debug, debug[:500])
    t.check("no password in it", "pw of" not in debug and "service secret" not in debug)
    code, out, _ = harness.run([harness.program("ldapauth"), "-config", ordinary, "check", "jdoe", "-"], b"pw of john\n")
    t.equal("one question", (code, out.decode()), (0, ad % ("jdoe", "") + "\n"))
    code, out, _ = harness.run([harness.program("ldapauth"), "-config", ordinary, "lookup", "ghost"])
    t.equal("its status", code, 1)
    by_name = configuration(more="login_by_address false\n")
    t.check("login_by_address false", once(by_name, "check john.doe pw of john").startswith("-ERR"))
    t.check("mail comes all the same", once(by_name, "lookup john.doe").startswith("+OK"))
    t.check("bind_attribute: own password", once(configuration(more="bind_attribute seeAlso\n"),
                                                 "check key own password").startswith("-ERR"))
    t.check("bind_attribute: that of the name", once(configuration(more="bind_attribute seeAlso\n"),
                                                     "check key lock password").startswith("+OK"))


def pooled():
    """The same under authpool, whose copies stay."""
    sock = work + "/pool"
    ids = "%d:%d" % (harness.MODULES, harness.MODULES) if os.geteuid() == 0 else "%d:%d" % (os.getuid(), os.getgid())
    with open(work + "/dmail.conf", "w") as f:
        f.write("module_user %s\n" % ids)
    p = subprocess.Popen([harness.program("authpool"), "-C", work + "/dmail.conf", "-n", "2", "-ttl", "1",
                          "-listen", sock, "--", harness.program("ldapauth"), "-config", ordinary], stderr=subprocess.DEVNULL)

    def ask(line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(sock)
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    try:
        for _ in range(2000):
            if os.path.exists(sock):
                break
            time.sleep(0.05)
        for _ in range(3):
            t.equal("pooled: right", ask("check jdoe pw of john"), ad % ("jdoe", ""))
            t.check("pooled: wrong", ask("check jdoe wrong").startswith("-ERR"))
            t.equal("pooled: an address", ask("lookup jd@example.com"), ad % ("jd@example.com", ' account="jdoe"'))
        server.stop()
        time.sleep(1.2)  # what was remembered is forgotten
        t.check("pooled: server down", ask("check full full").startswith("-DEAD"))
        server.start()
        t.equal("pooled: and back", ask("check full full"), full)
    finally:
        p.terminate()
        p.wait(120)


def wrong_set_up():
    """-DEAD, and the reason."""
    dead = lambda what, path, text: t.check(what, (a := once(path, "lookup jdoe")).startswith("-DEAD") and text in a, a)
    dead("base is not there", configuration(base=BASE.replace("ou=Staff", "ou=Nowhere")), "No such object")
    dead("filter that the server refuses", configuration(base=BASE.replace("(sAMAccountName=%n)", "(sAMAcc ountName=%n)")),
         "filter")
    dead("anonymous search", configuration(drop=("bind_dn", "bind_password_file")), "No such object")
    with open(work + "/wrong", "w") as f:
        f.write("wrong\n")
    os.chmod(work + "/wrong", 0o640)
    dead("our password is wrong", configuration(base=BASE.replace("/secret", "/wrong")), "Invalid credentials")
    os.chmod(work + "/wrong", 0o644)
    dead("everybody may read it", configuration(base=BASE.replace("/secret", "/wrong")), "chmod")
    os.chmod(work + "/wrong", 0o600)
    open(work + "/wrong", "w").close()
    dead("it is empty", configuration(base=BASE.replace("/secret", "/wrong")), "empty")
    bad = configuration(more="bogus 1\n")
    dead("configuration", bad, bad + ":20: bogus: unknown setting")
    dead("no configuration", work + "/nothing", "nothing")
    p = subprocess.run([harness.program("ldapauth"), "-config", bad, "lookup", "jdoe"], capture_output=True)
    t.equal("status and message", (p.returncode, bad.encode() in p.stderr), (75, True))


def other_domains():
    """A name of another domain is nobody, and whatever an entry is found by, the answer says its own name."""
    own = "+OK %s config 0"
    base = "\n".join(l for l in BASE.splitlines() if l.split()[0] in ("base", "bind_dn", "bind_password_file")) + "\n"
    bare = configuration(base=base + "login_filter (sAMAccountName=%n)\ndomain example.com\n")
    t.equal("the attribute of the filter names the account", once(bare, "lookup jdoe"), own % "jdoe")
    for name in ("JDoe", "jdoe@example.com", "JDOE@Example.Com", "\xef\xbd\x8adoe"):
        answer = once(bare, "lookup " + name)
        t.check("own name for " + name, answer.endswith(' config 0 account="jdoe"'), answer)
    for filter in ("(sAMAccountName=%n)", "(&(objectClass=*)(sAMAccountName=%n))",
                   "(|(sAMAccountName=%n)(userPrincipalName=%u))", "(&(sAMAccountName=%n)(!(mail=*@%d)))"):
        path = configuration(base=base + "login_filter %s\ndomain example.com\n" % filter)
        t.check("of another domain, by " + filter, once(path, "lookup jdoe@partner.example").startswith("-ERR"))
        t.check("with the password, by " + filter, once(path, "check jdoe@partner.example pw of john").startswith("-ERR"))
        t.equal("without one, by " + filter, once(path, "lookup jdoe").startswith("+OK jdoe config 0"), "(!" not in filter)
    there = configuration(base=base + "login_filter (&(sAMAccountName=%n)(mail=*@%d))\n")
    for domain, found in (("example.com", True), ("partner.example", False)):
        t.equal("the domain in another attribute: " + domain, once(there, "lookup jdoe@" + domain).startswith("+OK"), found)
    t.equal("and it is the account's", once(there, "lookup JDoe@example.com"),
            own % "JDoe@example.com" + ' account="jdoe@example.com"')
    nothing = configuration(base=base + "login_filter (sAMAccountName=%n)\n")
    answer = once(nothing, "lookup jdoe@partner.example")
    t.check("no domain is set: mail is not sent back", answer.startswith("-DEAD") and "`domain`" in answer, answer)


def message_ids(box):
    return sorted(l.split()[1].decode() for l in box if l.lower().startswith(b"message-id:"))


def end_to_end():
    process = "%s -config %s" % (harness.program("ldapauth"), ordinary)
    with harness.Instance("--imap", "0", "--pop3", "0", "--smtp", "0", "--submission", "0", "--domain", "example.com",
                          "--set", "authent_process " + process, "--set", "authent_domain true",
                          "--set", "vdomain o @other.org other.org /nowhere",
                          "--set", "login_domain CORP example.com", "--set", "remote_accounts referral") as site:
        smtp = smtplib.SMTP("127.0.0.1", site.SMTP_PORT)
        smtp.ehlo("there.example")
        for n, to in enumerate(["jdoe@example.com", "jd@example.com", "John.Doe@example.com", "jack@other.org"]):
            smtp.sendmail("s@there.example", [to], harness.message(n))
        smtp.mail("s@there.example")
        t.equal("nobody of this name", smtp.rcpt("ghost@example.com")[0], 550)
        t.equal("a pattern is no name", smtp.rcpt("j*@example.com")[0], 550)
        t.equal("nobody can say whose", smtp.rcpt("twin@example.com")[0], 450)
        smtp.quit()
        wanted = ["<m%d@there.example>" % n for n in range(4)]
        for name in ["jdoe", "JDoe", "CORP\\jdoe", "corp/jdoe/jd", "john.doe@example.com", "jack@other.org"]:
            p = poplib.POP3("127.0.0.1", site.POP3_PORT)
            p.user(name)
            p.pass_("pw of john")
            found = [l for n in range(1, p.stat()[0] + 1) for l in p.top(n, 0)[1]]
            t.equal("POP as " + name, message_ids(found), wanted)
            p.quit()
            m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
            m.authenticate("PLAIN", lambda _: ("\0%s\0pw of john" % name).encode())
            t.equal("IMAP as " + name, m.select()[1], [b"4"])
            m.logout()
            s = smtplib.SMTP("127.0.0.1", site.SUBMISSION_PORT)
            s.ehlo()
            plain = lambda password: "AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (name, password)).encode()).decode()
            t.equal("wrong password", s.docmd(plain("wrong"))[0], 535)
            t.equal("SMTP as " + name, s.docmd(plain("pw of john"))[0], 235)
            s.quit()
        m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
        for name, password in [("jdoe", "wrong"), ("off", "off"), ("*", "x"), ("corp/jdoe/full", "pw of john")]:
            try:
                m.login(name, '"%s"' % password)
                t.check("no login: " + name, False)
            except imaplib.IMAP4.error:
                t.check("no login: " + name, True)
        m.logout()
        # Whose mail is on another host is sent there, after the right password.
        m = imaplib.IMAP4("127.0.0.1", site.IMAP_PORT)
        for user, password, sent in [("moved", "wrong", False), ("moved", "moved", True), ("CORP\\\\moved", "moved", True)]:
            try:
                m.login('"%s"' % user, password)
                answer = "OK"
            except imaplib.IMAP4.error as e:
                answer = str(e)
            t.equal("%s, password %s: sent on" % (user, password), "[REFERRAL imap://moved;AUTH=*@mx2.example.com/]" in answer,
                    sent)
            t.check("not let in", answer != "OK")
        m.shutdown()
        drops = sorted(f for d, _, files in os.walk(site.dir + "/spool") if ".mbx" not in d for f in files)
        t.equal("one drop file for all of it", [f for f in drops if not f.startswith(".")], ["jdoe"])
        server.stop()
        s = smtplib.SMTP("127.0.0.1", site.SUBMISSION_PORT)
        s.ehlo()
        t.equal("server down: try later", s.docmd(plain("pw of john"))[0], 454)
        name = "jdoe@no.domain.of.ours"
        t.equal("and so is a name that no rule lets in", s.docmd(plain("pw of john"))[0], 454)
        s.quit()
        server.start()


t = harness.Suite()
try:
    for part in (questions, other_domains, pooled, wrong_set_up, end_to_end):
        part()
finally:
    server.stop()
t.end()
