"""The packaged mail clients that log in by SASL, each as one function.

    client(account, service, way, mechanism) -> (logged in, what it printed)

service: imap, pop, smtp; way: plain (no TLS), starttls, tls (the TLS port).  What no client can do is not asked of it:
`CAN` says which services, ways and mechanisms each one has.
"""
import os
import pty
import select
import subprocess
import tempfile
import time

import harness
from harness import run
from sasl_own import PORTS

CYRUS = "/usr/lib/cyrus/bin" if os.path.isdir("/usr/lib/cyrus/bin") else harness.UNPACKED + "/bin"


class Account:
    """Who logs in, at which instance, and a home directory for the client's files."""

    def __init__(self, i, user, password, home, token=None, certificate=None, environment=None):
        self.i, self.user, self.password, self.home, self.token = i, user, password, home, token
        self.certificate = certificate  # (PEM file of the certificate, of the key, of both)
        self.environment = dict(environment or {}, HOME=home)

    def port(self, service, way):
        return getattr(self.i, PORTS[service, way])

    def file(self, text):
        fd, path = tempfile.mkstemp(dir=self.home)
        os.write(fd, text.encode())
        os.close(fd)
        return path

    def run(self, argv, input=b""):
        try:
            status, out, err = run(argv, input, timeout=120, env=self.environment)
        except subprocess.TimeoutExpired as e:
            return 124, b"no end in 120 s: " + (e.stdout or b"") + (e.stderr or b"")
        return status, out + err


def cyrus(a, service, way, mechanism):
    argv = [CYRUS + "/" + {"imap": "imtest", "pop": "pop3test", "smtp": "smtptest"}[service], "-m", mechanism,
            "-a", a.user, "-u", a.user, "-w", a.password, "-p", str(a.port(service, way))]
    argv += {"plain": [], "starttls": ["-t", a.certificate[2] if a.certificate else ""], "tls": ["-s"]}[way]
    if way == "tls" and a.certificate:
        argv += ["-t", a.certificate[2]]
    status, text = a.run(argv + ["localhost"])
    return b"\nAuthenticated." in text, text


def gsasl(a, service, way, mechanism):
    argv = ["gsasl", "-m", mechanism, "-a", a.user, "-z", "" if mechanism in ("EXTERNAL", "GSSAPI") else a.user, "-p", a.password,
            "--quality-of-protection=qop-auth", "--service=" + service, "--hostname=localhost", "--" + service]
    if not mechanism.endswith("-PLUS"):
        argv.append("--no-cb")  # it would not choose the form without, itself
    argv += ["--starttls", "--x509-ca-file=" + a.i.CAFILE] if way == "starttls" else ["--no-starttls"]
    if a.certificate:
        argv += ["--x509-cert-file=" + a.certificate[0], "--x509-key-file=" + a.certificate[1]]
    status, text = a.run(argv + ["--connect", "localhost:%d" % a.port(service, way)])
    return status == 0 and b"Client authentication finished" in text, text


def gsasl_plus(a, service, way, mechanism):
    """With TLS 1.3, whose channel binding is tls-exporter."""
    return gsasl(a, service, way, mechanism)


def gsasl_tls12(a, service, way, mechanism):
    """With TLS 1.2, whose channel binding is tls-unique."""
    argv = ["gsasl", "--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2", "-m", mechanism, "-a", a.user, "-z", a.user, "-p", a.password, "--" + service,
            "--starttls", "--x509-ca-file=" + a.i.CAFILE, "--connect", "localhost:%d" % a.port(service, way)]
    status, text = a.run(argv)
    return status == 0 and b"Client authentication finished" in text, text


def _martin(a, service, way, mechanism, more):
    tls = {"plain": "tls off", "starttls": "tls on\ntls_starttls on", "tls": "tls on\ntls_starttls off"}[way]
    rc = "account default\nhost localhost\nport %d\nauth %s\nuser %s\npassword %s\n%s\n" % (
        a.port(service, way), mechanism.lower(), a.user, a.token if "oauth" in mechanism.lower() else a.password, tls)
    if way != "plain":
        rc += "tls_trust_file %s\n" % a.i.CAFILE
        if a.certificate:
            rc += "tls_cert_file %s\ntls_key_file %s\n" % a.certificate[:2]
    return a.file(rc + more)


def msmtp(a, service, way, mechanism):
    rc = _martin(a, service, way, mechanism, "from me@dmail.test\n")
    status, text = a.run(["msmtp", "-C", rc, "--debug", a.i.MAIL1], b"Subject: from msmtp\n\nx\n")
    return status == 0, text


def mpop(a, service, way, mechanism):
    rc = _martin(a, service, way, mechanism, "delivery mbox %s/mpop\n" % a.home)
    status, text = a.run(["mpop", "-C", rc, "--debug", "-s"])  # -s: only how much mail there is
    return status == 0, text


