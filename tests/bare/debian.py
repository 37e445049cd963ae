"""A bare Debian 12 of our own: a directory, its own processes, mounts and network, gone when we end.

    with Debian("newcomer", ["git", "make", "g++"]) as host:
        host.run("apt-get", "update")

The system is made by mmdebstrap from the archive that this machine's apt uses, and kept as a tar file in
BUILD/bare, so that only the first run downloads it.  Everything runs in namespaces whose first process
reads our pipe: when we end, however we end, the kernel ends its processes and takes its mounts away.
"""
import atexit
import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

RELEASE = "bookworm"
KEEP = os.environ.get("DMAIL_BARE_DIR") or os.path.join(harness.BUILD, "bare")

# Its bash is the first process: it reaps what is left over, and ends at the end of its input.
FIRST_PROCESS = r"""
set -e
read -r pid rest </proc/self/stat
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/run"
mkdir -m 1777 "$root/run/lock"
for pair; do
  mkdir -p "$root${pair#*:}"
  mount --bind "${pair%%:*}" "$root${pair#*:}"
  mount -o remount,bind,ro "$root${pair#*:}"
done
if [ -n "$OWN_NETWORK" ]; then ip link set lo up; fi
echo "$pid"
exec chroot "$root" /bin/bash -c 'while read -r line; do :; done'
"""


def need_tools():
    """Ends as skipped, by name, where this machine cannot hold a system of its own."""
    if os.geteuid() != 0:
        print("skipped: root is needed for a chroot")
        sys.exit(77)
    harness.need("mmdebstrap", "unshare", "nsenter", "ip", "git")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if probe.returncode != 0:
        print("skipped: no namespaces of our own here: " + probe.stdout.decode("utf-8", "replace").strip())
        sys.exit(77)


def host_sources():
    """The lines of this machine's apt that name Debian's own archive of RELEASE; None when it has none."""
    lines = []
    folder = "/etc/apt/sources.list.d"
    files = ["/etc/apt/sources.list"] + [os.path.join(folder, n) for n in sorted(os.listdir(folder))]
    for path in files:
        if not os.path.isfile(path):
            continue
        with open(path, errors="replace") as f:
            text = f.read()
        if path.endswith(".sources"):
            for stanza in re.split(r"\n\s*\n", text):
                fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.M))
                if fields.get("Enabled", "yes") != "no":
                    lines += ["deb %s %s main" % (uri, suite) for uri in fields.get("URIs", "").split()
                              for suite in fields.get("Suites", "").split()]
        elif path.endswith(".list"):
            lines += ["deb %s %s main" % m for m in re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b", text, re.M)]
    ours = [l for l in lines if re.search(r"/debian(-security)?/? %s(-updates|-security)? main$" % RELEASE, l)]
    return ours or None


def host_apt_settings():
    """How this machine's apt reaches the archive: proxies, time checks."""
    out = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE).stdout.decode()
    return [l for l in out.splitlines() if re.match(r'Acquire::(https?|Check|Max|Retries)[^ ]* "[^"]+"', l)]


def base(name, packages, waiting=()):
    """The tar file of a bare system with `packages`, made when it is not there yet.  The packages of `waiting` lie
    in its /var/cache/apt/archives, for apt-get install --no-download."""
    sources, settings = host_sources(), host_apt_settings()
    recipe = hashlib.sha256(repr((RELEASE, sorted(packages), sorted(waiting), sources, settings)).encode()).hexdigest()[:12]
    path = os.path.join(KEEP, "%s-%s.tar" % (name, recipe))
    if os.path.exists(path):
        return path
    os.makedirs(KEEP, exist_ok=True)
    for old in os.listdir(KEEP):
        if re.fullmatch(re.escape(name) + r"-[0-9a-f]{12}\.tar", old):
            os.unlink(os.path.join(KEEP, old))
    print("making a bare Debian (%s) with %s; it is kept in %s" % (RELEASE, " ".join(packages), path))
    sys.stdout.flush()
    argv = ["mmdebstrap", "--quiet", "--variant=apt", "--format=tar", "--include=" + ",".join(packages)]
    if waiting:
        argv += ["--skip=cleanup/apt", '--customize-hook=chroot "$1" apt-get -q -y --download-only install ' + " ".join(waiting)]
    argv += ["--aptopt=" + line for line in settings] + [RELEASE, path + ".new"] + (sources or [])
    made = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        print(made.stdout.decode("utf-8", "replace")[-4000:])
        raise SystemExit("mmdebstrap could not make the system")
    # A half-made file never has the final name.
    os.rename(path + ".new", path)
    return path


