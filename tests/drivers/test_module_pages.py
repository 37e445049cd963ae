#!/usr/bin/env python3
"""What the man pages of authentication modules, rules and remote accounts show is done as it stands, with the places of
this test for those of an installation: configurations are used against a real slapd, databases and servers, settings
are read without a remark, commands are run by a shell."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from rules_fixture import Client, DAEMON, Site, attempt
from slapd import BIND, BIND_DONE, SEARCH_DONE, SEARCH_ENTRY, FakeServer, Slapd, entry, result

harness.need("slapd")
t = harness.Suite()
work = harness.scratch("dmail-pages.")
LIBEXEC = os.path.dirname(harness.program("nwauth"))
TAKEN = set()  # blocks that a part has dealt with


def blocks(page):
    with open(os.path.join(harness.ROOT, "man", page)) as f:
        text = f.read()
    found = []
    for block in re.findall(r"\n\.nf\n(.*?)\n\.fi", text, re.S):
        block = re.sub(r"(?m)^    ", "", block)
        block = block.replace("\\e\n", "\\\n")
        for shown, means in (("\\-", "-"), ("\\(dq", '"'), ("\\(aq", "'"), ("\\&", ""), ("\\e", "\\")):
            block = block.replace(shown, means)
        found.append(block)
    return found


def block(page, start, count=1):
    """The blocks of the page that begin with `start`."""
    found = [b for b in blocks(page) if b.startswith(start)]
    t.equal("%s shows %s" % (page, start), len(found), count)
    TAKEN.update((page, b) for b in found)
    return found[0] if count == 1 else found


def placed(text, **more):
    """With places of ours."""
    for there, here in {"/usr/local/lib/dmail/": LIBEXEC + "/", "/usr/local/sbin/": LIBEXEC + "/", **more}.items():
        text = text.replace(there, here)
    return text


def written(name, text):
    path = os.path.join(work, name)
    with open(path, "w") as f:
        f.write(text + "\n")
    return path


def only_relay(out):
    """Whether all that dmconf has to say is that forward_user lets nothing out yet."""
    return all(b"forward_user and forward_from_ip let nothing out" in line for line in out.splitlines())


def settings(page, text, usual="host_domain example.com\ndrop_path /tmp\n"):
    """Settings that dmconf has nothing to say about."""
    usual += "" if "authent_method" in text else "authent_method unix_user\n"
    usual = "".join(l + "\n" for l in usual.splitlines() if l.split()[0] not in text)
    path = written("settings.conf", usual + text)
    status, out, err = harness.run([harness.program("dmconf"), "check", path])
    t.check("%s: settings are read without a remark: %s" % (page, text.split("\n")[0]), status == 0 or only_relay(out),
            (out + err).decode()[-600:])


def module(*argv, lines):
    p = subprocess.run(argv, input="".join(l + "\n" for l in lines), capture_output=True, text=True, timeout=300)
    return p.stdout.splitlines()


def shell(text, **variables):
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, PATH=LIBEXEC + ":" + os.environ["PATH"], **variables))


def give(path):
    if os.geteuid() == 0:
        os.chown(path, harness.MODULES, harness.MODULES)


# ---- ldapauth(8)

def openldap(slapd):
    text = block("ldapauth.8", "uri ldap://ldap1")
    with open(work + "/ldap.secret", "w") as f:
        f.write("service secret\n")
    os.chmod(work + "/ldap.secret", 0o600)
    uri = "ldap://127.0.0.1:%d" % slapd.port
    text = placed(text, **{"ldap://ldap1.example.com ldap://ldap2.example.com": "ldap://127.0.0.1:1 " + uri,
                           "/etc/ssl/example-ca.pem": slapd.dir + "/ca.pem", "/etc/dmail/ldap.secret": work + "/ldap.secret",
                           ",ou=Services": "", "ou=People": "ou=Staff"})
    path = written("openldap.conf", text)
    facts = ' config 1001%s gid="100" mail="jim@example.com"'
    answers = module(harness.program("ldapauth"), "-config", path, lines=[
        "check jim pw of jim", "check jim@example.com pw of jim", "lookup james@example.com", "check jim pw", "lookup ghost"])
    t.equal("ldapauth(8), OpenLDAP", answers, [
        "+OK jim" + facts % "", "+OK jim@example.com" + facts % ' account="jim"',
        "+OK james@example.com" + facts % ' account="jim"',
        "-ERR jim password wrong or not a valid user", "-ERR ghost not a valid user"])
    return path


def active_directory():
    text = block("ldapauth.8", "uri ldaps://dc1")
    asked = []

    def reply(tag, parts):
        if tag == BIND:
            name, password = parts[1][1].decode(), parts[2][1].decode()
            right = {"dmail@corp.example.com": "service secret", "j.doe@corp.example.com": "pw"}.get(name) == password
            return [(BIND_DONE, result(0 if right else 49))]
        asked.append(str(parts))
        found = [(SEARCH_ENTRY, entry("CN=J,DC=corp", sAMAccountName="jdoe", userPrincipalName="j.doe@corp.example.com",
                                      mail="john.doe@example.com", proxyAddresses="SMTP:john.doe@example.com",
                                      mDBStorageQuota="2048", userAccountControl="512", protocolSettings="POP3\xa70\xa71"))]
        return (found if "doe" in asked[-1] else []) + [(SEARCH_DONE, result(0))]

    fake = FakeServer(reply)
    with open(work + "/ad.secret", "w") as f:
        f.write("service secret\n")
    os.chmod(work + "/ad.secret", 0o600)
    # The fake directory speaks no TLS.
    text = text.replace("ldaps://dc1.corp.example.com ldaps://dc2.corp.example.com", "ldap://127.0.0.1:%d" % fake.port)
    text = text.replace("/etc/dmail/ad.secret", work + "/ad.secret")
    path = written("ad.conf", text)
    facts = ' account="jdoe" quota="2048" mail="john.doe@example.com" pop="no"'
    names = ["CORP\\jdoe", "j.doe@corp.example.com", "john.doe@example.com"]
    answers = module(harness.program("ldapauth"), "-config", path, lines=["check %s pw" % n for n in names])
    t.equal("ldapauth(8), Active Directory: the forms of a name", [a.replace("@example.com\" quota", '" quota') for a in answers],
            ["+OK %s config 0%s" % (n, facts) for n in names])
    t.check("the user's name is in the filter", any("jdoe" in a for a in asked) and any("smtp:john.doe" in a or "proxy" in a
                                                                                      for a in asked), asked[:3])
    line = block("ldapauth.8", "ldapauth -config ad.conf")
    p = shell("cd %s && %s" % (work, line))
    t.check("ldapauth(8), the command to try it out", p.returncode == 0 and p.stdout.startswith("+OK john.doe@example.com config 0")
            and "search (&(objectCategory=person)" in p.stderr, p)
    settings("ldapauth.8", block("ldapauth.8", "host_domain"), "drop_path /tmp\n")
    settings("ldapauth.8", placed(block("ldapauth.8", "authent_method")))


# ---- multiauth(8)

def several(ldap_conf):
    database = work + "/multi"
    staff, with_pam = block("multiauth.8", "module 10", 2)
    t.check("multiauth(8): PAM with others, which tests/drivers/test_three_kinds.py runs", "unix:/run/dmail-pam/socket" in with_pam)
    text = placed(staff, **{"/var/lib/dmail/nwauth": database})
    with open(ldap_conf) as f:  # as the page says, the directory's people are of that domain
        staff_conf = written("staff.conf", re.sub(r"(?m)^(\s*domain ).*$", r"\1staff.example.com", f.read()))
    text = text.replace(LIBEXEC + "/ldapauth", LIBEXEC + "/ldapauth -config " + staff_conf)
    path = written("multiauth.conf", text)
    first, three = block("multiauth.8", "authent_method", 2)
    settings("multiauth.8", placed(first))
    settings("multiauth.8", placed(three, **{"/etc/dmail/virt.passwd": written("virt.passwd", ""), "/var/spool/dmail": "/tmp"}))
    enabled("multiauth.8", "dmail-pam")
    answers = module(harness.program("multiauth"), "-config", path, lines=[
        "check jim@staff.example.com pw of jim", "set ann@example.com secret", "check ann@example.com secret",
        "check ann@example.com wrong", "set bob@staff.example.com x", "lookup bob@staff.example.com", "del ann@example.com",
        "lookup ann@example.com"])
    t.equal("multiauth(8): staff in the directory, others in the database", [a.split(" config")[0] for a in answers], [
        "+OK jim@staff.example.com", "+OK ann@example.com added to database", "+OK ann@example.com",
        "-ERR ann@example.com password wrong or not a valid user", "-ERR no module may do that for this user",
        "-ERR bob@staff.example.com not a valid user", "+OK ann@example.com deleted", "-ERR ann@example.com not a valid user"])


# ---- authpool(8)

def enabled(page, unit):
    """The text of the unit that the page's line for systemctl turns on."""
    line = block(page, "systemctl")
    t.equal(page + ": turns on", line, "systemctl enable --now " + unit)
    with open("%s/units/%s.service" % (work, unit)) as f:
        return f.read()


