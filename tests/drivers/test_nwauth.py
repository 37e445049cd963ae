#!/usr/bin/env python3
"""nwauth as a child, on the command line and resident; test_nwauth.py BUILD."""
import base64, concurrent.futures, hashlib, os, re, signal, socket, subprocess, sys, tempfile, time

nwauth = os.path.join(os.path.abspath(sys.argv[1]), "bin", "nwauth")
passed = failures = 0


def expect(what, condition, seen=""):
    global passed, failures
    if condition:
        passed += 1
    else:
        failures += 1
        print(f"FAIL {what}: {seen!r}")


home = tempfile.mkdtemp(prefix="dmail-nwauth-")
os.chmod(home, 0o777)
db = home + "/db"
# Nobody's account; the database is its own, as a module's is on a host.
base = [nwauth, "-path", db, *(["-moduleuser", "63004"] if os.geteuid() == 0 else [])]


def run(*words, options=(), stdin=""):
    p = subprocess.run([*base, *options, *words], input=stdin, capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout


def talk(text, options=()):
    return run(options=options, stdin=text)[1].splitlines()


p = subprocess.run([nwauth, "-path", home + "/none/db"], input="check bob pw\nlookup bob\n", capture_output=True, text=True)
expect("a database that is not there: every answer says why", (p.returncode, p.stdout.count("-DEAD user database cannot be opened: "),
       p.stdout.count("No such file or directory")) == (75, 2, 2), p.stdout)

# The session of the vendor's guide.
expect("set", talk("set bob@test.com bob\n") == ["+OK bob@test.com added to database"])
expect("guide", (r := talk("lookup bob@test.com\ncheck bob@test.com xxx\ncheck BOB@test.com bob\n")) == [
    "+OK bob@test.com config 0", "-ERR bob@test.com password wrong or not a valid user",
    "+OK bob@test.com config 0"], r)
talk('set bobcat@test.com x\nset bob@test.com (NULL) quota="200" fwd="fred@test.com"\n')
expect("labels", (r := talk("check bob@test.com bob\n")) ==
       ['+OK bob@test.com config 0 quota="200" fwd="fred@test.com"'], r)
for label, why in (("quota=ten", "quota is a number of kbytes"), ('uid="x"', "uid and gid are numbers"), ("gid=-2", "uid and gid are numbers"),
                   ("POP=off", "imap, pop and smtp are yes or no"), ("home=here", "home is an absolute path")):
    expect("refused: " + label, (r := talk("set bob@test.com (NULL) x=1 %s\n" % label)) == ["-ERR " + why], r)
expect("nothing of it was kept", (r := talk("lookup bob@test.com\n")) == ['+OK bob@test.com config 0 quota="200" fwd="fred@test.com"'], r)
expect("values that mean something", (r := talk('set lab x quota=1 uid=-1 gid=100 imap=no pop=yes home=/h\nlookup lab\ndel lab\n')[1]) ==
       '+OK lab config 0 quota="1" uid="-1" gid="100" imap="no" pop="yes" home="/h"', r)
talk('set bob@test.com (NULL) fwd=""\n')
expect("label removed", (r := talk("lookup bob@test.com\n")) == ['+OK bob@test.com config 0 quota="200"'], r)
expect("search", (r := talk("search bo*@test.com\n")) ==
       ["+DATA bob@test.com", "+DATA bobcat@test.com", "+OK Search Complete 2 items found out of 2"], r)
expect("search range", (r := talk("search * -from 1 -max 1\n")) ==
       ["+DATA bobcat@test.com", "+OK Search Complete 2 items found out of 2"], r)

# Unknown and wrong read alike; hostile input.
expect("unknown", (r := talk("check ghost x\n")) == ["-ERR ghost password wrong or not a valid user"], r)
for line in ["check", "check ", "check bob@test.com", "check bob@test.com ", "check a@b@c x", "lookup", "bogus",
             "set", "set x", "set a@b@c x", "set x y z", 'set x y z="', 'set x y a b="c"', "del", "del ghost",
             "search x -from", "search x -max y", "set caf\u00e9 x", "check bob@test.com " + "y" * 2000,
             "set x " + "y" * 1025, "check bob@test.com (NULL)", "x" * 9000]:
    r = talk(line + "\n")
    expect(f"refused {line[:30]}", len(r) == 1 and r[0].startswith("-ERR"), r)
expect("cut line", talk("check bob@test.com bob") == [])
expect("quit", talk("quit\nlookup bob@test.com\n") == [])
expect("blank password", run("set", "sam", "two words", "quota=5")[1] == "+OK sam added to database\n")
expect("blank check", (r := talk("check sam two words\n")) == ['+OK sam config 0 quota="5"'], r)
expect("password from stdin", run("set", "kim", "-", stdin="from stdin\n")[0] == 0)
expect("check with the password from stdin", run("check", "kim", "-", stdin="from stdin\n") == (0, "+OK kim config 0\n"))
expect("check with a wrong password from stdin", run("check", "kim", "-", stdin="-\n")[0] == 1)
expect("check without a line on stdin", run("check", "kim", "-")[0] == 64)
expect("- as a password in the protocol", talk("set dash -\ncheck dash -\n") == ["+OK dash added to database", "+OK dash config 0"])
expect("stdin check", talk("check kim from stdin\n") == ["+OK kim config 0"])
expect("codes", [run("check", "kim", "no")[0], run("lookup", "kim")[0], run("bogus")[0]] == [1, 0, 1])
expect("readonly", talk("set kim x\ndel kim\n", ["-readonly"]) == ["-ERR read-only"] * 2)
expect("sha512", talk("set ann pw\ncheck ann pw\n", ["-hash", "sha512"])[1] == "+OK ann config 0")
expect("del", talk("del ann\nlookup ann\n") == ["+OK ann deleted", "-ERR ann not a valid user"])
expect("drop_path", run("drop_path", "1", "/m", "test", "..") == (0, "/m/g/test\n/m/o/%2E.\n"),
       run("drop_path", "1", "/m", "test", ".."))
expect("dead", subprocess.run([nwauth, "-path", "/proc/nope/x"], input="check a b\n", capture_output=True,
                              text=True).stdout.startswith("-DEAD"))


# Keys for SASL.
KEYS = re.compile(r'\+OK kay config 0 scram-sha-(1|256)="10000,[A-Za-z0-9+/]{22}==,[A-Za-z0-9+/=]{28,44},'
                  r'[A-Za-z0-9+/=]{28,44}"')
talk("set kay pencil quota=5\n")
for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "scram-sha-256-plus"):
    r = talk(f"secret KAY {mechanism}\n")
    expect("keys " + mechanism, len(r) == 1 and KEYS.fullmatch(r[0]) and r[0].count('"') == 2, r)
