"""make uninstall: programs and pages go, mail, users and dmail.conf stay, and it says so."""
import mailhost
from spool_mistakes import drop_file


def run(t, site):
    drop = drop_file(site, "alice")
    site.end_serving()
    mail = site.mail_files()
    status, out = site.run("make", "-s", "uninstall", cwd=mailhost.TREE)
    t.equal("make uninstall", status, 0) or print(out)
    for path in (mailhost.LIBEXEC, "/usr/local/sbin/dmconf", "/usr/local/sbin/nwauth", "/usr/local/share/man/man8/imapd.8", mailhost.DOCS):
        t.check(path + " is gone", site.run("test", "-e", path)[0] == 1)
    for path in (mailhost.CONF, mailhost.SPOOL, "/var/lib/dmail", "/var/log/dmail"):
        t.check(path + " stays", site.run("test", "-e", path)[0] == 0)
        t.check("and make uninstall says so", path in out, out)
    t.equal("no mail is touched", site.mail_files(), mail)
    t.check("alice's mail is there", site.run("test", "-s", drop)[0] == 0)
