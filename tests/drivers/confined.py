#!/usr/bin/env python3
"""Runs a command as a systemd unit would: confined.py UNIT COMMAND...
What can be had without systemd: CapabilityBoundingSet, NoNewPrivileges, SystemCallFilter (with systemd's own sets),
MemoryDenyWriteExecute where the kernel has it, and ProtectSystem as read-only mounts of a mount namespace."""
import ctypes
import os
import re
import subprocess
import sys

CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
                "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT"]
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 24, 38, 65
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
libc = ctypes.CDLL(None, use_errno=True)


def rows(unit):
    """(name, value) of the section [Service]; a backslash goes on in the next line."""
    with open(unit) as f:
        text = f.read().replace("\\\n", "")
    service = text.split("[Service]\n", 1)[1].split("\n[", 1)[0]
    return re.findall(r"(?m)^(\w+)=(.*)$", service)


def members(name):
    """System calls of a name or a @set, as systemd has them."""
    if not name.startswith("@"):
        return {name}
    out = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in out.split("\n")[1:]:
        if line.strip() and not line.strip().startswith("#"):
            found |= members(line.strip())
    return found


def allowed_calls(unit):
    """None when the unit filters none."""
    allowed = None
    for name, value in rows(unit):
        if name != "SystemCallFilter":
            continue
        names = set().union(*(members(w) for w in value.lstrip("~").split()))
        allowed = (allowed or set()) - names if value.startswith("~") else (allowed or members("@default")) | names
    return allowed


def filter_calls(allowed):
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(0x00050000 | 1))  # SCMP_ACT_ERRNO(EPERM)
    for name in allowed:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            lib.seccomp_rule_add(context, 0x7fff0000, number, 0)
    if lib.seccomp_load(context) != 0:
        sys.exit("confined: seccomp_load fails")


def mount(source, target, flags):
    if libc.mount(source.encode() if source else None, target.encode(), None, flags, None) != 0:
        sys.exit("confined: mount %s: %s" % (target, os.strerror(ctypes.get_errno())))


def main():
    unit, command = sys.argv[1], sys.argv[2:]
    settings = dict(rows(unit))
    allowed = allowed_calls(unit)
    if os.geteuid() == 0:
        if settings.get("ProtectSystem") in ("full", "strict") and libc.unshare(CLONE_NEWNS) == 0:
            mount(None, "/", MS_REC | MS_PRIVATE)
            for path in ("/usr", "/etc"):
                mount(path, path, MS_BIND | MS_REC)
                mount(None, path, MS_BIND | MS_REMOUNT | MS_RDONLY)
        keep = settings["CapabilityBoundingSet"].split()
        for number in range(64):
            name = CAPABILITIES[number] if number < len(CAPABILITIES) else str(number)
            if "CAP_" + name not in keep and not (name == "29" and "CAP_AUDIT_WRITE" in keep):
                libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    if settings.get("MemoryDenyWriteExecute") == "yes":
        libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)
    if settings.get("NoNewPrivileges") == "yes" and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        sys.exit("confined: NoNewPrivileges cannot be had")
    if allowed is not None:
        filter_calls(allowed)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
