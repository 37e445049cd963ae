"""What a command leaves on a host: packages, files of /etc, services that start, processes, listening ports."""
import hashlib
import os
import re

import harness

# Started at boot and over at once: they set something up and serve nobody.
HARMLESS_SERVICES = {"procps", "kmod", "udev", "dbus", "hwclock.sh", "sudo", "x11-common", "cron", "e2scrub_reap"}


def etc(root):
    """path -> digest of each file of /etc, and the target of each link."""
    found = {}
    for folder, _, names in os.walk(root + "/etc"):
        for n in names:
            path = os.path.join(folder, n)
            inside = path[len(root):]
            if os.path.islink(path):
                found[inside] = "-> " + os.readlink(path)
            elif os.path.isfile(path):
                with open(path, "rb") as f:
                    found[inside] = hashlib.md5(f.read()).hexdigest()
    return found


def packages(host):
    out = host.must("dpkg-query", "-W", "-f=${Package} ${Version} ${db:Status-Abbrev}\n")
    return {l.split()[0]: tuple(l.split()[1:]) for l in out.splitlines() if l.split()[2] != "rc"}


def agents(host):
    """Packages that are a mail transport agent or a super-server."""
    out = host.must("dpkg-query", "-W", "-f=${Package} ${db:Status-Status} ${Provides}\n")
    return {l.split()[0] for l in out.splitlines() if " installed " in l and re.search(r"mail-transport-agent|inet-superserver", l)}


def listeners(host):
    """Who listens inside, as (process, port), from every process's own network."""
    script = r"""for p in /proc/[0-9]*; do for t in tcp tcp6; do
      awk -v p="$(cat $p/comm)" '$4 == "0A" { split($2, a, ":"); print p, a[length(a)], $10 }' $p/net/$t; done; done 2>/dev/null
      for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -o 'socket:.*' | while read s; do echo "fd $(cat $p/comm) $s"; done; done 2>/dev/null; true"""
    ports, found = {}, set()
    lines = host.must("bash", "-c", script).splitlines()
    for l in lines:
        words = l.split()
        if words and words[0] != "fd" and len(words) == 3:
            ports[words[2]] = int(words[1], 16)
    for l in lines:
        m = re.fullmatch(r"fd (\S+) socket:\[(\d+)\]", l)
        if m and m.group(2) in ports:
            found.add((m.group(1), ports[m.group(2)]))
    return found


def started_at_boot(files):
    """Names of services that a boot would start: links of SysV's runlevels and of systemd's wants."""
    names = {re.sub(r"^S\d\d", "", os.path.basename(p)) for p in files if re.match(r"/etc/rc[S2-5]\.d/S\d\d", p)}
    names |= {os.path.basename(p) for p in files if re.match(r"/etc/systemd/system/.*\.(wants|requires)/[^/]+\.(service|socket)$", p)}
    return names


def take(host, before=None):
    """`before`: what ends by itself in a moment, as a child that a test has just ended, is given that moment."""
    if before:
        harness.wait_until(lambda: host.processes() == before["processes"], 10)
    files = etc(host.root)
    return {"packages": packages(host), "agents": agents(host), "etc": files, "boot": started_at_boot(files),
            "processes": host.processes(), "listeners": listeners(host)}


def judge(t, what, before, after):
    """Checks that `what` only added packages, and nothing that runs, listens or will be started."""
    kept = {n: v for n, v in after["packages"].items() if n in before["packages"]}
    t.equal(what + " removes and changes no package", sorted(set(before["packages"].items()) - set(kept.items())), [])
    t.equal(what + " installs no mail transport agent and no super-server", sorted(after["agents"] - before["agents"]), [])
    t.equal(what + " lets nothing run on", after["processes"], before["processes"])
    t.equal(what + " lets nothing listen", sorted(after["listeners"] - before["listeners"]), [])
    new = {n for n in after["boot"] - before["boot"] if n.split(".")[0] not in HARMLESS_SERVICES}
    t.equal(what + " has no service started at boot", sorted(new), [])
    changed = [p for p, d in before["etc"].items() if after["etc"].get(p) != d and not traces_of_packages(p)]
    t.equal(what + " changes no file of /etc", sorted(changed), [])


def traces_of_packages(path):
    """Files of /etc that every installation of a package may write again."""
    return path in ("/etc/ld.so.cache", "/etc/mailcap", "/etc/shells", "/etc/shadow", "/etc/shadow-", "/etc/passwd", "/etc/passwd-",
                    "/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subgid") \
        or path.startswith(("/etc/alternatives/", "/etc/ssl/certs/"))
