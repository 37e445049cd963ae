#!/usr/bin/env python3
"""ldapauth against a real slapd with entries as Active Directory has them; against servers that misbehave;
and behind IMAP, POP and SMTP.  Rows of the catalogue of attacks: A08, A16."""
import base64
import imaplib
import os
import poplib
import smtplib
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from slapd import *

t = harness.Suite()
if not os.path.exists("/usr/sbin/slapd") and not shutil.which("slapd"):
    harness.need("slapd")


def person(cn, password, **attributes):
    lines = ["", "dn: cn=%s,ou=Staff,dc=example,dc=com" % cn, "objectClass: inetOrgPerson", "objectClass: mailUser",
             "cn: " + cn, "sn: " + cn.split()[-1], "userPassword: " + password]
    for name, values in attributes.items():
        lines += ["%s: %s" % (name, v) for v in (values if isinstance(values, list) else [values])]
    return "\n".join(lines) + "\n"


ENTRIES = """dn: dc=example,dc=com
objectClass: domain
dc: example

dn: ou=Staff,dc=example,dc=com
objectClass: organizationalUnit
ou: Staff

dn: ou=Other,dc=example,dc=com
objectClass: organizationalUnit
ou: Other

dn: cn=dmail,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: dmail
userPassword: service secret
""" + person("John (Jack) Doe", "pw of john", sAMAccountName="jdoe", userPrincipalName="jdoe@corp.local",
             mail="john.doe@example.com", proxyAddresses=["SMTP:John.Doe@example.com", "smtp:jd@example.com",
                                                          "smtp:jack@other.org", "X400:c=us"],
             userAccountControl="512") \
  + person("Full", "full", sAMAccountName="full", mailQuota="2048", mailDrop="/var/mail/full", mailForward="smtp:f@else.org",
           mailServer="mx2.example.com:993", uidNumber="1001", gidNumber="100", imapEnabled="FALSE", mail="full@example.com") \
  + person("Off", "off", sAMAccountName="off", userAccountControl="514") \
  + person("Twin One", "twin", sAMAccountName="twin1", mail="twin@example.com") \
  + person("Twin Two", "twin", sAMAccountName="twin2", mail="twin@example.com") \
  + person("Bad Quota", "x", sAMAccountName="badquota", mailQuota="a lot") \
  + person("Two Forwards", "x", sAMAccountName="twofwd", mailForward=["a@x.org", "b@x.org"]) \
  + person("Key", "own password", sAMAccountName="key", seeAlso="cn=Lock,ou=Staff,dc=example,dc=com") \
  + person("Lock", "lock password", sAMAccountName="lock") \
  + person("Star", "star", sAMAccountName="a*b(c)", mail="star@example.com") \
  + "\ndn: cn=Nopassword,ou=Staff,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: mailUser\n" \
    "cn: Nopassword\nsn: x\nsAMAccountName: nopassword\n"
server = Slapd(ENTRIES + "\ndn: cn=far,ou=Other,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: mailUser\ncn: far\n"
               "sn: far\nsAMAccountName: far\nuserPassword: far\n")
work = harness.scratch("dmail-ldap.")
MAIL = 63002  # dmtry's mail user


def give_to_mail_user(path):
    if os.geteuid() == 0:
        os.chown(path, MAIL, MAIL)


with open(work + "/secret", "w") as f:
    f.write("service secret\n")
os.chmod(work + "/secret", 0o600)
give_to_mail_user(work + "/secret")
give_to_mail_user(work)

BASE = """base ou=Staff,dc=example,dc=com
bind_dn cn=dmail,dc=example,dc=com
bind_password_file {0}/secret
login_filter (|(sAMAccountName=%n)(userPrincipalName=%u))
address_filter (|(mail=%n@%d)(proxyAddresses=smtp:%n@%d))
domain example.com
netbios CORP example.com
account_attribute sAMAccountName
mail_attribute mail
proxy_attribute proxyAddresses
quota_attribute mailQuota
path_attribute mailDrop
forward_attribute mailForward
uid_attribute uidNumber
gid_attribute gidNumber
host_attribute mailServer
disabled userAccountControl 2
switch imap imapEnabled
""".format(work)
numbers = iter(range(1000))


def configuration(uri=None, more="", base=BASE, drop=()):
    path = "%s/%d.conf" % (work, next(numbers))
    lines = [l for l in base.splitlines() if l.split()[0] not in drop]
    with open(path, "w") as f:
        f.write("uri %s\n%s\n%s" % (uri or "ldap://127.0.0.1:%d" % server.port, "\n".join(lines), more))
    return path