def copy(source, target):
    """A second name where that is possible; package files are never changed in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target + ".new")
        os.rename(target + ".new", target)


class Broken(Exception):
    """A step of the preparation failed: without it the rest means nothing."""


class Debian:
    def __init__(self, name, packages, own_network=False, binds=(), waiting=()):
        """`binds`: pairs HERE:THERE, seen read-only in the system.  `waiting`: packages for later, see base()."""
        need_tools()
        tar = base(name, packages, waiting)
        self.top = tempfile.mkdtemp(prefix="dmail-bare.", dir=os.environ.get("TMPDIR", "/tmp"))
        self.root = os.path.join(self.top, "root")
        self.holder = None
        self.outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        atexit.register(self.remove)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        os.mkdir(self.root)
        subprocess.run(["tar", "-xf", tar, "-C", self.root, "--numeric-owner"], check=True)
        self.borrow()
        # Installation scripts start nothing where no runlevel is known; on a host that was booted they would.
        self.write("/sbin/runlevel", "#!/bin/sh\necho N 2\n", 0o755)
        env = dict(os.environ, OWN_NETWORK="1" if own_network else "")
        argv = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"] + (["--net"] if own_network else [])
        self.holder = subprocess.Popen(argv + ["bash", "-c", FIRST_PROCESS, "first", self.root, *binds],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        word = self.holder.stdout.readline().strip()
        if not word.isdigit():
            raise SystemExit("the system did not start")
        self.pid = word.decode()
        if own_network:
            self.run("hostname", "mail.example.com")

    def borrow(self):
        """What lets its apt reach the archive as ours does."""
        for path in ("/etc/resolv.conf", "/etc/hosts", "/etc/apt/auth.conf"):
            if os.path.exists(path):
                shutil.copyfile(path, self.root + path)
        for n in os.listdir("/etc/apt/auth.conf.d"):
            shutil.copy("/etc/apt/auth.conf.d/" + n, self.root + "/etc/apt/auth.conf.d/" + n)
        if any(" https:" in l for l in host_sources() or []) and os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
            shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", self.root + "/etc/apt/archive-ca.crt")
            self.write("/etc/apt/apt.conf.d/99archive-ca", 'Acquire::https::CAInfo "/etc/apt/archive-ca.crt";\n')

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.remove()

    def argv(self, *words, outside_network=False):
        """The command line that runs `words` as root inside; with our network where packages are fetched."""
        proxies = ["%s=%s" % (n, v) for n, v in os.environ.items() if n.lower() in ("http_proxy", "https_proxy", "no_proxy")]
        clean = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                 "TERM=dumb", *proxies]
        network = "-n/proc/%d/fd/%d" % (os.getpid(), self.outside) if outside_network else "-n"
        return ["nsenter", "-t", self.pid, "-m", "-u", "-i", network, "-p", "-r", "-w", "--", *clean, *words]

    def run(self, *words, input=b"", timeout=600, cwd=None, outside_network=False):
        """(exit status, what it printed on both channels) of a command inside."""
        if cwd:
            words = ("sh", "-c", 'cd "$0" && exec "$@"', cwd, *words)
        p = subprocess.run(self.argv(*words, outside_network=outside_network), input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        return p.returncode, p.stdout.decode("utf-8", "replace")

    def must(self, *words, **how):
        """The same for a step of the preparation, which cannot fail."""
        status, out = self.run(*words, **how)
        if status != 0:
            raise Broken("in the bare system: %s: exit status %d\n%s" % (" ".join(words)[:300], status, out[-4000:]))
        return out

    def start(self, *words, **how):
        """A process inside that goes on beside us."""
        return subprocess.Popen(self.argv(*words), **how)

    def join_network(self):
        """From here on this process's own sockets are on the system's network."""
        with open("/proc/%s/ns/net" % self.pid) as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def mount_tmpfs(self, inside, options):
        """A small disk; the smallest Debian has no mount(8), so ours makes it there."""
        subprocess.run(["nsenter", "-t", self.pid, "-m", "--", "mount", "-t", "tmpfs", "-o", options, "tmpfs", self.root + inside],
                       check=True)

    def unmount(self, inside):
        subprocess.run(["nsenter", "-t", self.pid, "-m", "--", "umount", "-l", self.root + inside], check=True)

    def path(self, inside):
        return self.root + inside

    def write(self, path, text, mode=0o644):
        with open(self.root + path, "w") as f:
            f.write(text)
        os.chmod(self.root + path, mode)

    def read(self, path):
        with open(self.root + path, errors="replace") as f:
            return f.read()

    def processes(self):
        """Names of the processes inside, without the first one and the one that looks."""
        out = self.must("sh", "-c", 'for p in /proc/[0-9]*; do n=${p#/proc/}; [ $n = 1 ] || [ $n = $$ ] || cat $p/comm 2>/dev/null; done; true')
        return sorted(n for n in out.split("\n") if n and n not in ("cat", "sh"))

    def copy_tree(self, inside):
        """The tree with what is built, as it is; without what was unpacked beside it."""
        os.makedirs(self.root + inside)
        leave = ["--exclude=./.git", "--exclude=./build-*", "--exclude=./%s/bare" % os.path.relpath(harness.BUILD, harness.ROOT)]
        read = subprocess.Popen(["tar", "-C", harness.ROOT, *leave, "-cf", "-", "."], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-C", self.root + inside, "-xf", "-"], stdin=read.stdout, check=True)
        if read.wait() != 0:
            raise Broken("the tree could not be copied")

    def lend_packages(self):
        """Package files that earlier runs fetched, so that only the first run of a machine waits for the archive."""
        for n in os.listdir(os.path.join(KEEP, "archives")) if os.path.isdir(os.path.join(KEEP, "archives")) else []:
            copy(os.path.join(KEEP, "archives", n), self.root + "/var/cache/apt/archives/" + n)

    def keep_packages(self):
        os.makedirs(os.path.join(KEEP, "archives"), exist_ok=True)
        for n in os.listdir(self.root + "/var/cache/apt/archives"):
            if n.endswith(".deb") and not os.path.exists(os.path.join(KEEP, "archives", n)):
                copy(self.root + "/var/cache/apt/archives/" + n, os.path.join(KEEP, "archives", n))

    def remove(self):
        if self.holder is not None:
            self.holder.stdin.close()
            try:
                self.holder.wait(20)
            except subprocess.TimeoutExpired:
                self.holder.kill()
                self.holder.wait()
            self.holder = None
        if os.environ.get("DMAIL_KEEP"):
            return
        shutil.rmtree(self.top, ignore_errors=True)