def ask_socket(path, line):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(120)
        s.connect(path)
        s.sendall(line.encode() + b"\n")
        return s.makefile().readline().rstrip("\n")


def pool(what, command, sock, questions, options="", page="authpool(8)"):
    """Runs a command line of the page that starts a resident module."""
    argv = subprocess.run(["sh", "-c", "printf '%s\\n' " + command.replace("2>>/var/log/authpool.log &", "")],
                          capture_output=True, text=True, check=True).stdout.splitlines()
    argv[0] = harness.program(os.path.basename(argv[0]))
    argv[1:1] = options.split()
    with open(work + "/authpool.log", "a") as log:
        p = subprocess.Popen(argv, stderr=log)
    try:
        for _ in range(2000):
            if os.path.exists(sock) or p.poll() is not None:
                break
            time.sleep(0.05)
        for line, start in questions:
            answer = ask_socket(sock, line)
            t.check("%s, %s: %s" % (page, what, line), answer.startswith(start), answer)
    finally:
        p.send_signal(signal.SIGTERM)
        t.equal("%s, %s: its end" % (page, what), p.wait(120), 0)


def resident_nwauth():
    run = work + "/run-nwauth"
    own = {"/run/dmail": run, "/var/lib/dmail/nwauth": work + "/resident"}
    unit = enabled("nwauth.8", "dmail-nwauth")
    command = placed(re.search(r"(?m)^ExecStart=(.*)$", unit).group(1), **own)
    first, rest = placed(block("nwauth.8", "install"), **own).split("\n", 1)
    p = shell(first.replace("-o dmailmod -g dmailmod", "-o %d -g %d" % (harness.MODULES, harness.MODULES)))
    t.equal("nwauth(8), its directory", (p.returncode, p.stderr), (0, ""))
    joe = [("set joe secret", "+OK joe added"), ("check joe secret", "+OK joe config 0"), ("check joe x", "-ERR")]
    own_user = "-moduleuser %d" % harness.MODULES
    pool("systemd", command, run + "/nwauth", joe, own_user, page="nwauth(8)")
    pool("a script", rest.removesuffix(" &"), run + "/nwauth", joe[1:], own_user, page="nwauth(8)")


