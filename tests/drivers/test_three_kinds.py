#!/usr/bin/env python3
"""Users of PAM, of nwauth and of a passwd file on one host, as multiauth(8) has it: the page's own lines, real programs, a PAM of
our own (pam_wrapper), logins by IMAP, POP and SMTP."""
import glob
import os
import pwd
import re
import signal
import ssl
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from rules_fixture import Client, Site, good

t = harness.Suite()
wrapper, matrix = glob.glob("/usr/lib/*/libpam_wrapper.so"), glob.glob("/usr/lib/*/pam_wrapper/pam_matrix.so")
if not wrapper or not matrix:
    print("skipped: libpam-wrapper is not installed")
    sys.exit(77)
with open(os.path.join(harness.ROOT, "man/multiauth.8")) as f:
    page = f.read().split(".SS Users of the system (PAM)")[1]
shown = [re.sub(r"(?m)^    ", "", b).replace("\\-", "-") for b in re.findall(r"\n\.nf\n(.*?)\n\.fi", page, re.S)]
unit_line, modules, settings = shown
t.equal("what is turned on", unit_line, "systemctl enable --now dmail-pam")

site = Site()
here, LIBEXEC = site.path, os.path.dirname(harness.program("imapd"))
root = os.geteuid() == 0
user = "games"  # a system account that every Debian has; unixauth is told that its uid will do
os.makedirs(here + "/pam.d")
with open(here + "/passdb", "w") as f:
    f.write("%s:pam's password:imap\n" % user)
with open(here + "/pam.d/imap", "w") as f:
    f.write("".join("%s required %s passdb=%s/passdb\n" % (phase, matrix[0], here) for phase in ("auth", "account")))
os.mkdir(here + "/db")
if root:
    os.chown(here + "/db", 65530, 65530)
subprocess.run([harness.program("nwauth"), "-path", here + "/db", "set", "nora", "nwauth's password"], check=True, stdout=subprocess.DEVNULL)
with open(here + "/virt.passwd", "w") as f:
    f.write("vic:" + subprocess.run(["openssl", "passwd", "-6", "file's password"], capture_output=True, text=True, check=True).stdout)
places = {"/run/dmail-pam": here + "/run-pam", "/var/lib/dmail/nwauth": here + "/db", "/etc/dmail": here, "/var/spool/dmail": here + "/mail",
          "/usr/local/lib/dmail/": LIBEXEC + "/", "/usr/local/sbin/": LIBEXEC + "/"}


def placed(text):
    for there, ours in places.items():
        text = text.replace(there, ours)
    return text


with open(here + "/multiauth.conf", "w") as f:
    f.write(placed(modules) + "\n")
rows = [line.split(None, 1) for line in placed(settings).split("\n")]
t.check("the page's settings", [r[0] for r in rows] == ["authent_method", "authent_process", "vdomain", "vdomain_passwd"], rows)
# The module looks beside the dmail.conf of the installation.
values = {name: value + " -config %s/multiauth.conf" % here if name == "authent_process" else value for name, value in rows}
site.set(unix_uid_minimum=1, **values)
status, out, err = harness.run([harness.program("dmconf"), "check", here + "/dmail.conf"])
t.check("dmconf check has no remark", status == 0, (out + err).decode()[-500:])

# As dmail-pam.service starts it.
units = harness.scratch("dmail-units.")
subprocess.run([harness.ROOT + "/tools/build/service-files", "systemd", "/usr/local/lib/dmail", "/usr/local/sbin", "dmailmod", units], check=True)
with open(units + "/dmail-pam.service") as f:
    unit = f.read().replace("\\\n", "")
argv = placed(re.search(r"(?m)^ExecStart=(.*)$", unit).group(1)).split()
argv[1:1] = ["-C", here + "/dmail.conf"]
os.mkdir(here + "/run-pam", 0o755)
os.chmod(here + "/run-pam", int(re.search(r"(?m)^RuntimeDirectoryMode=(\d+)", unit).group(1), 8))
env = {"PATH": os.environ["PATH"], "LD_PRELOAD": wrapper[0], "PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": here + "/pam.d"}
if not root:
    argv = [w for w in argv if w not in ("-user", "root")]