def swaks(a, service, way, mechanism):
    argv = ["swaks", "-s", "localhost", "-p", str(a.port(service, way)), "--auth", mechanism, "-au", a.user, "-ap", a.password, "--quit-after", "AUTH"]
    argv += {"plain": [], "starttls": ["-tls"], "tls": ["--tlsc"]}[way]
    if mechanism == "DIGEST-MD5":
        argv += ["--auth-extra", "realm=dmail.test,dmd5-host=localhost"]
    status, text = a.run(argv)
    return status == 0, text


def curl(a, service, way, mechanism):
    scheme = {"imap": "imap", "pop": "pop3", "smtp": "smtp"}[service] + ("s" if way == "tls" else "")
    argv = ["curl", "-sS", "--max-time", "20", "--login-options", "AUTH=" + mechanism, "-u", a.user + ":" + ("" if a.token or a.certificate else a.password)]
    if a.token and mechanism in ("OAUTHBEARER", "XOAUTH2"):
        argv += ["--oauth2-bearer", a.token]
    if way != "plain":
        argv += ["--cacert", a.i.CAFILE] + (["--ssl-reqd"] if way == "starttls" else [])
        if a.certificate:
            argv += ["--cert", a.certificate[0], "--key", a.certificate[1]]
    if service == "smtp":
        argv += ["--mail-from", "me@dmail.test", "--mail-rcpt", a.i.MAIL1, "-T", "-"]
    status, text = a.run(argv + ["%s://localhost:%d" % (scheme, a.port(service, way))], b"Subject: from curl\r\n\r\nx\r\n")
    return status == 0, text


def fetchmail(a, service, way, mechanism):
    """`mechanism` APOP is its protocol of that name; the others are its `auth`."""
    auth = {"APOP": "", "CRAM-MD5": "auth cram-md5", "PLAIN": "auth password", "GSSAPI": "auth gssapi", "EXTERNAL": "auth external"}[mechanism]
    protocol = "apop" if mechanism == "APOP" else {"imap": "imap", "pop": "pop3"}[service]
    tls = {"plain": "sslproto ''", "starttls": "sslproto 'tls1.2+' sslcertfile '%s'" % a.i.CAFILE,
           "tls": "ssl sslcertfile '%s'" % a.i.CAFILE}[way]
    rc = a.file("poll localhost service %d protocol %s %s\n  user '%s' password '%s' is root here\n  %s keep mda 'cat >>%s/fetched'\n" % (
        a.port(service, way), protocol, auth, a.user, a.password, tls, a.home))
    status, text = a.run(["fetchmail", "-f", rc, "--pidfile", rc + ".pid", "-i", rc + ".ids", "-N", "-d0", "-c", "-v"])
    return status in (0, 1), text  # 1: no mail


def mbsync(a, service, way, mechanism):
    """LOGIN is IMAP's command here."""
    os.makedirs(a.home + "/mbsync", exist_ok=True)
    tls = {"plain": "None", "starttls": "STARTTLS", "tls": "IMAPS"}[way]
    rc = a.file("IMAPAccount a\nHost localhost\nPort %d\nUser %s\nPass \"%s\"\nSSLType %s\nCertificateFile %s\nSystemCertificates no\nAuthMechs %s\n\n"
                "IMAPStore far\nAccount a\n\nMaildirStore near\nPath %s/mbsync/\nInbox %s/mbsync-inbox\n\nChannel c\nFar :far:\nNear :near:\n" % (
                    a.port(service, way), a.user, a.password, tls, a.i.CAFILE, mechanism, a.home, a.home))
    status, text = a.run(["mbsync", "-c", rc, "-D", "-l", "c"])
    return status == 0 and b"INBOX" in text, text


def c_client(a, service, way, mechanism):
    """The library of pine, alpine and PHP's imap extension, in which it is called here.  It takes the first mechanism that it is not
    forbidden.  After STARTTLS it speaks TLS 1.0 alone, which is not spoken here."""
    where = "{localhost:%d/%s%s%s}INBOX" % (a.port(service, way), {"imap": "imap", "pop": "pop3"}[service],
                                           {"plain": "/notls", "tls": "/ssl"}[way], "" if way == "plain" else "/novalidate-cert")
    others = [m for m in ("GSSAPI", "CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL") if m != mechanism]
    status, text = a.run(["php", "-r", "[, $where, $user, $pass, $others] = $argv; $m = imap_open($where, $user, $pass, 0, 1, "
                          "['DISABLE_AUTHENTICATOR' => explode(',', $others)]); echo $m ? 'logged in' : implode(imap_errors());",
                          where, a.user, a.password, ",".join(others)])
    return status == 0 and b"logged in" in text, text


