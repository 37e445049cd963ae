#!/usr/bin/env python3
"""make install DESTDIR=...: what is there, its modes, that inetd.conf.example names what is installed, and that make uninstall
takes it back and says what is left."""
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

def make(target, *variables):
    return subprocess.run(["make", "-s", "-C", harness.ROOT, "B=" + os.path.relpath(harness.BUILD, harness.ROOT), target, *variables],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=harness.without_make())


def tree(folder):
    return sorted(os.path.relpath(os.path.join(d, n), folder) for d, dirs, files in os.walk(folder) for n in files + dirs)


p = make("install", "DESTDIR=" + where)
if not t.equal("make install", p.returncode, 0):
    print(p.stdout.decode()[-2000:])
programs = where + "/usr/local/lib/dmail/"
for name in ("imapd imapd-login imapd-login-tls imapd-session dpopd dpopd-login dpopd-login-tls dpopd-session "
             "dsmtpd dsmtpd-session dsmtpd-session-tls dsmtpd-deliver nwauth").split():
    t.check(name + " is installed and can be run", os.access(programs + name, os.X_OK))
for name in ("dmconf", "dmtry", "nwauth", "authpool", "dmwho"):
    t.check(name + " is in sbin", os.path.lexists(where + "/usr/local/sbin/" + name))
for folder, dirs, files in os.walk(where):
    for n in files:
        mode = os.lstat(os.path.join(folder, n)).st_mode
        t.check("nothing is set-uid or writable for others: " + n, stat.S_ISLNK(mode) or not mode & 0o6022)
doc = where + "/usr/local/share/doc/dmail/"
for name in ("xinetd.d/dmail", "logrotate.d/dmail", "inetd.conf.example", "dmail.conf.example"):
    t.check(name + " is installed", os.path.exists(doc + name))
with open(doc + "xinetd.d/dmail") as f:
    servers = re.findall(r"(?m)^ *server *= (.*)$", f.read())
t.check("xinetd's file starts installed programs", len(servers) == 8 and all(os.access(where + s, os.X_OK) for s in servers), servers)
units = where + "/usr/local/lib/systemd/system/"
for name in sorted(os.listdir(units)):
    with open(units + name) as f:
        text = f.read()
    for program in re.findall(r"(?m)(?:^ExecStart=|-- )(/\S+)", text):
        t.check(name + " starts what is installed: " + program, os.access(where + program, os.X_OK))
t.check("units are there", len(os.listdir(units)) == 19, os.listdir(units))
for n in os.listdir(programs):
    path = os.path.join(programs, n)
    if os.path.islink(path) and n != "current":
        mode = os.stat(path).st_mode & 0o777
        t.equal(n + " can be read by those who may", mode, 0o711 if n.endswith(
            ("-session", "-deliver")) or n in ("nwauth", "ldapauth", "multiauth", "dmtally") else 0o755)
t.check("programs are stripped", subprocess.run(["readelf", "-S", programs + "imapd"], capture_output=True).stdout.count(b".debug_info") == 0)
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
p.wait(120)
alone = harness.scratch()
shutil.copy2(where + "/usr/local/sbin/dmtry", alone)
if not os.path.exists("/usr/local/lib/dmail/imapd"):
    status, out, err = harness.run([alone + "/dmtry", alone + "/try"])
    t.check("dmtry without servers names what is missing", status == 1 and b"imapd is not there" in err, err)
status, out, err = harness.run([where + "/usr/local/sbin/dmtry", alone, "--bogus"])
t.check("dmtry and an unknown option", status == 64 and err.startswith(b"dmtry: unknown option --bogus\n"), err)
status, out, err = harness.run([where + "/usr/local/sbin/dmconf", "check", where + "/usr/local/share/doc/dmail/dmail.conf.example"])
t.equal("the example dmail.conf is good", status, 0) or print((out + err).decode())

