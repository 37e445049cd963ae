"""An MIT Kerberos realm of our own: a KDC on a free port of loopback, with its files in one directory."""
import os
import socket
import subprocess
import time

import harness
from harness import run

REALM = "DMAIL.TEST"


class Kdc:
    def __init__(self, principals, services):
        """`principals`: {name: password}; `services`: names such as imap/localhost, whose keys go to `keytab`."""
        self.dir = harness.scratch("dmail-kdc.")
        self.keytab = self.dir + "/keytab"
        port = harness.free_port()
        self.environment = {"KRB5_CONFIG": self.dir + "/krb5.conf", "KRB5_KDC_PROFILE": self.dir + "/kdc.conf"}
        plugins = os.path.dirname(os.path.dirname(harness.of_package("/usr/lib/*/krb5/plugins/kdb/db2.so")))
        with open(self.dir + "/krb5.conf", "w") as f:
            f.write("[libdefaults]\n default_realm = %s\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n"
                    " dns_canonicalize_hostname = false\n udp_preference_limit = 1\n plugin_base_dir = %s\n[realms]\n %s = {\n  kdc = 127.0.0.1:%d\n }\n"
                    "[domain_realm]\n localhost = %s\n dmail.test = %s\n" % (REALM, plugins, REALM, port, REALM, REALM))
        with open(self.dir + "/kdc.conf", "w") as f:
            f.write("[kdcdefaults]\n kdc_listen = 127.0.0.1:%d\n kdc_tcp_listen = 127.0.0.1:%d\n[realms]\n %s = {\n  database_name = %s/principal\n"
                    "  key_stash_file = %s/stash\n  acl_file = %s/acl\n }\n[logging]\n kdc = FILE:%s/log\n" % (port, port, REALM, *[self.dir] * 4))
        self.must(["kdb5_util", "create", "-s", "-r", REALM, "-P", "master key"])
        for name, password in principals.items():
            self.must(["kadmin.local", "-r", REALM, "-q", "addprinc -pw %s %s" % (password, name)])
        for name in services:
            self.must(["kadmin.local", "-r", REALM, "-q", "addprinc -randkey " + name])
            self.must(["kadmin.local", "-r", REALM, "-q", "ktadd -k %s %s" % (self.keytab, name)])
        self.process = subprocess.Popen(["krb5kdc", "-n", "-r", REALM, "-P", self.dir + "/pid"], env=dict(os.environ, **self.environment),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(2000):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the KDC does not start: " + open(self.dir + "/log").read()[-2000:])

    def must(self, argv):
        status, out, err = run(argv, env=self.environment)
        if status:
            raise SystemExit("%s: %s" % (argv, out + err))

    def ticket(self, name, password):
        """A file of credentials, got with the password; its path is for KRB5CCNAME."""
        path = "%s/ccache.%s" % (self.dir, name.replace("/", "_"))
        status, out, err = run(["kinit", "-c", path, name], (password + "\n").encode(), env=self.environment)
        return path if status == 0 else None

    def stop(self):
        self.process.terminate()
        self.process.wait()