def pools(ldap_conf):
    run = work + "/run"
    os.mkdir(run, 0o755)
    give(run)
    conf = written("pool.conf", "module_user %d:%d\n" % (harness.MODULES, harness.MODULES))
    for name in (ldap_conf, work + "/ldap.secret"):
        give(name)
    own = {"/run/dmail-pam": work + "/run-pam", "/run/dmail": run, "/usr/local/etc/ldapauth.conf": ldap_conf}
    jim = [("check jim pw of jim", "+OK jim config 1001"), ("check jim x", "-ERR"), ("lookup ghost", "-ERR")]
    unit = block("authpool.8", "[Service]")
    command = placed(re.search(r"(?m)^ExecStart=(/(?:.*\\\n)*.*)$", unit).group(1), **own)
    pool("systemd", command, run + "/authpool", jim, "-C " + conf)
    script = placed(block("authpool.8", "install", 2)[0], **own)
    script = script.replace(LIBEXEC + "/mymodule", LIBEXEC + "/ldapauth -config " + ldap_conf)
    first, rest = script.split("\n", 1)
    if os.geteuid() == 0:
        p = shell(first.replace("-o dmailmod -g dmailmod", "-o %d -g %d" % (harness.MODULES, harness.MODULES)))
        t.equal("authpool(8), its directory", (p.returncode, p.stderr), (0, ""))
    pool("a script", rest, run + "/authpool", jim, "-C " + conf)
    shown, unit = block("authpool.8", "install", 2)[1], open(work + "/units/dmail-pam.service").read()
    first, pam = placed(shown, **own).split("\n", 1)
    t.equal("authpool(8), the directory for PAM", (shell(first).returncode, os.stat(work + "/run-pam").st_mode & 0o777), (0, 0o755))
    started = placed(re.search(r"(?m)^ExecStart=((?:.*\\\n)*.*)$", unit).group(1), **own)
    t.equal("authpool(8) and dmail-pam.service start the same", pam.replace("\\\n", "").split()[1:], started.replace("\\\n", "").split()[1:])
    pool("PAM", pam, work + "/run-pam/socket", [("lookup root", "-ERR root"), ("lookup no-such-user-here", "-ERR")], "-C " + conf)
    settings("authpool.8", block("authpool.8", "authent_method"))


