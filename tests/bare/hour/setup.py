"""make install and what its "next:" list says: a certificate, users of three kinds, a look by dmconf."""
import re

import mailhost

# kind -> (login name, password, mail address, where the drop file lies below the spool)
USERS = {
    "system": ("alice", "Sys-Secret1", "alice@example.com"),
    "nwauth": ("nora", "Own-Secret2", "nora@example.com"),
    "vdomain": ("vic@virt.example", "Virt-Secret3", "vic@virt.example"),
}

def install(t, site):
    status, out = site.run("make", "-s", "install", cwd=mailhost.TREE)
    if not t.equal("make install", status, 0):
        print(out[-3000:])
        raise SystemExit(1)
    t.check("make install says what is left to do", "next:" in out and "dmconf check" in out, out)
    accounts = site.sh("getent passwd dmail dmaillog dmailauth dmailmod | cut -d: -f1").split()
    t.equal("it makes the four accounts", accounts, ["dmail", "dmaillog", "dmailauth", "dmailmod"])


def certificate(t, site):
    """The openssl line of imapd(8), as it stands there."""
    command = re.search(r"^openssl req -x509.*\\\n.*$", site.manual("imapd.8"), re.M).group(0)
    t.equal("imapd(8)'s openssl lines make a certificate", site.run("sh", "-c", "cd /etc/ssl && " + command)[0], 0)
    site.sh("mv /etc/ssl/mail.key /etc/ssl/private/mail.key; chmod 600 /etc/ssl/private/mail.key")


def users(t, site):
    """A user of the system, one of nwauth's, one of a virtual domain with a passwd file."""
    site.sh("useradd -m alice; useradd -m joe; printf 'alice:Sys-Secret1\\njoe:Sys-Secret4\\n' | chpasswd")
    site.sh("cp -n %s/pam.d/* /etc/pam.d" % mailhost.DOCS)
    status, out = site.run("nwauth", "-path", "/var/lib/dmail/nwauth", "set", "nora", "-", input=b"Own-Secret2\n")
    t.equal("nwauth set", status, 0) or print(out)
    site.sh("mkdir -p /etc/dmail; echo \"vic:$(echo Virt-Secret3 | openssl passwd -6 -stdin)\" >/etc/dmail/virt.passwd; chmod 600 /etc/dmail/virt.passwd")


def settings(t, site):
    def change(text):
        text = text.replace("host_domain " + text.split("host_domain ")[1].split("\n")[0], "host_domain example.com")
        text = text.replace("#tls_certificate", "tls_certificate").replace("#tls_key", "tls_key")
        text += "sysadmin joe@example.com\n"
        return text + "vdomain v_ @virt.example virt.example %s\nvdomain_passwd virt.example /etc/dmail/virt.passwd\n" % mailhost.SPOOL
    site.conf(change)
    all_sources(t, site)
    t.equal("dmconf check finds nothing after the steps of the manual", site.run("dmconf", "check"), (0, ""))
    t.equal("dmconf host neither", site.host_is_content(), (0, []))


def all_sources(t, site):
    """Users of PAM and of nwauth on one host: multiauth(8)'s example, and authpool(8)'s lines for a host without systemd."""
    example = site.manual("multiauth.8").split("multiauth.conf", 1)[1]
    conf = re.search(r"^module 10\n    binary unix:\S+\n(?:.+\n)+?(?=\.)", example, re.M).group(0)
    site.host.write("/usr/local/etc/multiauth.conf", conf)
    site.conf(lambda text: text.replace("authent_method unix_user", "authent_method external\nauthent_process %s/multiauth" % mailhost.LIBEXEC, 1))
    lines = re.search(r"^install -d -m 755 /run/dmail-pam\nauthpool (?:.*\\\n)*.*\n", site.manual("authpool.8"), re.M).group(0)
    site.start("sh", "-ec", lines)
    mailhost.wait_for(lambda: site.run("test", "-S", "/run/dmail-pam/socket")[0] == 0, 30, "authpool does not listen")


def run(t, site):
    install(t, site)
    certificate(t, site)
    users(t, site)
    settings(t, site)
