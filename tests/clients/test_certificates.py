#!/usr/bin/env python3
"""EXTERNAL: who has a certificate of the named authority logs in with it, in every client that can; others do not (row A11)."""
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from harness import run
from real_clients import Account, curl, cyrus, gsasl, mpop, msmtp
from sasl_own import Talk, external, fixed, plain, scram

harness.need("openssl")
t = harness.Suite()
home = harness.scratch()


def openssl(*argv):
    status, out, err = run(["openssl", *argv])
    assert status == 0, (argv, err)


def authority(name):
    path = "%s/%s" % (home, name)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path + ".key", "-out", path + ".pem",
            "-subj", "/CN=Authority " + name, "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    return path


def certificate(ca, name, subject, extensions="", rsa=False, days="10"):
    """(certificate, key, both in one file)"""
    path = "%s/%s" % (home, name)
    with open(path + ".ext", "w") as f:
        f.write("basicConstraints=critical,CA:FALSE\n" + (extensions or "extendedKeyUsage=clientAuth") + "\n")
    kind = ["-newkey", "rsa:2048"] if rsa else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    openssl("req", *kind, "-nodes", "-keyout", path + ".key", "-out", path + ".csr", "-subj", subject)
    openssl("x509", "-req", "-in", path + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial", "-out", path + ".pem", "-days", days,
            "-extfile", path + ".ext")
    with open(path + ".both", "w") as f:
        for end in (".pem", ".key"):
            f.write(open(path + end).read())
    return path + ".pem", path + ".key", path + ".both"


ours, theirs = authority("ours"), authority("theirs")
user = "extendedKeyUsage=clientAuth\nsubjectAltName="
good = {"CN": certificate(ours, "cn", "/O=Test/CN=user1"),
        "mail address": certificate(ours, "mail", "/CN=Some Body", user + "email:user1@dmail.test"),
        "UPN": certificate(ours, "upn", "/CN=Some Body", user + "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user1@dmail.test"),
        "RSA key": certificate(ours, "rsa", "/CN=user1", rsa=True)}
bad = {"of another authority": certificate(theirs, "other", "/CN=user1"),
       "of nobody": certificate(ours, "empty", "/O=Test", user + "DNS:user1"),
       "of an unknown user": certificate(ours, "nobody", "/CN=nobody"),
       "that is over": certificate(ours, "over", "/CN=user1", days="-1"),
       "for servers only": certificate(ours, "server", "/CN=user1", "extendedKeyUsage=serverAuth"),
       "with a path for a name": certificate(ours, "path", "/CN=..\\/..\\/user1"),
       "of a domain that is not ours": certificate(ours, "elsewhere", "/CN=user1", user + "email:user1@partner.example"),
       "with a blank in its name": certificate(ours, "blank", "/CN=user1 user2")}

with harness.Instance("--set", "tls_client_ca " + ours + ".pem") as i:
    for kind, files in good.items():
        account = Account(i, "user1", "not used", home, certificate=files)
        jobs = [(c, s, w) for c, services, ways in ((gsasl, ("imap", "smtp"), ("starttls",)), (msmtp, ("smtp",), ("starttls", "tls")),
                                                    (mpop, ("pop",), ("starttls", "tls")), (cyrus, ("imap", "pop", "smtp"), ("starttls",)),
                                                    (curl, ("imap", "pop", "smtp"), ("starttls", "tls")))
                for s in services for w in ways if kind == "CN" or c in (gsasl, mpop)]
        for client, service, way in jobs:
            if not sasl_matrix.installed(client):
                t.skip("not installed: " + client.__name__)
                continue
            done, text = client(account, service, way, "EXTERNAL")
            t.check("%s logs in to %s with a certificate (%s), %s" % (client.__name__, service, kind, way), done, text.decode("utf-8", "replace")[-1500:])
        for service in ("imap", "pop", "smtp"):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                for way in ("starttls", "tls"):
                    what = "%s with a certificate (%s), %s, %s" % (service, kind, version.name, way)
                    for wish in ("", "user1") if way == "tls" else ("",):
                        with Talk(i, service, way, version=version, certificate=files[:2]) as k:
                            t.check("EXTERNAL is offered: " + what, "AUTH=EXTERNAL" in k.offers())
                            done, line = k.authenticate("EXTERNAL", external(wish))
                            t.check("EXTERNAL, as %r: %s" % (wish, what), done and k.works(), line)
                    with Talk(i, service, way, version=version, certificate=files[:2]) as k:
                        done, line = k.authenticate("EXTERNAL", external("user2"))
                        t.check("but not as another: " + what, not done and line, line)
    for service in ("imap", "pop", "smtp"):
        lines = sasl_matrix.log_lines(i, service, "login")
        t.check("%s: the log says user1, EXTERNAL" % service, lines and all((l["account"], l["method"]) == ("user1", "EXTERNAL") for l in lines), lines[-1:])
        for what, files in bad.items():
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with Talk(i, service, "tls", version=version, certificate=files[:2]) as k:
                    done, line = k.authenticate("EXTERNAL", external("user1" if version.name == "TLSv1_2" else ""))
                    t.check("%s: a certificate %s opens nothing (A11)" % (service, what), not done and line, line)
                    t.check("... and a password still does", k.authenticate("PLAIN", plain("user1", "secret1"))[0])
        # No module is asked whose a name of another domain is.
        refused = [l for l in sasl_matrix.log_lines(i, service, "login-failed") if l["user"] == "user1@partner.example"]
        t.equal("%s: the name is refused, not the account" % service, {l["reason"] for l in refused}, {"name"})
        with Talk(i, service, "tls") as k:
            done, line = k.authenticate("EXTERNAL", external("user1"))
            t.check("%s: EXTERNAL without a certificate is refused" % service, not done and line, line)
            t.check("... and SCRAM works beside it", k.authenticate("SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1"))[0])
        with Talk(i, service) as k:
            t.check("%s: EXTERNAL without TLS is refused" % service, not k.authenticate("EXTERNAL", fixed(b"user1", b""))[0])
with harness.Instance() as i:
    for service in ("imap", "pop", "smtp"):
        with Talk(i, service, "tls", certificate=good["CN"][:2]) as k:
            t.check("%s: without tls_client_ca there is no EXTERNAL" % service, "AUTH=EXTERNAL" not in k.offers() and not k.authenticate("EXTERNAL", external())[0])
t.end()
