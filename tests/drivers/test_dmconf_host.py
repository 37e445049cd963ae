#!/usr/bin/env python3
"""dmconf host: certificates as the servers take them in, owners and modes, and mail that lies elsewhere.

test_dmconf_host.py BUILD
"""
import os
import subprocess

from rules_fixture import ROOT, Site, harness

t = harness.Suite()
site = Site(host_domain="example.org")
conf = site.path + "/dmail.conf"


def host(what, *wanted, status=1, absent=()):
    p = subprocess.run([harness.program("dmconf"), "host", conf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    out = p.stdout.decode()
    t.equal(what + ": exit status", p.returncode, status) or print(out, p.stderr.decode())
    for text in wanted:
        t.check("%s: says %s" % (what, text), text in out, out)
    for text in absent:
        t.check("%s: does not say %s" % (what, text), text not in out, out)


def openssl(*argv):
    subprocess.run(("openssl",) + argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=site.path)


def certificate(name, names, start=-1, end=90):
    """A self-signed one, valid from `start` to `end` days from now: the date is OpenSSL's, the clock stays."""
    with open(site.path + "/ca.conf", "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nnew_certs_dir=%s\nserial=%s/serial\ndefault_md=sha256\npolicy=p\n"
                "unique_subject=no\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=%s\n"
                % ((site.path,) * 3 + (",".join("DNS:" + n for n in names),)))
    open(site.path + "/index", "w").close()
    with open(site.path + "/serial", "w") as f:
        f.write("01\n")
    import datetime
    day = lambda n: (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=n, minutes=5)).strftime("%Y%m%d%H%M%SZ")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key",
            "-subj", "/CN=" + names[0], "-out", name + ".csr")
    openssl("ca", "-batch", "-config", "ca.conf", "-selfsign", "-keyfile", name + ".key", "-in", name + ".csr",
            "-out", name + ".pem", "-startdate", day(start), "-enddate", day(end), "-notext")


def tls(name, key=None, **more):
    site.set(host_domain="example.org", tls_certificate="%s/%s.pem" % (site.path, name),
             tls_key="%s/%s.key" % (site.path, key or name), **more)


host("a host as it should be", "sysadmin: nobody is named, and mail for postmaster is refused unless", "write sysadmin you@example.org", status=0)
for who in ({"sysadmin": "joe@example.org"}, {"forward": "Postmaster@example.org joe@example.org"}):
    site.set(host_domain="example.org", **who)
    host("somebody reads postmaster's mail", status=0, absent=["sysadmin:"])
site.set(host_domain="example.org")
certificate("good", ["mail.example.org", "imap.example.org"])
tls("good")
host("a good certificate", "tls_certificate: names mail.example.org, imap.example.org; expires in 90 days, on 20", status=0)
certificate("soon", ["example.org"], end=9)
tls("soon")
host("soon over", "soon.pem expires in 9 days, on 20", "renew it")
certificate("over", ["example.org"], start=-40, end=-3)
tls("over")
host("over", "over.pem expired on 20", "(2 days ago)", absent=["expires in"])
certificate("early", ["example.org"], start=3)
tls("early")
host("not yet", "early.pem is not valid before 20")
certificate("other", ["mail.example.net"])
tls("other")
host("another name", "other.pem is for mail.example.net, not for example.org or a host of it")
tls("good", "other")
host("a key that does not match", "no TLS with", "is not that of the certificate")
with open(site.path + "/garbage.pem", "w") as f:
    f.write("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n")
tls("garbage", "good")
host("garbage", "garbage.pem", "tls_certificate holds no certificate")
with open(site.path + "/garbage.key", "w") as f:
    f.write("rubbish\n")
os.chmod(site.path + "/garbage.key", 0o600)
tls("good", "garbage")
host("a key that is none", "no TLS with", "tls_key holds no")
with open(site.path + "/good.pem") as a, open(site.path + "/other.pem") as b, open(site.path + "/chain.pem", "w") as f:
    f.write(a.read() + b.read())
