"""One mistake, and what the four places say where an administrator or a user would look."""
import re


class Mistake:
    """`check` and `host`: words that `dmconf check` and `dmconf host` print together with exit status 1; None: not
    asked about; "": nothing to be found there.  `log`: words of one line with level=error, when a client came.
    `imap` and `smtp`: what a login and a delivery of alice come to."""

    def __init__(self, name, check=None, host=None, log=None, imap="temporary", smtp="temporary"):
        self.name, self.check, self.host, self.log, self.imap, self.smtp = name, check, host, log, imap, smtp


def command_says(t, site, name, command, words):
    if words is None:
        return
    status, out = site.run("dmconf", command)
    if words == "":
        t.equal("%s: dmconf %s is content" % (name, command), (status, out), (0, ""))
    else:
        line = next((l for l in out.splitlines() if all(re.search(w, l) for w in words)), None)
        t.check("%s: dmconf %s says so in one line" % (name, command), status == 1 and line, (status, out, words))


def judge(t, site, m):
    """With the mistake made: all four places, and that no mail went or came into being anywhere else."""
    command_says(t, site, m.name, "check", m.check)
    command_says(t, site, m.name, "host", m.host)
    before, files = site.log_position(), site.mail_files()
    if m.imap:
        verdict, words = site.imap_verdict("alice", "Sys-Secret1", starttls=not m.name.startswith("certificate"))
        t.equal("%s: a login's answer (%s)" % (m.name, words), verdict, m.imap)
    if m.smtp:
        verdict, words = site.deliver("alice@example.com", m.name)
        t.equal("%s: a delivery's answer (%s)" % (m.name, words), verdict, m.smtp)
    if m.log is not None:
        t.check("%s: the log says so in one line with level=error" % m.name, site.log_line(before, "level=error", *m.log),
                site.log_since(before)[-1500:])
    if m.smtp != "ok":
        t.equal("%s: no mail is moved, made or lost" % m.name, differences(files, site.mail_files()), [])


def differences(before, after):
    return sorted(p for p in set(before) | set(after) if before.get(p) != after.get(p) and not p.endswith(".index"))
