#!/usr/bin/env python3
"""A mistake in dmail.conf that says where mail is, or who gets in: every server defers, and the log says where.

Real servers, for each kind of mistake; then one that does no harm, which is served.  test_dmconf_defer.py BUILD
"""
import os
import shutil
import subprocess

from rules_fixture import ROOT, Client, Site, good, harness

t = harness.Suite()
SERVERS = (("imap", (), "* BYE [UNAVAILABLE]"), ("pop", (), "-ERR [SYS/TEMP]"), ("smtp", (), "421 4.3.0"),
           ("smtp", ("--submission",), "421 4.3.0"), ("smtp", ("--lmtp",), "421 4.3.0"))


def write(site, text, name="dmail.conf", mode=0o644):
    path = os.path.join(site.path, name)
    with open(path, "w", encoding="latin-1") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def asked(site, what, wanted, servers=SERVERS):
    """Every server defers, with one line in its log that has all of `wanted`."""
    for service, args, greeting in servers:
        before = len(site.log(service))
        c = Client(site, service, args=args)
        t.check("%s: %s%s defers" % (what, service, args), c.greeting.startswith(greeting), c.greeting)
        t.equal("%s: %s%s hangs up" % (what, service, args), c.line(), "")
        c.p.wait(30)
        lines = [l for l in site.log(service)[before:].split("\n") if l]
        t.check("%s: %s%s one line in the log" % (what, service, args), len(lines) == 1, lines)
        t.check("%s: %s%s says where" % (what, service, args), lines and " level=error event=config-error " in lines[0]
                and all(w in lines[0] for w in wanted), lines)


def served(site, what):
    for service in ("imap", "pop", "smtp"):
        c = Client(site, service)
        t.check("%s: %s serves" % (what, service), good(service, c.login()), c.greeting)
        c.kill()


site = Site(plaintext_login_from="127.*")
with open(site.path + "/dmail.conf") as f:
    usual = f.read()
without = lambda name: "".join(l + "\n" for l in usual.splitlines() if not l.startswith(name + " "))
number = len(usual.splitlines()) + 1
served(site, "good settings")
site_mail = lambda: sorted(os.listdir(site.path + "/mail"))
t.equal("mail is where hash_spool says", site_mail(), ["g"])

# One of each kind: a name, a value, a line that cannot be read; what locates mail, and what keeps people out.
for line, wanted in (("hash_spol 1", "looks like hash_spool"), ("hash_spool 3", "must be a number from 0 to 2"),
                     ("hash_spool=1", "looks like hash_spool"), ("drop_path mail", "must be an absolute path"),
                     ("drop_prefix yes", "must be true or false"), ("vdomain v @x", "must be 4 words"),
                     ("vdomain_separator ab", "one printable character"), ("invalid_chars \"/", "one quoted string"),
                     ("imapd_enable_new_hashing no", "must be true or false"), ("use_maildir x", "must be true or false"),
                     ("imapd_mailbox_name ../x", "below the home directory"), ("maildir_home x", "absolute path"),
                     ("maildir_althome x y", "absolute path"), ("maildir_suffix x", "true or false"),
                     ("lock_id", "a value is missing"), ("valid_user bob", "looks like valid_users"),
                     ("user_ip_address 10.0.0.0/33", "must be IP addresses"),
                     ("plaintext_login_from localhost", "must be IP addresses"), ("tls_minimum 1.1", "must be one of"),
                     ("unix_uid_minimum x", "must be a number"), ("host_domain a b", "must be 1 word"),
                     ("hash_spool \x01", "control character"), ("x" * 9000, "line over")):
    write(site, usual + line + "\n")
    asked(site, line[:40], ['file="%s/dmail.conf"' % site.path, "line=%d" % number, wanted])
write(site, usual + "imapd_become_user no\n")
asked(site, "imapd_become_user no", ["must be true or false"], SERVERS[:1])
t.equal("and no mail went anywhere else", site_mail(), ["g"])

# Includes.
write(site, without("hash_spool") + "imapd_include_level 1\n#include spool.conf\n")
asked(site, "an include that is not there", ["cannot include", "No such file"])
deep = "imapd_include_level 16\n"
for i in range(18):
    write(site, "%s#include deep%d\n" % (usual + deep if i == 0 else "", i + 1), "dmail.conf" if i == 0 else "deep%d" % i)
asked(site, "includes too deep", ["includes nest deeper than 16"])
write(site, without("hash_spool") + "#include spool.conf\n")
write(site, "hash_spool 1\n", "spool.conf")
asked(site, "an include that imapd does not follow", ["imapd_include_level 0", "where hash_spool is set", "line=1"],
      SERVERS[:1])
write(site, without("hash_spool") + "imapd_include_level 1\n#include spool.conf\n")
served(site, "an include that all follow")

# Whose the files are.
os.chmod(site.path + "/spool.conf", 0o646)
asked(site, "an include that others may write", ["cannot include: everybody may write", "mode 0646", "chmod o-w"])
os.chmod(site.path + "/spool.conf", 0o664)
served(site, "an include of a group")
if ROOT:
    os.chown(site.path + "/spool.conf", 63110, 0)
    asked(site, "an include of somebody's", ["belongs to uid 63110", "chown root"])
os.unlink(site.path + "/spool.conf")

# What does no harm is served as ever.
write(site, usual + "log_levl debug\nno_such_thing 1\nlock_timeout x\n")
served(site, "other mistakes")

# The file itself: the log is not where it says, which nobody believes, but in the usual place.
if ROOT and shutil.which("unshare"):
    def refused(what, wanted):
        script = ("set -e; mount -t tmpfs none /var/log; mkdir /var/log/dmail; "
                  "for p in imapd dpopd dsmtpd; do %s/$p -C %s/dmail.conf </dev/null || :; done; cat /var/log/dmail/*.log"
                  % (site.bin, site.path))
        p = subprocess.run(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        out = p.stdout.decode()
        if "mount:" in out or "unshare:" in out:
            return t.skip(what + ": no mount name space here")
        for word in ("* BYE [UNAVAILABLE]", "-ERR [SYS/TEMP]", "421 4.3.0", *wanted):
            t.check("%s: %s" % (what, word), word in out, out)
        t.equal(what + ": one line each", out.count("event=config-error"), 3)
    write(site, usual, mode=0o666)
    before = [site.log(s) for s in ("imap", "pop", "smtp")]
    refused("a dmail.conf for all to write", ["everybody may write", "(mode 0666)", "chmod o-w " + site.path])
    t.equal("its log is left alone", [site.log(s) for s in ("imap", "pop", "smtp")], before)
    write(site, usual)
    os.chown(site.path + "/dmail.conf", 63110, 0)
    refused("a dmail.conf of somebody's", ["belongs to uid 63110", "chown root"])
    os.unlink(site.path + "/dmail.conf")
    refused("no dmail.conf", ["No such file"])
else:
    t.skip("whose dmail.conf is: needs root")
t.end()
