#!/usr/bin/env python3
"""POP3: every mechanism and APOP, in every packaged client that has it and in Python's poplib, without TLS, by STLS, on the TLS port."""
import os
import poplib
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import sasl_matrix
from real_clients import Account, fetchmail
from sasl_own import WAYS, Talk

t = harness.Suite()
with harness.Instance(*sasl_matrix.users()) as i:
    sasl_matrix.matrix(t, i, "pop")
    context = ssl.create_default_context(cafile=i.CAFILE)

    def connect(way):
        if way == "tls":
            return poplib.POP3_SSL("localhost", i.POP3S_PORT, context=context)
        p = poplib.POP3("localhost", i.POP3_PORT)
        if way == "starttls":
            p.stls(context)
        return p

    account = Account(i, "user1", "secret1", harness.scratch())
    for way in WAYS:
        p = connect(way)
        t.check("poplib.apop, " + way, p.apop("user1", "secret1").startswith(b"+OK"))
        t.check("... and STAT", p.stat() is not None)
        p.quit()
        for user, password in (("user1", "wrong"), ("nobody", "secret1"), ("user1", "")):
            p = connect(way)
            try:
                p.apop(user, password)
                t.check("APOP of %s with %r is refused" % (user, password), False)
            except poplib.error_proto as e:
                t.check("APOP of %s with %r is refused, %s" % (user, password, way), b"-ERR [AUTH]" in e.args[0], e)
            t.check("... and another try is free", p.apop("user1", "secret1").startswith(b"+OK"))
            p.quit()
        if sasl_matrix.installed(fetchmail):
            good, text = fetchmail(account, "pop", way, "APOP")
            t.check("fetchmail by APOP, " + way, good and b"> APOP user1" in text, text)
        else:
            t.skip("not installed: fetchmail")
    # The stamp is another one every time: an answer that was overheard opens nothing.
    stamps = set()
    for _ in range(5):
        with Talk(i, "pop") as k:
            stamps.add(k.greeting.split(b"<")[1])
    t.equal("five greetings, five stamps", len(stamps), 5)
    for bad in (b"APOP", b"APOP user1", b"APOP user1 x", b"APOP user1 " + b"0" * 31, b"APOP user1 " + b"0" * 33, b"APOP user1 " + b"g" * 32,
                b"APOP user1 " + b"0" * 32 + b" x", b"APOP  " + b"0" * 32, b"APOP us\0er1 " + b"0" * 32):
        with Talk(i, "pop") as k:
            t.check("%r is refused" % bad[:20], k.command(bad)[-1].startswith(b"-ERR"))
            t.check("... and the connection lives", k.alive())
t.end()