for user, mechanism in (("kay", "CRAM-MD5"), ("kay", "APOP"), ("kay", "DIGEST-MD5"), ("kay", "PLAIN"), ("kay", ""),
                        ("ghost", "SCRAM-SHA-1"), ("a@b@c", "SCRAM-SHA-1")):
    expect(f"no keys {user} {mechanism}", (r := talk(f"secret {user} {mechanism}\n")) ==
           [f"-ERR {user} has no keys for this"], r)
expect("token", talk("token kay abc\n")[0].startswith("-ERR"))
plain = ["-keep-plain"]
talk("set kay pencil2\n", plain)
kept = '+OK kay config 0 password64="' + base64.b64encode(b"pencil2").decode() + '"'
for mechanism in ("CRAM-MD5", "APOP", "DIGEST-MD5"):
    expect("kept " + mechanism, (r := talk(f"secret kay {mechanism}\n", ["-readonly"])) == [kept], r)
expect("SCRAM gets keys all the same", KEYS.fullmatch(talk("secret kay SCRAM-SHA-256\n")[0]))
for line in ("check kay pencil2", "lookup kay", "search kay"):
    r = "".join(talk(line + "\n"))
    expect("no keys in " + line, "pencil" not in r and "scram" not in r and "64" not in r, r)
old = talk("secret kay SCRAM-SHA-1\n")
talk("set kay (NULL) quota=6\n")
expect("kept through a change of labels", talk("secret kay APOP\nsecret kay SCRAM-SHA-1\n") == [kept, *old])
talk("set kay pencil3\n", ["-digest-realm", "Example Realm"])
h = hashlib.md5(b"kay:Example Realm:pencil3").hexdigest()
expect("realm's key", (r := talk("secret kay DIGEST-MD5\n")) == [f'+OK kay config 0 digest-md5="{h}"'], r)
expect("what was kept is gone", (r := talk("secret kay APOP\n"))[0].startswith("-ERR"), r)
expect("new SCRAM keys", talk("secret kay SCRAM-SHA-1\n") != old)
talk("set kay pencil4\n")
expect("nothing of the old password", talk("secret kay DIGEST-MD5\n")[0].startswith("-ERR"))
for label in ("password64", "scram-sha-1", "Digest-MD5"):
    expect("no label " + label, talk(f"set kay (NULL) {label}=\"x\"\n")[0].startswith("-ERR"))