class Module:
    def __init__(self, path, *options):
        self.p = subprocess.Popen([harness.program("ldapauth"), "-config", path, *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, line):
        self.p.stdin.write(line.encode("latin-1") + b"\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().decode().rstrip("\n")

    def end(self):
        self.p.stdin.close()
        self.p.wait(30)
        return self.p.stderr.read().decode()


def once(path, line, *options):
    m = Module(path, *options)
    answer = m.ask(line)
    m.end()
    return answer


ordinary = configuration()
ad = '+OK %s config 0%s mail="John.Doe@example.com"'
full = ('+OK full /var/mail/full 1001 gid="100" quota="2048" fwd="f@else.org" host="mx2.example.com:993" '
        'mail="full@example.com" imap="no"')


def questions():
    m = Module(ordinary, "-debug")
    own = ' account="jdoe"'
    for name, label in [("jdoe", ""), ("JDOE", ""), ("jdoe@corp.local", own), ("john.doe", own), ("jack@other.org", None),
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
    ids = "%d:%d" % (MAIL, MAIL) if os.geteuid() == 0 else "%d:%d" % (os.getuid(), os.getgid())
    with open(work + "/dmail.conf", "w") as f:
        f.write("mail_user %s\n" % ids)
    p = subprocess.Popen([harness.program("authpool"), "-C", work + "/dmail.conf", "-n", "2", "-ttl", "1",
                          "-listen", sock, "--", harness.program("ldapauth"), "-config", ordinary], stderr=subprocess.DEVNULL)

    def ask(line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(sock)
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    try:
        for _ in range(200):
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
        p.wait(20)


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


def tls():
    make_certificate(server.dir, "stranger", "otherca")
    ca = "tls_ca %s/ca.pem\n" % server.dir
    other = "tls_ca %s/otherca.pem\n" % server.dir
    ldaps = "ldaps://127.0.0.1:%d" % server.tls_port
    question = "check jdoe pw of john"
    t.equal("ldaps", once(configuration(ldaps, ca), question), ad % ("jdoe", ""))
    t.equal("ldapi", once(configuration(server.socket), question), ad % ("jdoe", ""))
    t.equal("StartTLS", once(configuration(more="starttls true\n" + ca), question), ad % ("jdoe", ""))
    t.check("ldaps, another CA", once(configuration(ldaps, other), question).startswith("-DEAD"))
    t.check("StartTLS, another CA", once(configuration(more="starttls true\n" + other), question).startswith("-DEAD"))
    t.check("no CA is the system's", once(configuration(ldaps), question).startswith("-DEAD"))
    t.check("another name", once(configuration(ldaps.replace("127.0.0.1", "localhost"), ca), question).startswith("-DEAD"))
    # A server that knows no StartTLS is never told a password.
    plain = FakeServer(lambda tag, parts: [(0x78, result(2, "no"))])
    t.check("no StartTLS there", once(configuration("ldap://127.0.0.1:%d" % plain.port, "starttls true\n"),
                                      question).startswith("-DEAD"))
    t.check("nothing secret was said", b"pw of" not in plain.raw and b"secret" not in plain.raw)


def servers_down():
    question = "check jdoe pw of john"
    up, down = "ldap://127.0.0.1:%d" % server.port, "ldap://127.0.0.1:%d" % free_port()
    t.check("nobody there", once(configuration(down), question).startswith("-DEAD"))
    t.check("lookup likewise", once(configuration(down), "lookup ghost").startswith("-DEAD"))
    t.equal("the second server", once(configuration(down + " " + up), question), ad % ("jdoe", ""))
    quick = "network_timeout 1\nsearch_timeout 1\n"
    mute = FakeServer(lambda tag, parts: "silent")
    uri = "ldap://127.0.0.1:%d" % mute.port
    start = time.monotonic()
    t.check("a server that says nothing", once(configuration(uri, quick), question).startswith("-DEAD"))
    t.check("ldaps likewise", once(configuration(uri.replace("ldap:", "ldaps:"), quick), question).startswith("-DEAD"))
    t.check("StartTLS likewise", once(configuration(uri, quick + "starttls true\n"), question).startswith("-DEAD"))
    t.check("in time", time.monotonic() - start < 14, time.monotonic() - start)
    start = time.monotonic()
    m = Module(configuration(uri + " " + up, quick))
    t.equal("the next one is asked", m.ask(question), ad % ("jdoe", ""))
    t.check("in time", time.monotonic() - start < 5, time.monotonic() - start)
    start = time.monotonic()
    t.equal("and stays the first choice", m.ask(question), ad % ("jdoe", ""))
    t.check("at once", time.monotonic() - start < 1, time.monotonic() - start)
    m.end()
    cut = FakeServer(lambda tag, parts: None)
    t.check("a server that hangs up", once(configuration("ldap://127.0.0.1:%d" % cut.port, quick), question).startswith("-DEAD"))
    half = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else [(SEARCH_ENTRY, b"")])
    half.answer = lambda s, data: s.sendall(b"\x30\x82\x10") or True
    start = time.monotonic()
    t.check("half an answer", once(configuration("ldap://127.0.0.1:%d" % half.port, quick), question).startswith("-DEAD"))
    t.check("in time", time.monotonic() - start < 4, time.monotonic() - start)
    # Ends and comes back under a module that stays.
    m = Module(ordinary)
    t.equal("before", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    for line in (question, "check jdoe wrong", "lookup ghost"):
        t.check("while it is down: " + line, m.ask(line).startswith("-DEAD"))
    server.start()
    t.equal("after", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    server.start()
    t.equal("restarted between two questions", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    server.start()
    t.check("a wrong password stays one", m.ask("check jdoe wrong").startswith("-ERR"))
    m.end()


def active_directory():
    """What slapd does not do: binds by userPrincipalName, references at the end of a search, odd codes."""
    codes = {"verdict": 0}

    def reply(tag, parts):
        if tag == BIND:
            name, password = parts[1][1], parts[2][1]
            if name == b"cn=dmail,dc=example,dc=com":
                return [(BIND_DONE, result(0))]
            right = name == b"jdoe@corp.local" and password == b"pw"
            return [(BIND_DONE, result(codes["verdict"] if right else 49, "80090308: data 52e"))]
        found = [(SEARCH_ENTRY, entry("CN=J,DC=corp,DC=local", sAMAccountName="jdoe", userPrincipalName="jdoe@corp.local",
                                      userAccountControl="512"))] if b"jdoe" in str(parts).encode() else []
        return found + [(SEARCH_REFERENCE, text("ldap://DomainDnsZones.corp.local/DC=x")), (SEARCH_DONE, result(0))]

    fake = FakeServer(reply)
    path = configuration("ldap://127.0.0.1:%d" % fake.port, "bind_attribute userPrincipalName\n")
    t.equal("bind as userPrincipalName", once(path, "check CORP\\jdoe pw"), '+OK CORP\\jdoe config 0 account="jdoe"')
    t.check("wrong", once(path, "check jdoe no").startswith("-ERR"))
    t.check("unknown", once(path, "lookup ghost").startswith("-ERR"))
    for code, start in [(49, "-ERR"), (32, "-ERR"), (19, "-ERR"), (51, "-DEAD"), (52, "-DEAD"), (53, "-DEAD"), (8, "-DEAD"),
                        (13, "-DEAD"), (1, "-DEAD"), (80, "-DEAD"), (10, "-DEAD"), (14, "-DEAD")]:
        codes["verdict"] = code
        t.check("bind answered %d" % code, once(path, "check jdoe pw").startswith(start))
    for code in (1, 3, 10, 12, 32, 50, 51, 52, 53, 80):
        done = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else [(SEARCH_DONE, result(code))])
        a = once(configuration("ldap://127.0.0.1:%d" % done.port), "lookup ghost")
        t.check("search answered %d" % code, a.startswith("-DEAD"), a)
    nameless = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                          [(SEARCH_ENTRY, entry("", sAMAccountName="jdoe")), (SEARCH_DONE, result(0))])
    t.check("an entry without a name", once(configuration("ldap://127.0.0.1:%d" % nameless.port),
                                            "check jdoe pw").startswith("-DEAD"))
    junk = FakeServer(lambda tag, parts: [(0x42, b"\xff" * 50)])
    t.check("junk", once(configuration("ldap://127.0.0.1:%d" % junk.port, "network_timeout 1\n"),
                         "check jdoe pw").startswith("-DEAD"))


def referrals():
    """A search that is sent elsewhere is not followed: the other server would be told our password."""
    elsewhere = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                           [(SEARCH_ENTRY, entry("cn=evil", sAMAccountName="far")), (SEARCH_DONE, result(0))])
    url = "ldap://127.0.0.1:%d/ou=Other,dc=example,dc=com??sub" % elsewhere.port
    first = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                       [(SEARCH_DONE, result(10, referral=url))])
    t.check("not followed", once(configuration("ldap://127.0.0.1:%d" % first.port), "lookup far").startswith("-DEAD"))
    t.check("the other is told nothing", elsewhere.raw == b"", elsewhere.raw)


def message_ids(box):
    return sorted(l.split()[1].decode() for l in box if l.lower().startswith(b"message-id:"))


def end_to_end():
    process = "%s -config %s" % (harness.program("ldapauth"), ordinary)
    with harness.Instance("--imap", "0", "--pop3", "0", "--smtp", "0", "--submission", "0", "--domain", "example.com",
                          "--set", "authent_process " + process, "--set", "authent_domain true",
                          "--set", "vdomain o @other.org other.org /nowhere",
                          "--set", "login_domain CORP example.com") as site:
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
        drops = sorted(f for d, _, files in os.walk(site.dir + "/spool") if ".mbx" not in d for f in files)
        t.equal("one drop file for all of it", [f for f in drops if not f.startswith(".")], ["jdoe"])
        server.stop()
        s = smtplib.SMTP("127.0.0.1", site.SUBMISSION_PORT)
        s.ehlo()
        t.equal("server down: try later", s.docmd(plain("pw of john"))[0], 454)
        s.quit()
        server.start()


try:
    for part in (questions, pooled, wrong_set_up, tls, servers_down, active_directory, referrals, end_to_end):
        part()
finally:
    server.stop()
t.end()