def s_nail(a, service, way, mechanism):
    """Opens the mailbox without a look at it, or sends; LOGIN in IMAP and POP is the command with the password."""
    scheme = {"imap": "imap", "pop": "pop3", "smtp": "smtp"}[service] + ("s" if way == "tls" else "")
    url = "%s://%s:%s@localhost:%d" % (scheme, a.user, a.password, a.port(service, way))
    argv = ["s-nail", "-:/", "-Sv15-compat", "-Stls-verify=strict", "-Stls-ca-file=" + a.i.CAFILE, "-Stls-ca-no-defaults", "-Ssendwait", "-Sfrom=me@dmail.test"]
    name = {"pop": "pop3"}.get(service, service)
    if service == "pop":
        argv += [] if mechanism == "APOP" else ["-Spop3-no-apop"]  # its first choice where the greeting has a stamp
    else:
        argv += ["-S%s-auth=%s" % (name, mechanism.lower())]
    if way == "starttls":
        argv += ["-S%s-use-starttls" % name]
    if service == "smtp":
        status, text = a.run(argv + ["-Smta=" + url, "-ssubject", a.i.MAIL1], b"x\n")
    else:
        status, text = a.run(argv + ["-Sheader", "-Snoquit", "-R", "-f", url], b"exit\n")
    return status == 0 and b"rror" not in text and b"ailed" not in text, text


def mutt(a, service, way, mechanism):
    """mutt on a screen: it opens the mailbox and is told to leave; without a login it has a message about it."""
    host = "%s://localhost:%d/" % (service + ("s" if way == "tls" else ""), a.port(service, way))
    rc = a.file("""set folder="%s" spoolfile="%s" imap_user="%s" imap_pass="%s" pop_user="%s" pop_pass="%s"
set imap_authenticators="%s" pop_authenticators="%s" ssl_ca_certificates_file="%s" certificate_file=%s/certs
set ssl_starttls=%s ssl_force_tls=%s wait_key=no quit=yes mail_check=60 sleep_time=0 beep=no
unset header_cache
unset message_cachedir
push "<quit>"
""" % (a.home, host + ("INBOX" if service == "imap" else ""), a.user, a.password, a.user, a.password, mechanism.lower(), mechanism.lower(),
       a.i.CAFILE, a.home, "yes" if way == "starttls" else "no", "no" if way == "plain" else "yes"))
    master, slave = pty.openpty()
    p = subprocess.Popen(["mutt", "-n", "-F", rc], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         env=dict(os.environ, **a.environment, TERM="vt100", LINES="24", COLUMNS="100"))
    os.close(slave)
    screen, end = b"", time.monotonic() + 120
    while time.monotonic() < end and p.poll() is None:
        if select.select([master], [], [], 0.05)[0]:
            try:
                screen += os.read(master, 65536)
            except OSError:
                break
    try:
        left = p.wait(60) == 0
    except subprocess.TimeoutExpired:
        left = False
        p.kill()
        p.wait()
    os.close(master)
    return left and b"failed" not in screen, screen[-1500:]


SECRETS = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
PLUS = ("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
BOTH = ("plain", "starttls")
ALL = BOTH + ("tls",)
# client: (package, services, ways, mechanisms by name and password)
CAN = {
    cyrus: ("cyrus-clients", ("imap", "pop", "smtp"), ALL, SECRETS),
    gsasl: ("gsasl", ("imap", "smtp"), BOTH, SECRETS),
    gsasl_plus: ("gsasl", ("imap", "smtp"), ("starttls",), PLUS),
    gsasl_tls12: ("gsasl", ("imap", "smtp"), ("starttls",), PLUS),
    msmtp: ("msmtp", ("smtp",), ALL, SECRETS),
    mpop: ("mpop", ("pop",), ALL, SECRETS + ("USER", "APOP")),
    swaks: ("swaks", ("smtp",), ALL, ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5")),
    curl: ("curl", ("imap", "pop", "smtp"), ALL, ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5")),
    fetchmail: ("fetchmail", ("imap", "pop"), ALL, ("PLAIN", "CRAM-MD5")),
    mutt: ("mutt", ("imap", "pop"), ALL, SECRETS),
    mbsync: ("isync", ("imap",), ALL, SECRETS),
    c_client: ("php-imap", ("imap", "pop"), ("plain", "tls"), ("PLAIN", "LOGIN", "CRAM-MD5")),
    s_nail: ("s-nail", ("imap", "pop", "smtp"), ALL, ("PLAIN", "LOGIN", "CRAM-MD5", "APOP", "USER")),
}
# What the client itself does not have: (client, service, mechanism).
CANNOT = {(s_nail, "imap", m) for m in ("PLAIN", "APOP", "USER")} | {(s_nail, "smtp", m) for m in ("APOP", "USER")} | {
    (s_nail, "pop", m) for m in ("PLAIN", "LOGIN", "CRAM-MD5")}
PROGRAM = {c_client: "php", s_nail: "s-nail", cyrus: CYRUS + "/imtest", gsasl_plus: "gsasl", gsasl_tls12: "gsasl"}