# ---- nwauth(8), unixauth(8), dmrelay(8)

def databases():
    resident_nwauth()
    conf = placed(block("nwauth.8", "authent_method"))
    settings("nwauth.8", conf)
    both = placed(block("nwauth.8", "nwauth dump"), **{"/root/": work + "/"})
    p = shell('nwauth() { "$N" -path "$D" "$@"; }; ' + both.replace("\n", " && "), N=harness.program("nwauth"), D=work + "/resident")
    t.equal("nwauth(8), dump and load", (p.returncode, p.stdout), (0, "+OK 1 users\n+OK 0 users added, 1 changed\n"))
    written("password-file", "read from a file")
    both = block("nwauth.8", "nwauth set joe -").replace("<", "<" + work + "/").replace("nwauth set joe -\n", "echo asked | nwauth set joe -\n")
    p = shell('nwauth() { "$N" -path "$D" "$@"; }; ' + both.replace("\n", " && ") + " && echo read from a file | nwauth check joe -",
              N=harness.program("nwauth"), D=work + "/resident")
    t.equal("nwauth(8), a password that is no argument", p.stdout.splitlines()[2:], ["+OK joe config 0"])
    settings("nwauth.8", "authent_method external\n" + block("nwauth.8", "authent_process unix:"))
    lines = module(harness.program("nwauth"), "-path", work + "/keys", "-keep-plain", lines=[
        "set joe secret", "secret joe SCRAM-SHA-1", "secret joe SCRAM-SHA-256", "secret joe CRAM-MD5"])
    shown = re.findall(r'(?m)^([\w-]+)="', block("nwauth.8", "scram-sha-1"))
    t.equal("nwauth(8), the labels of secret", [re.search(r'([\w-]+)="', l).group(1) for l in lines[1:]] + ["digest-md5"],
            shown)
    lines = module(harness.program("nwauth"), "-path", work + "/digest", "-digest-realm", "example.com", lines=[
        "set joe secret", "secret joe DIGEST-MD5"])
    t.check("nwauth(8), digest-md5", re.fullmatch(r'\+OK joe config 0 digest-md5="[0-9a-f]{32}"', lines[1]), lines)
    user = next((u for u in pwd.getpwall() if u.pw_uid >= 1000 and u.pw_dir.startswith("/") and u.pw_shell), None)
    shown = block("unixauth.8", "+OK bob config 1000")
    if user:
        shown = shown.replace("config 1000", "config %d" % user.pw_uid).replace('gid="1000"', 'gid="%d"' % user.pw_gid)
        shown = shown.replace("/home/bob", user.pw_dir).replace("bob", user.pw_name)
        t.equal("unixauth(8), an account", module(harness.program("unixauth"), "-fast", "-maxuid", "65534", lines=["lookup " + user.pw_name]),
                [shown])
    else:
        t.skip("no user of the system but system accounts")
    block("unixauth.8", "+OK bob config 0")  # tests/drivers/test_unixauth.py has such accounts
    minimal = block("unixauth.8", "auth     required")
    with open(os.path.join(harness.ROOT, "tools/unixauth/pam.d/imap")) as f:
        t.check("unixauth(8), the minimal file is what the sample begins with", minimal in f.read(), minimal)
    settings("dmrelay.8", block("dmrelay.8", "forward_user"))


# ---- dmail-rules(7)

