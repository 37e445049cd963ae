#!/usr/bin/env python3
"""SMTP submission: every mechanism, in every packaged client that has it and in Python's smtplib; AUTH= for the oldest clients."""
import os
import smtplib
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from sasl_own import WAYS, Talk, cram_md5, digest_md5, plain, scram

t = harness.Suite()
with harness.Instance(*sasl_matrix.users()) as i:
    sasl_matrix.matrix(t, i, "smtp")
    context = ssl.create_default_context(cafile=i.CAFILE)

    def connect(way):
        if way == "tls":
            s = smtplib.SMTP_SSL("localhost", i.SUBMISSIONS_PORT, context=context)
        else:
            s = smtplib.SMTP("localhost", i.SUBMISSION_PORT)
            if way == "starttls":
                s.starttls(context=context)
        s.ehlo()
        s.user, s.password = "user1", "secret1"
        return s

    def auth_object(generator):
        """smtplib's callback: without a challenge it is asked for an initial response."""
        first = [next(generator)]

        def answer(challenge=None):
            if first:
                response = first.pop()
                if response is not None or challenge is None:
                    return None if response is None else response.decode()
            return generator.send(challenge).decode()
        return answer

    for way in WAYS:
        for name in ("plain", "login", "cram_md5"):
            s = connect(way)
            t.equal("smtplib.auth_%s, %s" % (name, way), s.auth(name.upper().replace("_", "-"), getattr(s, "auth_" + name))[0], 235)
            s.quit()
        for name, m in (("DIGEST-MD5", digest_md5("user1", "secret1", "smtp")), ("SCRAM-SHA-256", scram("SCRAM-SHA-256", "user1", "secret1")),
                        ("PLAIN", plain("user1", "secret1")), ("CRAM-MD5", cram_md5("user1", "secret1"))):
            s = connect(way)
            t.equal("smtplib.auth(%s), %s" % (name, way), s.auth(name, auth_object(m))[0], 235)
            t.equal("... and a message goes out", s.sendmail(i.MAIL1, [i.MAIL2], harness.message(1)), {})
            s.quit()
        s = connect(way)
        s.login("user1", "secret1")
        t.check("smtplib.login chooses CRAM-MD5, " + way, True)
        s.quit()
        # The first clients with AUTH look for "AUTH=" and would not see the list otherwise.
        with Talk(i, "smtp", way) as k:
            lines = [l[4:].strip() for l in k.command(b"EHLO client.example")]
            plainly = [l for l in lines if l.startswith(b"AUTH ")]
            equals = [l for l in lines if l.startswith(b"AUTH=")]
            t.equal("one AUTH line and one AUTH= line, the same mechanisms, " + way,
                    [l[5:] for l in plainly], [l[5:] for l in equals]) and t.equal("one each", len(plainly), 1)
    lines = sasl_matrix.log_lines(i, "smtp", "login")
    t.check("smtplib.login's way is in the log", any(l.get("method") == "CRAM-MD5" for l in lines))
t.end()
