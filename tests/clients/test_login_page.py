#!/usr/bin/env python3
"""What man/dmail-login.7 shows: its settings are read without a remark, and its cases of SCRAM, old webmail, passwd files and OAuth run as they stand."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import run
from sasl_own import Talk, cram_md5, digest_md5, oauthbearer, plain, scram

t = harness.Suite()
with open(os.path.join(harness.ROOT, "man", "dmail-login.7")) as f:
    page = f.read()


def as_shown(block):
    return re.sub(r"(?m)^    ", "", block).replace("\\-", "-").replace("\\e", "\\")


settings = [as_shown(b) for b in re.findall(r'\.\\" dmail\.conf\n\.nf\n(.*?)\.fi\n', page, re.S)]
blocks = [as_shown(b) for b in re.findall(r"\.nf\n(.*?)\.fi\n", page, re.S)]
t.check("the page has its cases", len(settings) >= 12, len(settings))


def only_relay(out):
    """Whether all that dmconf has to say is that forward_user lets nothing out yet."""
    return all(b"forward_user and forward_from_ip let nothing out" in line for line in out.splitlines())


home = harness.scratch()
for n, text in enumerate(settings):
    path = "%s/%d.conf" % (home, n)
    with open(path, "w") as f:
        f.write("host_domain example.com\ndrop_path /tmp\n" + ("" if "authent_method" in text else "authent_method unix_user\n") + text)
    status, out, err = run([harness.program("dmconf"), "check", path])
    t.check("read without a remark: " + text.split("\n")[0], status == 0 or only_relay(out), (out + err).decode()[-500:])

def options(text):
    """--set options of a case; every server gets imapd's mechanisms where the page names only these."""
    out = []
    for line in text.strip().split("\n"):
        if line.startswith("authent_process"):
            line = line.replace("/usr/local/lib/dmail/nwauth", harness.program("nwauth")).replace("/usr/local/lib/dmail/tokens", home + "/tokens") \
                       .replace("/var/lib/dmail/nwauth", home + "/users")
        line = line.replace("/var/spool/dmail", home + "/virt").replace("/etc/dmail", home)
        out += ["--set", line]
        if line.startswith("imapd_mechanisms") and "dpop_mechanisms" not in text:
            out += ["--set", line.replace("imapd", "dpop"), "--set", line.replace("imapd", "dsmtp")]
    return out


def nwauth(line):
    argv = line.replace("/var/lib/dmail/nwauth", home + "/users").split("<")[0].split()
    status, out, err = run([harness.program("nwauth"), *argv[1:]], b"joe's password\n")
    t.check(line, status == 0, out + err)


os.mkdir(home + "/users")
if os.geteuid() == 0:
    os.chown(home + "/users", harness.MODULES, harness.MODULES)
commands = [b.strip() for b in blocks if " set joe - <password-file" in b]
t.equal("two ways to make a user", len(commands), 2)
nwauth(commands[0])
with harness.Instance(*options(settings[0])) as i:
    for service in ("imap", "pop", "smtp"):
        with Talk(i, service, "tls") as k:
            offers = k.offers()
            t.check(service + " offers what the page says", {"AUTH=SCRAM-SHA-256-PLUS", "AUTH=PLAIN"} <= offers and "AUTH=CRAM-MD5" not in offers, offers)
            good, line = k.authenticate("SCRAM-SHA-256", scram("SCRAM-SHA-256", "joe", "joe's password"))
            t.check(service + ": SCRAM", good and k.works(), line)
webmail = next(s for s in settings if "digest-md5" in s)
nwauth(commands[1])
with harness.Instance(*options(webmail)) as i:
    for service in ("imap", "pop", "smtp"):
        for name, m in (("CRAM-MD5", cram_md5("joe", "joe's password")), ("DIGEST-MD5", digest_md5("joe", "joe's password", service))):
            with Talk(i, service) as k:
                good, line = k.authenticate(name, m)
                t.check("%s: %s" % (service, name), good and k.works(), line)
os.mkdir(home + "/virt")
with open(home + "/password-file", "w") as f:
    f.write("vic's password\n")
command = next(b for b in blocks if "openssl passwd" in b).replace("/etc/dmail", home).replace("password-file", home + "/password-file")
status, out, err = run(["sh", "-c", command])
t.check(command, status == 0, err)
with harness.Instance(*options(next(s for s in settings if "vdomain_passwd" in s)), "--user", "user1:secret1") as i:
    for service in ("imap", "pop", "smtp"):
        for user, password, wanted in (("vic@virt.example", "vic's password", True), ("vic@virt.example", "wrong", False), ("vic", "vic's password", False),
                                       ("user1", "secret1", True), ("user1@virt.example", "secret1", False)):
            with Talk(i, service, "tls") as k:
                good, line = k.authenticate("PLAIN", plain(user, password))
                t.check("%s: %s of a passwd file, %s" % (service, user, password), good == wanted and (not good or k.works()), line)
with open(home + "/tokens", "w") as f:
    f.write(next(b for b in blocks if b.startswith("#!")).lstrip())
os.chmod(home + "/tokens", 0o755)
with harness.Instance(*options(next(s for s in settings if "oauthbearer" in s))) as i:
    for service in ("imap", "pop", "smtp"):
        with Talk(i, service, "tls") as k:
            good, line = k.authenticate("OAUTHBEARER", oauthbearer("joe", "token-of-joe"))
            t.check(service + ": OAUTHBEARER", good and k.works(), line)
        with Talk(i, service, "tls") as k:
            t.check(service + ": a wrong token", not k.authenticate("OAUTHBEARER", oauthbearer("joe", "token"))[0])
t.end()