tls("chain", "good")
host("a chain of strangers", "certificate number 2 in it is not the issuer's")
openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "weak.key", "-out", "weak.pem", "-subj", "/CN=example.org")
tls("weak")
host("a key that TLS thinks too short", "no TLS with", "key too small")
tls("good", tls_certificate_for="*.example.net %s/other.pem %s/other.key" % (site.path, site.path))
host("a second one", "tls_certificate_for *.example.net: names mail.example.net; expires in 90 days", status=0)
tls("good", tls_certificate_for="pop.example.net %s/other.pem %s/other.key" % (site.path, site.path))
host("a second one of another name", "is for mail.example.net, not for pop.example.net: clients")
os.chmod(site.path + "/good.key", 0o644)
tls("good")
host("a key for all to read", "tls_key: %s/good.key can be read by everybody" % site.path)

# Owners and modes; what the tests of passwd files and settings need not be root for comes first.
site.set(host_domain="example.org")
os.chmod(conf, 0o664)
if os.stat(conf).st_gid != 0:
    host("dmail.conf of a group", "may write it (mode 0664)", "chmod g-w " + conf)
os.chmod(conf, 0o644)
site.set(host_domain="example.org", remote_password="secret")
host("a password for all to read", "remote_password: everybody may read %s (mode 0644) (chmod o-r" % conf)
with open(site.path + "/passwd", "w") as f:
    f.write("vic:$6$x$y\n")
os.chmod(site.path + "/passwd", 0o644)
site.set(host_domain="example.org", vdomain_passwd="example.org %s/passwd" % site.path)
host("hashes for all to read", "vdomain_passwd: everybody may read the password hashes in", "chmod o-r")
os.chmod(site.path + "/passwd", 0o640)
host("hashes of root", status=0)
site.set(host_domain="localhost")
host("no domain", "host_domain: localhost is no full domain name")

site.set(host_domain="example.org")
spool = site.path + "/mail"
os.chmod(spool, 0o777)
host("a spool for all", "drop_path: everybody may write in %s (chmod o-w %s)" % (spool, spool))
os.chmod(spool, 0o755)
os.symlink("/tmp", spool + "/g")
host("a link in the spool", "hash_spool: %s/g is a link" % spool)
os.unlink(spool + "/g")
os.mkdir(spool + "/g")
os.chmod(spool + "/g", 0o775)
host("a hash directory of a group", "hash_spool: others may write in %s/g (mode 0775)" % spool, "chmod go-w")
os.chmod(spool + "/g", 0o755)
host("a hash directory", "hash_spool: every user of this host can list %s/g, and see" % spool, status=0)
os.mkdir(spool + "/h", 0o755)
host("two hash directories", "can list %s/" % spool, " and 1 more, and see who has mail", status=0)
os.rmdir(spool + "/h")
os.chmod(spool + "/g", 0o711)
host("a hash directory as servers make it", status=0, absent=["hash_spool"])
if ROOT:
    os.chmod(spool + "/g", 0o700)
    host("a hash directory of root's alone", "who cannot enter %s/g (mode 0700) (chmod o+x" % spool)
    os.chmod(spool + "/g", 0o755)
    os.chown(spool + "/g", 63110, 0)
    host("a hash directory of a user", "%s/g belongs to uid 63110, not to root: servers do not use it (chown root" % spool)
    os.chown(spool + "/g", 0, 0)
    os.chown(spool, 63110, 0)
    host("a spool of a user", "drop_path: %s belongs to uid 63110" % spool)
    os.chown(spool, 0, 0)
    os.chmod(spool, 0o700)
    host("a spool of root's alone", "who cannot enter %s (mode 0700) (chmod o+x %s)" % (spool, spool))
    os.chmod(spool, 0o755)
    os.chown(site.path + "/log", 63110, 0)
    host("a log of a user", "log_path: %s/log belongs to uid 63110" % site.path)
    os.chown(site.path + "/log", 0, 0)
else:
    t.skip("owners: needs root")


def drop(path, text=b"From a@b Sat Nov 21 10:00:00 2026\n\nx\n\n"):
    path = os.path.join(spool, path)
    with open(path, "wb") as f:
        f.write(text)
    if ROOT:
        os.chown(path, 63110, 63110)


drop("joe")
host("mail where hash_spool does not look", "1 drop file lies where these settings do not look", "joe's at %s/joe instead of %s/g/joe" % (spool, spool))
drop("g/joe")
host("mail at both", "1 user has drop files at two places", "joe has drop files at %s/joe and at %s/g/joe" % (spool, spool))
drop("joe", b"")
host("an empty one left behind", status=0)
t.end()