confined = [sys.executable, harness.ROOT + "/tests/drivers/confined.py", units + "/dmail-pam.service"] if root else []
start = lambda: subprocess.Popen([*argv, "-minuid", "1"], env=env, stderr=subprocess.DEVNULL)


def up(p):
    while not os.path.exists(here + "/run-pam/socket") and p.poll() is None:
        time.sleep(0.02)
    return p


def again(p):
    """pam_wrapper reads its files at the start alone."""
    p.send_signal(signal.SIGTERM)
    p.wait(30)
    return up(start())


def people():
    """A certificate for each of the two, and the settings by which they log in."""
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*new, "-x509", "-keyout", here + "/ca.key", "-out", here + "/ca.pem", "-subj", "/CN=people", "-days", "2"],
                   check=True, stderr=subprocess.DEVNULL)
    for name in (user, "nora"):
        path = "%s/of-%s" % (here, name)
        subprocess.run([*new, "-keyout", path + ".key", "-out", path + ".csr", "-subj", "/CN=" + name], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "x509", "-req", "-in", path + ".csr", "-CA", here + "/ca.pem", "-CAkey", here + "/ca.key", "-CAcreateserial",
                        "-days", "2", "-out", path + ".pem"], check=True, stderr=subprocess.DEVNULL)
    return {"tls_client_ca": here + "/ca.pem", "imapd_mechanisms": "external plain login"}


