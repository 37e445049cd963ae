# A lock file that somebody made a link of (reliability F11): never written through; other mailboxes work.
SETTING lock_timeout 1
MESSAGES INBOX 1
LINK joe.lock {dir}/victim
C: a SELECT INBOX
S: ...
C: b APPEND INBOX {10+}
C: Subject: x
S: b NO [INUSE] ...
ABSENT victim
C: c CREATE other
S: c OK CREATE completed
