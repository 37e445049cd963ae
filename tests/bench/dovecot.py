"""A private Dovecot (Debian's, installed or only unpacked) beside dmail: one account a mailbox format, on loopback, as root."""
import os
import pwd
import shutil
import socket
import subprocess
import time

FORMATS = {"maildir": "maildir:%s/Maildir", "mbox": "mbox:%s/mail:INBOX=%s/inbox", "sdbox": "sdbox:%s/sdbox", "mdbox": "mdbox:%s/mdbox"}
UID = 63050


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def user_of_dovecot(name, instead):
    """Where the package was only unpacked its accounts are missing."""
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return instead


class Dovecot:
    def __init__(self, directory):
        self.dir = directory
        self.port = free_port()
        self.tls_port = free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-keyout", directory + "/dovecot.key", "-out", directory + "/dovecot.pem", "-subj", "/CN=localhost"],
                       check=True, stderr=subprocess.DEVNULL)
        users = []
        for name, location in FORMATS.items():
            home = "%s/home/%s" % (directory, name)
            os.makedirs(home)
            os.chown(home, UID, UID)
            users.append("%s:{PLAIN}pw:%d:%d::%s::userdb_mail=%s" % (name, UID, UID, home, location.replace("%s", home)))
        with open(directory + "/users", "w") as f:
            f.write("\n".join(users) + "\n")
        with open(directory + "/conf", "w") as f:
            f.write("""protocols = imap
base_dir = %(d)s/run
state_dir = %(d)s/state
log_path = %(d)s/log
default_internal_user = %(i)s
default_internal_group = %(i)s
default_login_user = %(l)s
ssl = yes
ssl_cert = <%(d)s/dovecot.pem
ssl_key = <%(d)s/dovecot.key
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mbox_write_locks = fcntl
mail_max_userip_connections = 0
default_process_limit = 1000
default_client_limit = 4000
passdb {
  driver = passwd-file
  args = %(d)s/users
}
userdb {
  driver = passwd-file
  args = %(d)s/users
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    address = 127.0.0.1
    port = %(p)d
  }
  inet_listener imaps {
    address = 127.0.0.1
    port = %(t)d
    ssl = yes
  }
  process_limit = 1000
}
service imap {
  process_limit = 1000
}
""" % {"d": directory, "p": self.port, "t": self.tls_port, "i": user_of_dovecot("dovecot", "daemon"),
       "l": user_of_dovecot("dovenull", "nobody")})
        self.process = subprocess.Popen(["dovecot", "-F", "-c", directory + "/conf"], stdin=subprocess.DEVNULL,
                                        stdout=open(directory + "/out", "wb"), stderr=subprocess.STDOUT)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def put_mbox(self, source, name):
        """The same mail as a folder of the mbox account; the others get theirs by COPYing through `doveadm import`."""
        home = self.dir + "/home/mbox/mail"
        os.makedirs(home, exist_ok=True)
        os.chown(home, UID, UID)
        shutil.copyfile(source, home + "/" + name)
        os.chown(home + "/" + name, UID, UID)
        for user in FORMATS:
            if user != "mbox":
                # by uid and home, so that the source is readable for it
                subprocess.run(["doveadm", "-c", self.dir + "/conf", "import", "-u", user, "mbox:%s" % home, "", "mailbox", name],
                               check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
