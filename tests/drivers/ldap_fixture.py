"""A slapd with entries as Active Directory has them, configurations of ldapauth for it, and ldapauth itself."""
import os
import shutil
import subprocess

import harness
from slapd import Slapd

harness.need("slapd")


def person(cn, password, **attributes):
    lines = ["", "dn: cn=%s,ou=Staff,dc=example,dc=com" % cn, "objectClass: inetOrgPerson", "objectClass: mailUser",
             "cn: " + cn, "sn: " + cn.split()[-1], "userPassword: " + password]
    for name, values in attributes.items():
        lines += ["%s: %s" % (name, v) for v in (values if isinstance(values, list) else [values])]
    return "\n".join(lines) + "\n"


ENTRIES = """dn: dc=example,dc=com
objectClass: domain
dc: example

dn: ou=Staff,dc=example,dc=com
objectClass: organizationalUnit
ou: Staff

dn: ou=Other,dc=example,dc=com
objectClass: organizationalUnit
ou: Other

dn: cn=dmail,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: dmail
userPassword: service secret
""" + person("John (Jack) Doe", "pw of john", sAMAccountName="jdoe", userPrincipalName="jdoe@corp.local",
             mail="john.doe@example.com", proxyAddresses=["SMTP:John.Doe@example.com", "smtp:jd@example.com",
                                                          "smtp:jack@other.org", "X400:c=us"],
             userAccountControl="512") \
  + person("Full", "full", sAMAccountName="full", mailQuota="2048", mailDrop="/var/mail/full", mailForward="smtp:f@else.org",
           mailServer="mx2.example.com:993", uidNumber="1001", gidNumber="100", imapEnabled="FALSE", mail="full@example.com") \
  + person("Moved", "moved", sAMAccountName="moved", mailServer="mx2.example.com") \
  + person("Off", "off", sAMAccountName="off", userAccountControl="514") \
  + person("Twin One", "twin", sAMAccountName="twin1", mail="twin@example.com") \
  + person("Twin Two", "twin", sAMAccountName="twin2", mail="twin@example.com") \
  + person("Bad Quota", "x", sAMAccountName="badquota", mailQuota="a lot") \
  + person("Two Forwards", "x", sAMAccountName="twofwd", mailForward=["a@x.org", "b@x.org"]) \
  + person("Key", "own password", sAMAccountName="key", seeAlso="cn=Lock,ou=Staff,dc=example,dc=com") \
  + person("Lock", "lock password", sAMAccountName="lock") \
  + person("Star", "star", sAMAccountName="a*b(c)", mail="star@example.com") \
  + "\ndn: cn=Nopassword,ou=Staff,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: mailUser\n" \
    "cn: Nopassword\nsn: x\nsAMAccountName: nopassword\n"
server = Slapd(ENTRIES + "\ndn: cn=far,ou=Other,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: mailUser\ncn: far\n"
               "sn: far\nsAMAccountName: far\nuserPassword: far\n")
work = harness.scratch("dmail-ldap.")


def give_to_modules(path):
    if os.geteuid() == 0:
        os.chown(path, harness.MODULES, harness.MODULES)


with open(work + "/secret", "w") as f:
    f.write("service secret\n")
os.chmod(work + "/secret", 0o600)
give_to_modules(work + "/secret")
give_to_modules(work)

BASE = """base ou=Staff,dc=example,dc=com
bind_dn cn=dmail,dc=example,dc=com
bind_password_file {0}/secret
login_filter (|(sAMAccountName=%n)(userPrincipalName=%u))
address_filter (|(mail=%n@%d)(proxyAddresses=smtp:%n@%d))
domain example.com
netbios CORP example.com
account_attribute sAMAccountName
mail_attribute mail
proxy_attribute proxyAddresses
quota_attribute mailQuota
path_attribute mailDrop
forward_attribute mailForward
uid_attribute uidNumber
gid_attribute gidNumber
host_attribute mailServer
disabled userAccountControl 2
switch imap imapEnabled
""".format(work)
numbers = iter(range(1000))  # of configuration files


def configuration(uri=None, more="", base=BASE, drop=()):
    path = "%s/%d.conf" % (work, next(numbers))
    lines = [l for l in base.splitlines() if l.split()[0] not in drop]
    with open(path, "w") as f:
        f.write("uri %s\n%s\n%s" % (uri or "ldap://127.0.0.1:%d" % server.port, "\n".join(lines), more))
    return path


class Module:
    def __init__(self, path, *options):
        self.p = subprocess.Popen([harness.program("ldapauth"), "-config", path, *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self, line):
        self.p.stdin.write(line.encode("latin-1") + b"\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().decode().rstrip("\n")

    def end(self):
        self.p.stdin.close()
        self.p.wait(30)
        return self.p.stderr.read().decode()


def once(path, line, *options):
    m = Module(path, *options)
    answer = m.ask(line)
    m.end()
    return answer


ordinary = configuration()
ad = '+OK %s config 0%s mail="John.Doe@example.com"'
full = ('+OK full /var/mail/full 1001 gid="100" quota="2048" fwd="f@else.org" host="mx2.example.com:993" '
        'mail="full@example.com" imap="no"')
