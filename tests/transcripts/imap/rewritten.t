# Another mail program saves the drop file: Status, Content-Length and Lines come and go, a message goes.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: first

body of first

From a@b Sun Nov 22 11:05:22 2026
Subject: second

body of second

From a@b Mon Nov 23 11:05:22 2026
Subject: third

body of third

END
C: a SELECT INBOX
S: ...
S: * OK [UIDVALIDITY $validity] ...
S: ...
S: a OK ...
C: b FETCH 1:* (UID RFC822.SIZE)
S: * 1 FETCH (UID 1 RFC822.SIZE 33)
S: * 2 FETCH (UID 2 RFC822.SIZE 35)
S: * 3 FETCH (UID 3 RFC822.SIZE 33)
S: b OK ...
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: first
Status: O
Content-Length: 14
Lines: 1

body of first

From a@b Mon Nov 23 11:05:22 2026
Subject: third
Status: RO
X-Status: F
Content-Length: 14
Lines: 1

body of third

END
# The one that went is number 2, and UID 2 names nothing.
C: c NOOP
S: * 2 EXPUNGE
S: ...
S: c OK ...
C: d UID STORE 2 +FLAGS (\Deleted)
S: d OK ...
C: e UID EXPUNGE 2
S: e OK ...
C: f FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])
S: * 1 FETCH (UID 1 FLAGS (...) RFC822.SIZE 33 BODY[] {33}
S: Subject: first
S: 
S: body of first
S: )
S: * 2 FETCH (UID 3 FLAGS (\Recent \Flagged \Seen) RFC822.SIZE 33 BODY[] {33}
S: Subject: third
S: 
S: body of third
S: )
S: f OK ...
C: g STATUS INBOX (UIDVALIDITY UIDNEXT)
S: * STATUS INBOX (UIDVALIDITY $validity UIDNEXT 4)
S: g OK ...