# ---- make install-debug, other places, make uninstall
p = make("install-debug", "DESTDIR=" + where)
debug = where + "/usr/local/lib/debug/.build-id"
p2 = subprocess.run(["readelf", "-n", programs + "imapd"], capture_output=True, text=True)
build_id = re.search(r"Build ID: (\w+)", p2.stdout).group(1)
t.check("install-debug has the stripped program's", p.returncode == 0 and os.path.exists("%s/%s/%s.debug" % (debug, build_id[:2], build_id[2:])),
        (p.stdout[-500:], p2.stdout))
shutil.rmtree(where + "/usr/local/lib/debug")
# Not prefix, libexecdir and sysconfdir: programs know them, and would be built anew.
OTHER = ["sbindir=/opt/d/sbin", "mandir=/opt/d/man", "docdir=/opt/d/doc", "datadir=/opt/d/share", "unitdir=/opt/d/units"]
other = harness.scratch()
p = make("install", "DESTDIR=" + other, "INSTALL_STRIP=no", *OTHER)
t.equal("make install in other places", p.returncode, 0) or print(p.stdout.decode()[-1000:])
outside = [n for n in tree(other) if not (n + "/").startswith(("opt/d/", "usr/local/lib/dmail/", "usr/local/etc/"))
           and n not in ("opt", "usr", "usr/local", "usr/local/lib")]
t.equal("nothing is outside them", outside, [])
t.check("what is not stripped is larger", os.path.getsize(other + "/usr/local/lib/dmail/imapd-session") > 2 * os.path.getsize(programs + "imapd-session"))
t.equal("nwauth is found from there", os.path.realpath(other + "/opt/d/sbin/nwauth"), os.path.realpath(other + "/usr/local/lib/dmail/nwauth"))
with open(other + "/opt/d/units/dmail-authpool.service") as f:
    t.check("units have the place", "ExecStart=/opt/d/sbin/authpool " in f.read())
size = {n: sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(r + "/lib/dmail") for f in files if not os.path.islink(os.path.join(d, f)))
        for n, r in (("stripped", where + "/usr/local"), ("not stripped", other + "/usr/local"))}
print("lib/dmail: %d MB stripped, %d MB not stripped" % (size["stripped"] >> 20, size["not stripped"] >> 20))

with open(programs + "mine", "w") as f:
    f.write("not of dmail\n")
for path in ("/var/spool/dmail/joe", "/var/log/dmail/imapd.log", "/usr/local/etc/dmail.conf", "/var/lib/dmail/nwauth/users.db"):
    os.makedirs(os.path.dirname(where + path), exist_ok=True)
    with open(where + path, "w") as f:
        f.write("")
os.makedirs(where + "/var/lib/dmail/empty")
p = make("uninstall", "DESTDIR=" + where)
out = p.stdout.decode()
t.equal("make uninstall", p.returncode, 0) or print(out[-1000:])
left = [n for n in tree(where) if os.path.isfile(os.path.join(where, n)) or os.path.islink(os.path.join(where, n))]
t.equal("only what is not ours, or the administrator's, is left", left,
        ["usr/local/etc/dmail.conf", "usr/local/lib/dmail/mine", "var/lib/dmail/nwauth/users.db", "var/log/dmail/imapd.log", "var/spool/dmail/joe"])
for path in ("/var/spool/dmail", "/var/lib/dmail", "/var/log/dmail", "/usr/local/etc/dmail.conf"):
    t.check("it says that %s is left, and how it goes" % path, re.search(r"(?m)^  %s .*rm (-r )?%s$" % ((where + path,) * 2), out), out)
t.check("and the stranger", "something that is not ours" in out, out)
t.equal("make uninstall once more", make("uninstall", "DESTDIR=" + where).returncode, 0)
p = make("uninstall", "DESTDIR=" + other, *OTHER)
t.equal("make uninstall of the other places leaves no file", [n for n in tree(other) if os.path.isfile(os.path.join(other, n))], [])
t.end()
