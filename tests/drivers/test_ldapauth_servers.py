#!/usr/bin/env python3
"""ldapauth and its servers: TLS, servers that are down, hang or hang up, Active Directory's ways, referrals."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from ldap_fixture import *
from slapd import *


def tls():
    make_certificate(server.dir, "stranger", "otherca")
    ca = "tls_ca %s/ca.pem\n" % server.dir
    other = "tls_ca %s/otherca.pem\n" % server.dir
    ldaps = "ldaps://127.0.0.1:%d" % server.tls_port
    question = "check jdoe pw of john"
    t.equal("ldaps", once(configuration(ldaps, ca), question), ad % ("jdoe", ""))
    t.equal("ldapi", once(configuration(server.socket), question), ad % ("jdoe", ""))
    t.equal("StartTLS", once(configuration(more="starttls true\n" + ca), question), ad % ("jdoe", ""))
    no_ca = "tls_ca %s/nothing.pem\n" % server.dir
    t.equal("a CA file is needed for TLS only", once(configuration(server.socket, no_ca), question), ad % ("jdoe", ""))
    for uri, more in ((ldaps, no_ca), (None, "starttls true\n" + no_ca)):
        a = once(configuration(uri, more), question)
        t.check("without it there is no TLS, and the answer says why", a.startswith("-DEAD") and "CA file" in a, a)
    t.check("ldaps, another CA", once(configuration(ldaps, other), question).startswith("-DEAD"))
    t.check("StartTLS, another CA", once(configuration(more="starttls true\n" + other), question).startswith("-DEAD"))
    t.check("no CA is the system's", once(configuration(ldaps), question).startswith("-DEAD"))
    t.check("another name", once(configuration(ldaps.replace("127.0.0.1", "localhost"), ca), question).startswith("-DEAD"))
    # A server that knows no StartTLS is never told a password.
    plain = FakeServer(lambda tag, parts: [(0x78, result(2, "no"))])
    t.check("no StartTLS there", once(configuration("ldap://127.0.0.1:%d" % plain.port, "starttls true\n"),
                                      question).startswith("-DEAD"))
    t.check("nothing secret was said", b"pw of" not in plain.raw and b"secret" not in plain.raw)


def servers_down():
    question = "check jdoe pw of john"
    up, down = "ldap://127.0.0.1:%d" % server.port, "ldap://127.0.0.1:%d" % free_port()
    t.check("nobody there", once(configuration(down), question).startswith("-DEAD"))
    t.check("lookup likewise", once(configuration(down), "lookup ghost").startswith("-DEAD"))
    t.equal("the second server", once(configuration(down + " " + up), question), ad % ("jdoe", ""))
    quick = "network_timeout 1\nsearch_timeout 1\n"
    mute = FakeServer(lambda tag, parts: "silent")
    uri = "ldap://127.0.0.1:%d" % mute.port
    start = time.monotonic()
    t.check("a server that says nothing", once(configuration(uri, quick), question).startswith("-DEAD"))
    t.check("ldaps likewise", once(configuration(uri.replace("ldap:", "ldaps:"), quick), question).startswith("-DEAD"))
    t.check("StartTLS likewise", once(configuration(uri, quick + "starttls true\n"), question).startswith("-DEAD"))
    t.check("in time", time.monotonic() - start < 50, time.monotonic() - start)
    start = time.monotonic()
    m = Module(configuration(uri + " " + up, "network_timeout 6\nsearch_timeout 6\n"))
    t.equal("the next one is asked", m.ask(question), ad % ("jdoe", ""))
    t.check("in time", time.monotonic() - start < 50, time.monotonic() - start)
    start = time.monotonic()
    t.equal("and stays the first choice", m.ask(question), ad % ("jdoe", ""))
    t.check("at once", time.monotonic() - start < 5, time.monotonic() - start)
    m.end()
    cut = FakeServer(lambda tag, parts: None)
    t.check("a server that hangs up", once(configuration("ldap://127.0.0.1:%d" % cut.port, quick), question).startswith("-DEAD"))
    half = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else [(SEARCH_ENTRY, b"")])
    half.answer = lambda s, data: s.sendall(b"\x30\x82\x10") or True
    start = time.monotonic()
    t.check("half an answer", once(configuration("ldap://127.0.0.1:%d" % half.port, quick), question).startswith("-DEAD"))
    t.check("in time", time.monotonic() - start < 50, time.monotonic() - start)
    # Ends and comes back under a module that stays.
    m = Module(ordinary)
    t.equal("before", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    for line in (question, "check jdoe wrong", "lookup ghost"):
        t.check("while it is down: " + line, m.ask(line).startswith("-DEAD"))
    server.start()
    t.equal("after", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    server.start()
    t.equal("restarted between two questions", m.ask(question), ad % ("jdoe", ""))
    server.stop()
    server.start()
    t.check("a wrong password stays one", m.ask("check jdoe wrong").startswith("-ERR"))
    m.end()


def active_directory():
    """What slapd does not do: binds by userPrincipalName, references at the end of a search, odd codes."""
    codes = {"verdict": 0}

    def reply(tag, parts):
        if tag == BIND:
            name, password = parts[1][1], parts[2][1]
            if name == b"cn=dmail,dc=example,dc=com":
                return [(BIND_DONE, result(0))]
            right = name == b"jdoe@corp.local" and password == b"pw"
            return [(BIND_DONE, result(codes["verdict"] if right else 49, "80090308: data 52e"))]
        found = [(SEARCH_ENTRY, entry("CN=J,DC=corp,DC=local", sAMAccountName="jdoe", userPrincipalName="jdoe@corp.local",
                                      userAccountControl="512"))] if b"jdoe" in str(parts).encode() else []
        return found + [(SEARCH_REFERENCE, text("ldap://DomainDnsZones.corp.local/DC=x")), (SEARCH_DONE, result(0))]

    fake = FakeServer(reply)
    path = configuration("ldap://127.0.0.1:%d" % fake.port, "bind_attribute userPrincipalName\n")
    t.equal("bind as userPrincipalName", once(path, "check CORP\\jdoe pw"), '+OK CORP\\jdoe config 0 account="jdoe"')
    t.check("wrong", once(path, "check jdoe no").startswith("-ERR"))
    t.check("unknown", once(path, "lookup ghost").startswith("-ERR"))
    for code, start in [(49, "-ERR"), (32, "-ERR"), (19, "-ERR"), (51, "-DEAD"), (52, "-DEAD"), (53, "-DEAD"), (8, "-DEAD"),
                        (13, "-DEAD"), (1, "-DEAD"), (80, "-DEAD"), (10, "-DEAD"), (14, "-DEAD")]:
        codes["verdict"] = code
        t.check("bind answered %d" % code, once(path, "check jdoe pw").startswith(start))
    for code in (1, 3, 10, 12, 32, 50, 51, 52, 53, 80):
        done = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else [(SEARCH_DONE, result(code))])
        a = once(configuration("ldap://127.0.0.1:%d" % done.port), "lookup ghost")
        t.check("search answered %d" % code, a.startswith("-DEAD"), a)
    nameless = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                          [(SEARCH_ENTRY, entry("", sAMAccountName="jdoe")), (SEARCH_DONE, result(0))])
    t.check("an entry without a name", once(configuration("ldap://127.0.0.1:%d" % nameless.port),
                                            "check jdoe pw").startswith("-DEAD"))
    junk = FakeServer(lambda tag, parts: [(0x42, b"\xff" * 50)])
    t.check("junk", once(configuration("ldap://127.0.0.1:%d" % junk.port, "network_timeout 1\n"),
                         "check jdoe pw").startswith("-DEAD"))


def referrals():
    """A search that is sent elsewhere is not followed: the other server would be told our password."""
    elsewhere = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                           [(SEARCH_ENTRY, entry("cn=evil", sAMAccountName="far")), (SEARCH_DONE, result(0))])
    url = "ldap://127.0.0.1:%d/ou=Other,dc=example,dc=com??sub" % elsewhere.port
    first = FakeServer(lambda tag, parts: [(BIND_DONE, result(0))] if tag == BIND else
                       [(SEARCH_DONE, result(10, referral=url))])
    t.check("not followed", once(configuration("ldap://127.0.0.1:%d" % first.port), "lookup far").startswith("-DEAD"))
    t.check("the other is told nothing", elsewhere.raw == b"", elsewhere.raw)


t = harness.Suite()
try:
    for part in (tls, servers_down, active_directory, referrals):
        part()
finally:
    server.stop()
t.end()
