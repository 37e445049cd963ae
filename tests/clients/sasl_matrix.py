"""Every packaged client x mechanism x way in of one service; the log has to name each login as it was made."""
import collections
import concurrent.futures
import os
import queue
import re
import shutil
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
import real_clients
from real_clients import Account
from sasl_own import WAYS, Talk, cram_md5, digest_md5, login, plain, scram

SERVICE_LOG = {"imap": "imapd.log", "pop": "dpopd.log", "smtp": "dsmtpd.log"}
WORKERS = 4


def installed(client):
    return shutil.which(real_clients.PROGRAM.get(client, client.__name__)) is not None


def users():
    """Options of an instance with a user for each worker."""
    return [x for n in range(1, WORKERS + 1) for x in ("--user", "user%d:secret%d" % (n, n))]


def log_lines(i, service, event):
    """The fields of each line of `event` in the service's log."""
    path = os.path.join(i.dir, "log", SERVICE_LOG[service])
    with open(path, errors="replace") as f:
        return [{k: v.strip('"') for k, v in re.findall(r'([\w-]+)=("(?:[^"\\]|\\.)*"|\S+)', l)}
                for l in f if " event=%s " % event in l]


def side_by_side(jobs, work):
    """work(job, worker number) for each job, `WORKERS` at once; results in the order of the jobs."""
    free = queue.Queue()
    for n in range(1, WORKERS + 1):
        free.put(n)

    def one(job):
        n = free.get()
        try:
            return work(job, n)
        finally:
            free.put(n)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, jobs))


def matrix(t, i, service):
    """Packaged clients; then ours where no packaged one goes; then what the log says of it all."""
    jobs, home = [], harness.scratch()
    for client, (package, services, ways, mechanisms) in real_clients.CAN.items():
        if service not in services:
            continue
        if not installed(client):
            t.skip("not installed: %s (package %s)" % (client.__name__, package))
            continue
        jobs += [(client, way, m) for way in ways for m in mechanisms if (client, service, m) not in real_clients.CANNOT]
    homes = {}
    for n in range(1, WORKERS + 1):
        homes[n] = os.path.join(home, str(n))
        os.mkdir(homes[n])

    def work(job, n):
        client, way, mechanism = job
        return client(Account(i, "user%d" % n, "secret%d" % n, homes[n]), service, way, mechanism)

    wanted = collections.Counter()
    for (client, way, mechanism), (good, text) in zip(jobs, side_by_side(jobs, work)):
        t.check("%s logs in by %s, %s" % (client.__name__, mechanism, way), good, text.decode("utf-8", "replace")[-1500:])
        if mechanism not in ("USER", "LOGIN", "PLAIN"):  # clients choose freely among these three
            wanted[mechanism, way != "plain"] += 1
    for (mechanism, tls), n in own(t, i, service).items():
        wanted[mechanism, tls] += n
    got = collections.Counter((l.get("method"), l.get("tls") == "true") for l in log_lines(i, service, "login"))
    for key, n in sorted(wanted.items()):
        t.check("the log names %d logins by %s, %s TLS" % (n, key[0], "with" if key[1] else "without"), got[key] >= n, dict(got))


def own(t, i, service):
    """Every mechanism on every way by the tests' own client, with and without initial response, and -PLUS with both bindings."""
    jobs = []
    for way in WAYS:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
            jobs += [(way, name, None, initial) for initial in (True, False)]
        if way != "plain":
            jobs += [(way, name + "-PLUS", b, True) for name in ("SCRAM-SHA-1", "SCRAM-SHA-256") for b in ("tls-unique", "tls-exporter")]

    def work(job, n):
        way, name, binding, initial = job
        user, password = "user%d" % n, "secret%d" % n
        version = ssl.TLSVersion.TLSv1_2 if binding == "tls-unique" else None
        try:
            with Talk(i, service, way, version=version, s_client=binding == "tls-exporter") as k:
                offered = k.offers()
                if name.startswith("SCRAM"):
                    m = scram(name, user, password, k.binding(binding) if binding else None)
                else:
                    m = {"PLAIN": lambda: plain(user, password), "LOGIN": lambda: login(user, password), "CRAM-MD5": lambda: cram_md5(user, password),
                         "DIGEST-MD5": lambda: digest_md5(user, password, service)}[name]()
                good, line = k.authenticate(name, m, initial)
                return good and k.works(), ("AUTH=" + name in offered), line
        except Exception as e:  # the server's proof was wrong, or it said something that is not base64
            return False, True, repr(e)

    wanted = collections.Counter()
    for (way, name, binding, initial), (good, offered, line) in zip(jobs, side_by_side(jobs, work)):
        what = "%s%s%s, %s" % (name, " with " + binding if binding else "", "" if initial else " without initial response", way)
        t.check("our own client logs in by " + what, good, line)
        t.check("it was offered: " + what, offered)
        wanted[name, way != "plain"] += 1
    return wanted
