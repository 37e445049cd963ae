#!/usr/bin/env python3
"""Accounts that exist in Kerberos alone log in with their Kerberos password: PAM's pam_krb5 against a KDC of our own.

unixauth runs below pam_wrapper, so that the stack is the test's and the host's /etc/pam.d stays as it is.
"""
import imaplib
import os
import poplib
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from kdc import Kdc

harness.need("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
wrapper = harness.of_package("/usr/lib/*/libpam_wrapper.so")
pam_krb5 = harness.of_package("/lib/*/security/pam_krb5.so") or harness.of_package("/usr/lib/*/security/pam_krb5.so")
if not wrapper or not pam_krb5:
    print("skipped: not installed: libpam-wrapper or libpam-krb5")
    sys.exit(77)
t = harness.Suite()
where = harness.scratch("dmail-pamkrb5.")
kdc = Kdc({"ghost": "boo", "root": "toor"}, ["imap/localhost"])
if os.geteuid() == 0:
    os.chmod(kdc.dir, 0o755)
unixauth = harness.program("unixauth")
os.mkdir(where + "/pam.d")
for service in ("imap", "pop", "smtp"):  # as in the samples, with another source before the system's own
    with open("%s/pam.d/%s" % (where, service), "w") as f:
        f.write("auth [success=done authinfo_unavail=die system_err=die default=ignore] %s no_ccache\n"
                "auth required pam_unix.so try_first_pass\naccount sufficient %s\naccount required pam_unix.so\n" % (pam_krb5, pam_krb5))
os.rename(unixauth, unixauth + ".real")
with open(unixauth, "w") as f:
    f.write("#!/bin/sh\nexport LD_PRELOAD=%s PAM_WRAPPER=1 PAM_WRAPPER_SERVICE_DIR=%s/pam.d KRB5_CONFIG=%s\nexec %s.real -fast \"$@\"\n"
            % (wrapper, where, kdc.environment["KRB5_CONFIG"], unixauth))
os.chmod(unixauth, 0o755)


def login(server, user, password):
    try:
        c = imaplib.IMAP4("localhost", server.IMAP_PORT)
        c.login(user, password)
        return c
    except imaplib.IMAP4.error as e:
        return str(e)


with harness.Instance("--set", "authent_method unix_user") as server:
    client = login(server, "ghost", "boo")
    if t.check("a principal logs in", not isinstance(client, str), client):
        t.equal("and keeps mail", client.append("INBOX", None, None, b"Subject: x\r\n\r\nx\r\n")[0], "OK")
        client.logout()
    pop = poplib.POP3("localhost", server.POP3_PORT)
    pop.user("ghost")
    t.check("by POP", pop.pass_("boo").startswith(b"+OK"))
    t.equal("the same mail", len(pop.list()[1]), 1)
    pop.quit()
    for user, password in (("ghost", "Boo"), ("nobodyhere", "boo"), ("root", "toor"), ("ghost@OTHER.REALM", "boo")):
        answer = login(server, user, password)
        t.check("%s with %s: no" % (user, password), "AUTHENTICATIONFAILED" in str(answer), answer)
    with open(server.dir + "/log/imapd.log") as f:
        log = f.read()
    t.check("the log says which", "PAM auth: " in log and "uid 0" in log, log[-2000:])
    kdc.stop()
    start = time.monotonic()
    answer = login(server, "ghost", "boo")
    t.check("without the KDC: not now", "UNAVAILABLE" in str(answer) and time.monotonic() - start < 90, answer)
t.end()
