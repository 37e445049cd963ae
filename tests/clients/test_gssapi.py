#!/usr/bin/env python3
"""GSSAPI against a real MIT KDC: tickets for imap, pop and smtp, in eight clients; tickets of others and stolen names are refused."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from kdc import REALM, Kdc
from real_clients import ALL, BOTH, Account, curl, cyrus, fetchmail, gsasl, mbsync, mpop, msmtp, mutt
from sasl_own import Talk, fixed

harness.need("kdb5_util", "krb5kdc", "kadmin.local", "kinit")
t = harness.Suite()
kdc = Kdc({"user1": "kerberos1", "user2": "kerberos2", "stranger": "kerberos3", "user1/admin": "kerberos4"},
          ["imap/localhost", "pop/localhost", "smtp/localhost"])
try:
    os.chmod(kdc.keytab, 0o600)
    t.check("a wrong password gets no ticket", kdc.ticket("user1", "secret1") is None)
    with harness.Instance("--domain", "localhost", "--set", "kerberos_keytab " + kdc.keytab, "--set", "kerberos_realm " + REALM) as i:
        home = harness.scratch()

        def account(name, user, password, said=None):
            cache = kdc.ticket(name, password)
            t.check("kinit " + name, cache)
            return Account(i, said or user, "not used", home, environment=dict(kdc.environment, KRB5CCNAME="FILE:" + cache))

        good = account("user1", "user1", "kerberos1")
        with_realm = account("user1", "user1", "kerberos1", "user1@" + REALM)  # curl has no GSSAPI for names without
        for client, services, ways in ((cyrus, ("imap", "pop", "smtp"), ALL), (gsasl, ("imap", "smtp"), BOTH), (msmtp, ("smtp",), ALL),
                                       (mpop, ("pop",), ALL), (mutt, ("imap", "pop"), ("tls",)), (fetchmail, ("imap", "pop"), ("plain", "tls")),
                                       (mbsync, ("imap",), ALL), (curl, ("imap", "pop", "smtp"), ALL)):
            if not sasl_matrix.installed(client):
                t.skip("not installed: " + client.__name__)
                continue
            for service in services:
                for way in ways:
                    before = len(sasl_matrix.log_lines(i, service, "login"))
                    done, text = client(with_realm if client is curl else good, service, way, "GSSAPI")
                    t.check("%s logs in to %s by GSSAPI, %s" % (client.__name__, service, way), done, text.decode("utf-8", "replace")[-1500:])
                    lines = sasl_matrix.log_lines(i, service, "login")[before:]
                    t.check("... as user1, and the log says how", [(l["user"], l["method"]) for l in lines] == [("user1", "GSSAPI")], lines)
        # In /var/tmp any user of the host could have made the replay cache before us.
        made = [os.stat(os.path.join(i.dir, "work", *names)) for names in (["krb5"], ["krb5", "replay"])]
        t.equal("the replay cache is auth_user's own", {(s.st_uid, s.st_mode & 0o077) for s in made},
                {(63003 if os.geteuid() == 0 else os.geteuid(), 0)})
        # Whoever has a ticket is himself and nobody else.
        for name, user, password in (("user2", "user1", "kerberos2"), ("stranger", "stranger", "kerberos3"), ("user1/admin", "user1", "kerberos4")):
            other = account(name, user, password)
            for service in ("imap", "pop", "smtp"):
                done, text = cyrus(other, service, "tls", "GSSAPI")
                t.check("%s's ticket does not open %s's %s" % (name, user, service), not done, text)
        for service in ("imap", "pop", "smtp"):
            for junk in (b"", b"\0", b"\x60" + b"\xff" * 40, os.urandom(300), b"\x60\x84\xff\xff\xff\xff" + b"A" * 1000, b"A" * 9000):
                with Talk(i, service, "tls") as k:
                    logged_in, line = k.authenticate("GSSAPI", fixed(junk, junk, junk), initial=False)
                    t.check("%s: junk in place of a ticket is refused" % service, not logged_in and line, line)
                    t.check("... and the connection lives", k.alive())
    # Without a keytab the mechanism is not there to be chosen.
    with harness.Instance() as i:
        for service in ("imap", "pop", "smtp"):
            with Talk(i, service, "tls") as k:
                t.check("%s offers no GSSAPI without a keytab" % service, "AUTH=GSSAPI" not in k.offers())
                logged_in, line = k.authenticate("GSSAPI", fixed(b"x", b"x"))
                t.check("%s: ... and it is refused" % service, not logged_in and k.alive(), line)
finally:
    kdc.stop()
t.end()
