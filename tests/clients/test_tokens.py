#!/usr/bin/env python3
"""OAUTHBEARER and XOAUTH2 with tokens that an external module judges: curl, msmtp, mpop, swaks, Python; bad tokens; no TLS.

The module below is a whole one: any program that answers these three questions can stand in its place.
"""
import imaplib
import os
import smtplib
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from real_clients import ALL, Account, curl, mpop, msmtp
from sasl_own import WAYS, Talk, oauthbearer, xoauth2

MODULE = r"""#!/usr/bin/python3 -u
import os, sys
TOKENS = {"user1": "ya29.first-token_1/x+y==", "user2": "second"}
for line in sys.stdin:
    word, _, rest = line.rstrip("\n").partition(" ")
    user, _, secret = rest.partition(" ")
    if word == "lookup" and user in TOKENS:
        print("+OK %s config 0" % user)
    elif word == "token" and secret and TOKENS.get(user) == secret:
        print("+OK %s config 0" % user)
    elif word == "token" and secret == "later":
        print("-DEAD the token server does not answer")
    else:
        print("-ERR %s no such user" % user)
"""

t = harness.Suite()
home = harness.scratch()
os.chmod(home, 0o777)
with open(home + "/module", "w") as f:
    f.write(MODULE)
os.chmod(home + "/module", 0o755)
with harness.Instance("--set", "authent_process " + home + "/module") as i:
    token = "ya29.first-token_1/x+y=="
    account = Account(i, "user1", "", home, token=token)
    wrong = Account(i, "user1", "", home, token="second")
    for client, services, mechanisms in ((curl, ("imap", "pop", "smtp"), ("OAUTHBEARER", "XOAUTH2")), (msmtp, ("smtp",), ("OAUTHBEARER", "XOAUTH2")),
                                         (mpop, ("pop",), ("OAUTHBEARER", "XOAUTH2"))):
        if not sasl_matrix.installed(client):
            t.skip("not installed: " + client.__name__)
            continue
        for service in services:
            for mechanism in mechanisms:
                for way in ALL:
                    good, text = client(account, service, way, mechanism)
                    t.check("%s logs in to %s by %s, %s" % (client.__name__, service, mechanism, way), good, text.decode("utf-8", "replace")[-1500:])
                good, text = client(wrong, service, "tls", mechanism)
                t.check("%s: another's token is refused by %s, %s" % (client.__name__, service, mechanism), not good, text)
    for service in ("imap", "pop", "smtp"):
        for way in WAYS:
            for name, m in (("OAUTHBEARER", oauthbearer), ("XOAUTH2", xoauth2)):
                for initial in (True, False):
                    with Talk(i, service, way) as k:
                        good, line = k.authenticate(name, m("user1", token), initial)
                        t.check("%s by %s, %s" % (service, name, way), good and k.works(), line)
                # A refused token: a reason in JSON, an empty answer, then the refusal; the next try is free.
                if way != "tls":
                    continue
                for user, bad in (("user1", "second"), ("user1", ""), ("nobody", token), ("user1", token + "\x01"), ("user1", token + " x"), ("user1", "x" * 5000)):
                    with Talk(i, service, way) as k:
                        good, line = k.authenticate(name, m(user, bad))
                        t.check("%s: %s of %s with %.10r is refused, %s" % (service, name, user, bad, way), not good and line, line)
                        good, line = k.authenticate(name, m("user1", token))
                        t.check("... and the right one is taken", good, line)
        methods = [l.get("method") for l in sasl_matrix.log_lines(i, service, "login")]
        t.check("%s: the log names both mechanisms" % service, {"OAUTHBEARER", "XOAUTH2"} <= set(methods), methods)
    # A module that cannot tell now is no wrong token.
    with Talk(i, "smtp", "tls") as k:
        t.check("SMTP: temporary failure", k.authenticate("XOAUTH2", xoauth2("user1", "later"))[1].startswith(b"454"))
    with Talk(i, "imap", "tls") as k:
        t.check("IMAP: temporary failure", b"[UNAVAILABLE]" in k.authenticate("XOAUTH2", xoauth2("user1", "later"))[1])
    # The token is in no log.
    for n in os.listdir(i.dir + "/log"):
        with open(i.dir + "/log/" + n, errors="replace") as f:
            t.check("no token in " + n, "ya29" not in f.read())
    context = ssl.create_default_context(cafile=i.CAFILE)
    c = imaplib.IMAP4_SSL("localhost", i.IMAPS_PORT, ssl_context=context)
    t.equal("imaplib.authenticate(XOAUTH2)", c.authenticate("XOAUTH2", lambda _: next(xoauth2("user1", token)))[0], "OK")
    c.logout()
    with smtplib.SMTP_SSL("localhost", i.SUBMISSIONS_PORT, context=context) as s:
        s.ehlo()
        t.equal("smtplib.auth(OAUTHBEARER)", s.auth("OAUTHBEARER", lambda _=None: next(oauthbearer("user1", token)).decode())[0], 235)
with harness.Instance("--set", "authent_process " + home + "/module", "--set", "plaintext_login_from \"\"") as i:
    for service in ("imap", "pop", "smtp"):
        with Talk(i, service) as k:
            t.check("%s: tokens need TLS, and the list says so" % service, not {"AUTH=OAUTHBEARER", "AUTH=XOAUTH2"} & k.offers())
            t.check("%s: ... and are not taken" % service, not k.authenticate("XOAUTH2", xoauth2("user1", token))[0])
        with Talk(i, service, "starttls") as k:
            t.check("%s: under TLS they are" % service, k.authenticate("XOAUTH2", xoauth2("user1", token))[0])
t.end()
