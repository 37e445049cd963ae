#!/usr/bin/env python3
"""unixauth against PAM stacks of our own (pam_wrapper, pam_matrix): right, wrong, expired, broken, chatty."""
import ctypes.util
import glob
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

t = harness.Suite()
wrapper = glob.glob("/usr/lib/*/libpam_wrapper.so")
modules = glob.glob("/usr/lib/*/pam_wrapper/pam_matrix.so")
if not wrapper or not modules:
    print("skipped: libpam-wrapper is not installed")
    sys.exit(77)
matrix = modules[0]
where = harness.scratch()
unixauth = harness.program("unixauth")
user, other = "games", "mail"  # system accounts that every Debian has
with open(where + "/passdb", "w") as f:
    f.write(f"{user}:se cret:imap\n{other}:x:pop\nroot:toor:imap\nghost:boo:imap\n")


def service(name, stack):
    os.makedirs(where + "/pam.d", exist_ok=True)
    with open(f"{where}/pam.d/{name}", "w") as f:
        f.write("\n".join(stack) + "\n")


base = [f"auth required {matrix} passdb={where}/passdb", f"account required {matrix} passdb={where}/passdb"]
service("imap", base)
service("pop", base)
service("verbose", [base[0] + " verbose", "account required pam_permit.so"])
service("echo", [base[0] + " echo", "account required pam_permit.so"])
service("nodb", [f"auth required {matrix} passdb={where}/absent", "account required pam_permit.so"])
service("nomodule", ["auth required /nonexistent/pam_x.so", "account required /nonexistent/pam_x.so"])
service("deny", ["auth required pam_permit.so", "account required pam_deny.so"])
service("mapped", [f"auth required {os.path.dirname(matrix)}/pam_set_items.so", "auth required pam_permit.so",
                   "account required pam_permit.so"])
service("chatty", [f"auth optional {os.path.dirname(matrix)}/pam_chatty.so num_lines=3 info error", base[0],
                   "account required pam_permit.so"])


def ask(lines, name="imap", fast=True, extra=None):
    env = {"PATH": "/usr/bin:/bin", "LD_PRELOAD": wrapper[0], "PAM_WRAPPER": "1",
           "PAM_WRAPPER_SERVICE_DIR": where + "/pam.d", "DMAIL_SERVICE": name, "DMAIL_CLIENT_IP": "10.0.0.1"}
    env.update(extra or {})
    p = subprocess.run([unixauth] + (["-fast"] if fast else []), input=lines.encode(), env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    return p.stdout.decode().splitlines()


import pwd
entry = pwd.getpwnam(user)
yes = [f'+OK {user} config {entry.pw_uid} gid="{entry.pw_gid}" home="{entry.pw_dir}"']
no = [f"-ERR {user} password wrong or not a valid user"]
t.equal("the right password", ask(f"check {user} se cret\n"), yes)
t.equal("a wrong one", ask(f"check {user} secret\n"), no)
t.equal("an empty one", ask(f"check {user} \ncheck {user}\n"), no * 2)
t.equal("an unknown user reads the same", ask("check nobodyhere x\n"),
        ["-ERR nobodyhere password wrong or not a valid user"])
t.equal("known to PAM, not to the system", ask("check ghost boo\n"),
        ["-ERR ghost password wrong or not a valid user"])
t.check("root is never served", ask("check root toor\nlookup root\n")[0].startswith("-ERR") and
        ask("lookup root\n")[0].startswith("-ERR"))
t.equal("the account stack decides, too", ask(f"check {user} se cret\n", "deny"), no)
t.equal("another service", ask(f"check {user} se cret\n", "pop"), no)
t.equal("talk of modules is ignored", ask(f"check {user} se cret\n", "verbose"), yes)
t.check("a prompt that echoes is not answered", ask(f"check {user} se cret\n", "echo")[0][0] == "-")
t.check("a broken database is -DEAD", ask(f"check {user} se cret\n", "nodb")[0].startswith("-DEAD"))
t.check("a missing module is never yes", ask(f"check {user} se cret\n", "nomodule")[0][0] == "-")
t.equal("output of modules is not an answer", ask(f"check {user} se cret\n", "chatty"), yes)
t.equal("a stack that changes the user", ask(f"check {user} se cret\n", "mapped", extra={"PAM_USER": other}), no)
t.equal("lookup", ask(f"lookup {user}\nlookup nobodyhere\n"), yes + ["-ERR nobodyhere password wrong or not a valid user"])
for bad in ["", "a:b", "../x", "-x", "x" * 300, "a\x7fb", 'a"b']:
    t.check(f"hostile name {bad[:10]!r}", all(l.startswith("-ERR") for l in ask(f"lookup {bad}\ncheck {bad} x\n")))
t.equal("a cut question is no question", ask(f"check {user} se cret"), [])
t.equal("quit", ask(f"quit\nlookup {user}\n"), [])
t.check("long lines", ask("x" * 9000 + "\nversion\n")[1].startswith("+OK"))
t.check("set is not for us", ask(f"set {user} x\n")[0].startswith("-ERR"))
t.check("hostile service", ask(f"lookup {user}\n", "../imap") == [])


def cost(line):
    start = time.monotonic()
    ask(line, fast=False)
    return time.monotonic() - start


wrong, unknown = cost(f"check {user} wrong\n"), cost("check nobodyhere wrong\n")
t.check("no takes the same time for both", wrong > 0.24 and abs(wrong - unknown) < 0.15, (wrong, unknown))
t.end()