def by_certificate(name):
    """The answer to EXTERNAL with the certificate of that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain("%s/of-%s.pem" % (here, name), "%s/of-%s.key" % (here, name))
    c = Client(site, "imap")
    c.ask("a STARTTLS")
    c.s = context.wrap_socket(c.s)
    c.f = c.s.makefile("rb")
    answer = c.ask("t AUTHENTICATE EXTERNAL =")
    c.kill()
    return " ".join(answer.split()[1:2] if " OK" in answer else answer.split()[1:3])


WHO = [(user, "pam's password", True), ("nora", "nwauth's password", True), ("vic@virt.example", "file's password", True),
       (user, "nwauth's password", False), ("nora", "pam's password", False), ("vic", "file's password", False), ("root", "x", False),
       ("ghost", "x", False)]
pam = up(start())
try:
    st = os.stat(here + "/run-pam/socket")
    t.equal("the socket is module_user's alone", (st.st_uid, stat.S_IMODE(st.st_mode)), (65530 if root else os.geteuid(), 0o600))
    if root:
        p = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "-c",
                            "import socket; socket.socket(socket.AF_UNIX).connect(%r)" % (here + "/run-pam/socket")], capture_output=True, text=True)
        t.check("nobody else may open it", "PermissionError" in p.stderr, p)
    status, out, err = harness.run([harness.program("dmconf"), "host", here + "/dmail.conf"])
    t.check("dmconf host finds the modules", b"authent_process" not in out + err and b"multiauth" not in out + err, (out + err)[-500:])
    for service in ("imap", "pop", "smtp"):
        for name, password, right in WHO:
            c = Client(site, service)
            if service == "imap":
                answer = c.ask('t LOGIN %s "%s"' % (name, password))
            else:
                answer = c.login(name, password)
            t.check("%s: %s, %s" % (service, name, password), good(service, answer) == right and (not right or c.is_in()),
                    (answer, site.log(service)[-600:]))
            if right and service == "imap" and root:
                uid = int(re.search(r"(?m)^Uid:\s+(\d+)", open("/proc/%d/status" % c.p.pid).read()).group(1))
                t.equal("imap: %s is served as" % name, uid, pwd.getpwnam(user).pw_uid if name == user else 65532)
            c.kill()
        t.check(service + ": no refusal was a temporary one", 'reason="temporary"' not in site.log(service), site.log(service)[-600:])
    p = subprocess.run([harness.program("nwauth"), "-path", here + "/db", "-C", here + "/dmail.conf", "drop_path", user, "nora", "vic@virt.example"],
                       capture_output=True, text=True)
    t.check("nwauth drop_path names what the logins have made", p.stdout.count("\n") == 3 and all(os.path.exists(f + ".mbx") for f in p.stdout.split()), p)
    c = Client(site, "smtp")
    c.ask("EHLO x.example")
    c.ask("MAIL FROM:<>")
    for name, wanted in ((user, "250"), ("nora", "250"), ("vic@virt.example", "250"), ("ghost", "550")):
        t.check("mail for %s" % name, c.ask("RCPT TO:<%s>" % (name if "@" in name else name + "@example.com")).startswith(wanted), name)
    c.kill()
    # A login without the password asks the account stack, through nwauth's and PAM's modules and the socket; mail does not.
    tls = {**site.certificate(), **people()}
    site.set(unix_uid_minimum=1, **values, **tls)
    t.equal("EXTERNAL: who may", (by_certificate(user), by_certificate("nora")), ("OK", "OK"))
    with open(here + "/pam.d/imap", "w") as f:
        f.write("auth required %s passdb=%s/passdb\naccount required pam_debug.so acct=acct_expired\n" % (matrix[0], here))
    pam = again(pam)
    t.equal("EXTERNAL: who is expired, and who is of nwauth", (by_certificate(user), by_certificate("nora")), ("NO [AUTHENTICATIONFAILED]", "OK"))
    t.check("EXTERNAL: the log says why", "expired" in site.lines("imap", "login-failed")[-1], site.lines("imap", "login-failed")[-1:])
    c = Client(site, "smtp")
    c.ask("EHLO x.example")
    c.ask("MAIL FROM:<>")
    t.check("mail for him comes", c.ask("RCPT TO:<%s@example.com>" % user).startswith("250"))
    c.kill()
    with open(here + "/pam.d/imap", "w") as f:
        f.write("".join("%s required %s passdb=%s/passdb\n" % (phase, matrix[0], here) for phase in ("auth", "account")))
    pam = again(pam)
    site.set(unix_uid_minimum=1, **values)
    # Without PAM nobody is told that he is unknown, and those of the others who were asked before it log in.
    pam.send_signal(signal.SIGKILL)
    pam.wait(30)
    c = Client(site, "imap")
    t.check("PAM does not answer: a temporary failure", c.ask('t LOGIN %s "pam\'s password"' % user).startswith("t NO [UNAVAILABLE]"), site.log("imap")[-300:])
    c.kill()
    t.check("the log says which module, and why", "run-pam/socket: Connection refused" in site.log("imap"), site.log("imap")[-400:])
    status, out, err = harness.run([harness.program("dmconf"), "host", here + "/dmail.conf"])
    t.check("so does dmconf host", ("multiauth: %s/run-pam/socket: Connection refused" % here).encode() in out + err, (out + err)[-500:])
    os.unlink(here + "/run-pam/socket")
    pam = up(start())
    c = Client(site, "imap")
    t.check("PAM again", good("imap", c.ask('t LOGIN %s "pam\'s password"' % user)), site.log("imap")[-300:])
    c.kill()
finally:
    pam.send_signal(signal.SIGTERM)
    pam.wait(30)
if root:
    # Under the unit's capabilities and system calls: PAM still answers.  (pam_wrapper changes its environment: that stays.)
    pam = up(subprocess.Popen([*confined, *argv, "-minuid", "1"], env=env, stderr=subprocess.DEVNULL))
    try:
        c = Client(site, "imap")
        t.check("under the unit", good("imap", c.ask('t LOGIN %s "pam\'s password"' % user)), site.log("imap")[-300:])
        c.kill()
    finally:
        pam.send_signal(signal.SIGTERM)
        pam.wait(30)
t.end()