expect("readonly keeps nothing", talk("set kay x\n", ["-readonly", "-keep-plain"]) == ["-ERR read-only"])
expect("bad realm", run("version", options=["-digest-realm", 'a"b'])[0] == 64)
run("set", "uml", "caf\u00e9")
expect("non-ASCII password", talk("secret uml SCRAM-SHA-256\n")[0].startswith("+OK uml"))
talk("secret kay SCRAM-SHA-1\ncheck kay pencil4\nSECRET kay SCRAM-SHA-1\n", ["-log", "-keep-plain"])
log_text = open(db + "/nwauth.log").read()
expect("nor in capitals", log_text.count("SECRET kay: +OK\n") == 1 and "scram" not in log_text, log_text)
expect("a password from standard input", (r := run("check", "kay", "-", stdin="pencil4\n")) == (0, '+OK kay config 0 quota="6"\n'), r)
expect("a wrong one", (r := run("check", "kay", "-", stdin="pencil5\n"))[0] == 1, r)
expect("none", (r := run("check", "kay", "-", stdin="pencil4"))[0] == 64, r)
expect("no keys in the log", "secret kay: +OK\\n" not in log_text and log_text.count("secret kay: +OK\n") == 1 and
       "scram" not in log_text and "pencil" not in log_text, log_text)


