#!/usr/bin/env python3
"""IMAP: every mechanism, in every packaged client that has it, in Python's imaplib, without TLS, by STARTTLS and on port 993's way."""
import imaplib
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from sasl_own import cram_md5, digest_md5, plain, scram

t = harness.Suite()
with harness.Instance(*sasl_matrix.users()) as i:
    sasl_matrix.matrix(t, i, "imap")
    context = ssl.create_default_context(cafile=i.CAFILE)

    def connect(way):
        if way == "tls":
            return imaplib.IMAP4_SSL("localhost", i.IMAPS_PORT, ssl_context=context)
        c = imaplib.IMAP4("localhost", i.IMAP_PORT)
        if way == "starttls":
            c.starttls(context)
        return c

    def auth_object(generator):
        """imaplib's callback: it is asked with the first challenge, which is empty where the client speaks first."""
        first = [next(generator)]

        def answer(challenge):
            if first and first[0] is not None:
                return first.pop()
            first.clear()
            return generator.send(challenge)
        return answer

    for way in ("plain", "starttls", "tls"):
        for name, m in (("PLAIN", plain("user1", "secret1")), ("CRAM-MD5", cram_md5("user1", "secret1")), ("DIGEST-MD5", digest_md5("user1", "secret1", "imap")),
                        ("SCRAM-SHA-1", scram("SCRAM-SHA-1", "user1", "secret1")), ("SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1"))):
            c = connect(way)
            t.check("imaplib lists %s, %s" % (name, way), "AUTH=" + name in c.capabilities, c.capabilities)
            t.equal("imaplib.authenticate(%s), %s" % (name, way), c.authenticate(name, auth_object(m))[0], "OK")
            t.equal("... and SELECT", c.select()[0], "OK")
            c.logout()
        c = connect(way)
        t.equal("imaplib.login_cram_md5, " + way, c.login_cram_md5("user1", "secret1")[0], "OK")
        c.logout()
        c = connect(way)
        try:
            c.login_cram_md5("user1", "wrong")
            t.check("imaplib.login_cram_md5 with a wrong password", False)
        except imaplib.IMAP4.error as e:
            t.check("imaplib.login_cram_md5 with a wrong password", "AUTHENTICATIONFAILED" in str(e), e)
        t.equal("... leaves a connection to log in on", c.login("user1", "secret1")[0], "OK")
        c.logout()
t.end()