def rules():
    page = "dmail-rules.7"
    line = "echo secret | " + block(page, "nwauth set joe -")
    database = 'nwauth() { "$N" -path "$D" "$@"; }; '
    own = {"N": harness.program("nwauth"), "D": work + "/rules"}
    p = shell(database + line + " && nwauth lookup joe", **own)
    t.equal(page + ": labels of an account", p.stdout.splitlines()[1:], ['+OK joe config 0 pop="no" ip="192.0.2.*"'])
    site = Site()
    for n, service in enumerate(DAEMON):
        attempt(site, service, "127.0.2.%d" % n, "joe", "wrong")
    attempt(site, "imap", "127.0.2.9", "joe", "secret")
    form = " ".join(block(page, "2026-11-21T").replace("\\\n", " ").split())
    wanted = r"event=login-failed user=\S+ account=\S+ ip=[0-9.]+ service=\S+ method=\S+ .*reason=\S+ text="
    for text in [form] + site.lines("pop", "login-failed"):
        t.check(page + ": the form of a line", re.search(wanted, text), text)
    script = block(page, "text='").replace("tail -F /var/log/dmail/*.log", "cat %s/log/*.log" % site.path)
    p = shell(script)
    t.equal(page + ": addresses for other programs", sorted(p.stdout.split()), ["127.0.2.0", "127.0.2.1", "127.0.2.2"])
    for command in block(page, "cp PREFIX").split("\n"):
        source = command.split()[1].replace("PREFIX/share/dmail", harness.ROOT + "/tools")
        t.check(page + ": " + command, os.path.exists(source), source)
    line = block(page, "fail2ban-regex")
    if shutil.which("fail2ban-regex"):
        line = line.replace("/var/log/dmail/imapd.log", site.path + "/log/imapd.log")
        p = shell(line.replace("/etc/fail2ban", harness.ROOT + "/tools/fail2ban"))
        t.check(page + ": fail2ban-regex", re.search(r"(?m)^Lines: \d+ lines, 0 ignored, 1 matched", p.stdout), p.stdout[-800:])
    else:
        t.skip("fail2ban-regex is not installed")
    commands = block(page, "nft add table")
    if os.geteuid() == 0 and shutil.which("nft"):
        # As the shell gives them to nft, which only reads them.
        p = shell('nft() { echo "$*"; }\n{\n%s\n} | command nft -c -f -' % commands)
        t.equal(page + ": nft", (p.returncode, p.stderr), (0, ""))
    else:
        t.skip("nft is not installed, or not for this user")


# ---- dmail-remote(7)

def remote():
    page = "dmail-remote.7"
    p = shell('nwauth() { "$N" -path "$D" "$@"; }; echo secret | ' + block(page, "nwauth set ann") + " && nwauth lookup ann",
              N=harness.program("nwauth"), D=work + "/remote")
    t.equal(page + ": the label", p.stdout.splitlines()[1:], ['+OK ann config 0 host="mail2"'])
    both, own, front = block(page, "host_domain"), block(page, "remote_self"), block(page, "remote_accounts  proxy")
    for name in ("cert.pem", "key.pem", "site-ca.pem"):
        written(name, "")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", work + "/key.pem", "-out",
                    work + "/cert.pem", "-subj", "/CN=mail1", "-days", "2"], check=True, stderr=subprocess.DEVNULL)
    with open(work + "/cert.pem") as f:
        written("site-ca.pem", f.read())
    written("this-host.conf", own)
    os.chmod(work + "/key.pem", 0o600)
    settings(page, both.replace("/etc/dmail", work).replace("/var/spool/dmail", "/tmp") + "\nimapd_include_level 1\n")
    settings(page, front)
    out = harness.run([harness.program("dmconf"), "show", work + "/settings.conf"])[1].decode()
    t.check(page + ": a password with blanks is one", re.search(r"(?m)^remote_password\s+\S", out), out[-400:])


os.mkdir(work + "/units")
subprocess.run([harness.ROOT + "/tools/build/service-files", "systemd", "/usr/local/lib/dmail", "/usr/local/sbin", "dmailmod", work + "/units"],
               check=True)
slapd = Slapd("""dn: dc=example,dc=com
objectClass: domain
dc: example

dn: ou=Staff,dc=example,dc=com
objectClass: organizationalUnit
ou: Staff

dn: cn=dmail,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: dmail
userPassword: service secret

dn: cn=Jim,ou=Staff,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: mailUser
cn: Jim
sn: Jim
uid: jim
userPassword: pw of jim
mail: jim@example.com
mail: james@example.com
uidNumber: 1001
gidNumber: 100
""")
try:
    openldap_conf = openldap(slapd)
    active_directory()
    several(openldap_conf)
    pools(openldap_conf)
finally:
    slapd.stop()
databases()
rules()
remote()
for page in ("ldapauth.8", "multiauth.8", "authpool.8", "nwauth.8", "unixauth.8", "dmrelay.8", "dmail-rules.7", "dmail-remote.7"):
    left = [b for b in blocks(page) if (page, b) not in TAKEN]
    t.equal("every example of %s is tried" % page, left, [])
t.end()
