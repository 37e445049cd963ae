"""What an administrator asks the log: who failed to log in, where did this message go, when did that session end."""
import re


def run(t, site):
    before = site.log_position()
    site.imap_verdict("alice", "wrong")
    line = site.log_line(before, "event=login-failed") or ""
    for word in ('user="alice"', "ip=127.0.0.1", "reason="):
        t.check("a failed login has " + word, word in line, line)

    before = site.log_position()
    message_id = "<where-did-it-go@there.example>"
    t.equal("a message comes in", site.deliver("nora@example.com", "traced", message_id=message_id)[0], "ok")
    line = site.log_line(before, message_id) or ""
    for word in ("nora@example.com", "friend@there.example", "ip=127.0.0.1", "size="):
        t.check("the line with its Message-ID has " + word, word in line, line)

    before = site.log_position()
    c = site.imap("alice", "Sys-Secret1")
    sid = re.search(r"sid=(\S+)", site.log_line(before, "event=login ", 'user="alice"') or "sid=none").group(1)
    c.logout()
    t.check("the end of a session has a line of its own with the login's sid", site.log_line(before, "sid=" + sid, "event=session-end"),
            site.log_since(before)[-1500:])
    t.equal("group adm can read the logs", site.run("setpriv", "--reuid", "65534", "--regid", "65534", "--groups", "4", "cat",
                                                    "/var/log/dmail/imapd.log")[0], 0)