# An unknown user takes the time of a wrong password.
def cost(line, best=9):
    for _ in range(3):
        p = subprocess.Popen(base, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        p.stdin.write("version\n"); p.stdin.flush(); p.stdout.readline()
        t = time.monotonic()
        p.stdin.write(line + "\n"); p.stdin.flush(); p.stdout.readline()
        best = min(best, time.monotonic() - t)
        p.stdin.close(); p.wait()
    return best


wrong = unknown = 9
for _ in range(60):  # the best of each, in turns, until they agree: a busy machine makes either seem slow
    wrong, unknown = cost("check kim wrong", wrong), cost("check ghost wrong", unknown)
    if 0.5 < unknown / wrong < 2: break
expect("equal time", 0.5 < unknown / wrong < 2, (unknown, wrong))

# Resident.
sock = home + "/s"
log = open(home + "/err", "w")
server = subprocess.Popen([*base, "-listen", sock, "-log", "-threads", "2"], stderr=log)
for _ in range(3000):
    if os.path.exists(sock): break
    time.sleep(0.02)


def ask(line, keep=None):
    s = keep or socket.socket(socket.AF_UNIX)
    if not keep: s.connect(sock)
    s.sendall(line.encode() + b"\n")
    out = b""
    while not out.endswith(b"\n"):
        chunk = s.recv(65536)
        if not chunk: break
        out += chunk
    if not keep: s.close()
    return out.decode()


expect("mode", os.stat(sock).st_mode & 0o777 == 0o600)
expect("resident", ask("check kim from stdin") == "+OK kim config 0\n")
each = 9
for _ in range(200):
    t = time.monotonic()
    ask("check kim from stdin")
    each = min(each, time.monotonic() - t)
expect("cached check is quick", each < wrong / 3, each)
print(f"cached check with connect: {each * 1e6:.0f} us; crypt: {wrong * 1e3:.1f} ms")
expect("another's password", ask("check bob@test.com from stdin").startswith("-ERR"))
expect("wrong after right", ask("check kim wrong").startswith("-ERR"))
run("set", "kim", "changed")  # another process
expect("old password is gone at once", ask("check kim from stdin").startswith("-ERR"))
expect("new one works", ask("check kim changed").startswith("+OK"))
run("del", "kim")
expect("deleted is gone at once", ask("check kim changed").startswith("-ERR"))
ask("set kim again")
ahead = []
for _ in range(10):  # once is enough to see that it does not stand in line behind them
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        slow = [pool.submit(ask, f"check kim wrong{i}") for i in range(30)]
        expect("lookup while crypt runs", ask("lookup kim").startswith("+OK"))
        ahead.append(sum(not f.done() for f in slow))
        expect("all answered", all(f.result().startswith("-ERR") for f in slow))
    if ahead[-1] > 10: break
expect("does not wait", ahead[-1] > 10, ahead)
s = socket.socket(socket.AF_UNIX); s.connect(sock)
s.sendall(b"lookup kim\ncheck kim again\nlookup ghost\nversion\n"); s.shutdown(socket.SHUT_WR)
out = b""
while chunk := s.recv(4096): out += chunk
expect("order is kept", [l[:4] for l in out.decode().splitlines()] == ["+OK ", "+OK ", "-ERR", "+OK "], out)
for junk in [b"\0" * 100000, b"x" * 20000, b"\n" * 5000, b"check " + b"\xff" * 500 + b"\n"]:
    j = socket.socket(socket.AF_UNIX); j.connect(sock)
    try: j.sendall(junk)
    except OSError: pass
    j.close()
expect("junk does not hurt", ask("lookup kim").startswith("+OK"))
if os.geteuid() == 0:
    os.chmod(sock, 0o666)
    ask_as = f"import socket; s=socket.socket(socket.AF_UNIX); s.connect({sock!r}); s.sendall(b'lookup kim\\n'); print(s.recv(99))"
    other = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                            ask_as], capture_output=True, text=True)
    expect("others are hung up on", "+OK" not in other.stdout, other)
# A process that dies inside the database does not stop the others.
killed = subprocess.Popen([*base, "-hash", "sha512", "-generate", "1000"], stdout=subprocess.DEVNULL)
time.sleep(0.5); killed.kill(); killed.wait()
expect("cli after a death", run("lookup", "bob@test.com")[0] == 0)
expect("resident after a death", ask("check kim again").startswith("+OK"), ask("lookup kim"))
second = subprocess.run([*base, "-listen", sock], capture_output=True)
expect("only one listens", second.returncode == 75 and ask("lookup kim").startswith("+OK"))
server.send_signal(signal.SIGTERM)
expect("ends", server.wait(60) == 0)
expect("socket removed", not os.path.exists(sock))
# Out of descriptors: it waits, and does not turn in circles.
server = subprocess.Popen(["prlimit", "--nofile=40", *base, "-listen", sock], stderr=log)
for _ in range(3000):
    if os.path.exists(sock): break
    time.sleep(0.02)
crowd = []
for _ in range(50):
    crowd.append(socket.socket(socket.AF_UNIX))
    crowd[-1].connect(sock)
ticks = lambda: sum(int(x) for x in open(f"/proc/{server.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])
time.sleep(0.3)
before = ticks()
time.sleep(1)
expect("a crowd costs no time", ticks() - before < 20, ticks() - before)
for s in crowd[:30]: s.close()
expect("served when some have left", ask("lookup kim", keep=crowd[-1]).startswith("+OK"))
for s in crowd: s.close()
server.send_signal(signal.SIGTERM)
server.wait(60)
open(sock + "2", "w").close()
expect("no file is replaced", subprocess.run([*base, "-listen", sock + "2"], capture_output=True).returncode == 75)
text = open(db + "/nwauth.log").read()
expect("no password in the log", "changed" not in text and "from stdin" not in text)
subprocess.run(["rm", "-rf", home])
print(f"{passed} passed, {failures} failed")
sys.exit(1 if failures else 0)
