#!/usr/bin/env python3
"""make install DESTDIR=...: what is there, its modes, and that inetd.conf.example names what is installed."""
import os
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
where = harness.scratch()
p = subprocess.run(["make", "-s", "-C", harness.ROOT, "B=" + os.path.relpath(harness.BUILD, harness.ROOT), "install", "DESTDIR=" + where],
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
if not t.equal("make install", p.returncode, 0):
    print(p.stdout.decode()[-2000:])
programs = where + "/usr/local/lib/dmail/"
for name in ("imapd imapd-login imapd-login-tls imapd-session dpopd dpopd-login dpopd-login-tls dpopd-session "
             "dsmtpd dsmtpd-session dsmtpd-session-tls dsmtpd-deliver nwauth").split():
    t.check(name + " is installed and can be run", os.access(programs + name, os.X_OK))
for name in ("dmconf", "dmtry", "nwauth", "authpool"):
    t.check(name + " is in sbin", os.path.lexists(where + "/usr/local/sbin/" + name))
for folder, dirs, files in os.walk(where):
    for n in files:
        mode = os.lstat(os.path.join(folder, n)).st_mode
        t.check("nothing is set-uid or writable for others: " + n, stat.S_ISLNK(mode) or not mode & 0o6022)
for page in ("man5/dmail.conf.5", "man5/dmail-store.5", "man7/dmail.7", "man8/imapd.8", "man8/dpopd.8", "man8/dsmtpd.8"):
    t.check(page, os.path.exists(where + "/usr/local/share/man/" + page))
for name in ("imap", "pop", "smtp"):
    t.check("a sample of PAM's " + name, os.path.exists(where + "/usr/local/share/doc/dmail/pam.d/" + name))
with open(where + "/usr/local/share/doc/dmail/inetd.conf.example") as f:
    lines = [l.lstrip("#").split() for l in f if re.match(r"#?\s*\w+\s+stream\s+tcp", l)]
t.check("inetd.conf.example has a line for each service", len(lines) >= 6, lines)
for words in lines:
    server = next((w for w in words[5:] if "/dmail/" in w), "")
    t.check("inetd.conf.example starts an installed program: " + " ".join(words), server and os.access(where + server, os.X_OK))
for name in ("imapd-login", "imapd-login-tls", "dpopd-login", "dpopd-login-tls", "dmail-proxy", "dmail-proxy-tls"):
    status, out, err = harness.run([programs + name, "--help"])
    t.check(name + " by hand says who starts it", status == 2 and b"is started by imapd, dpopd or dsmtpd" in err, (status, out, err))
# A TLS port without a certificate: the log says what is missing.
home = harness.scratch()
with open(home + "/dmail.conf", "w") as f:
    f.write("host_domain x.example\ndrop_path %s\nwork_path %s\njail_path %s/jail\nlogin_user 63001\nmail_user 63002\n" % (home, home, home))
for name in ("imapd", "dpopd", "dsmtpd"):
    status, out, err = harness.run([programs + name, "-C", home + "/dmail.conf", "--tls"])
    with open("%s/%s.log" % (home, name)) as f:
        log = f.read()
    t.check(name + " --tls without a certificate", status == 1 and out == b"" and "--tls needs tls_certificate and tls_key" in log, (status, out, log))
# The installed dmtry finds the installed servers.
p = subprocess.Popen([where + "/usr/local/sbin/dmtry", harness.scratch(), "--imap", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
t.equal("dmtry as installed", p.stdout.readline(), b"ready\n")
p.stdin.close()
p.wait(30)
alone = harness.scratch()
shutil.copy2(where + "/usr/local/sbin/dmtry", alone)
if not os.path.exists("/usr/local/lib/dmail/imapd"):
    status, out, err = harness.run([alone + "/dmtry", alone + "/try"])
    t.check("dmtry without servers names what is missing", status == 1 and b"imapd is not there" in err, err)
status, out, err = harness.run([where + "/usr/local/sbin/dmtry", alone, "--bogus"])
t.check("dmtry and an unknown option", status == 64 and err.startswith(b"dmtry: unknown option --bogus\n"), err)
status, out, err = harness.run([where + "/usr/local/sbin/dmconf", "check", where + "/usr/local/share/doc/dmail/dmail.conf.example"])
t.equal("the example dmail.conf is good", status, 0) or print((out + err).decode())
t.end()
