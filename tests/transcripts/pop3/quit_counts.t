# What QUIT says is left: this session's messages that are still there, whoever removed the others.
PROGRAM imapd-session
MESSAGES INBOX 6
C1: a SELECT INBOX
S1: ...
S1: a OK [READ-WRITE] SELECT completed
PROGRAM dpopd-session
C2: DELE 1
S2: +OK ...
C2: DELE 2
S2: +OK ...
C3: STAT
S3: +OK 6 ...
C4: STAT
S4: +OK 6 ...
# 2 is removed by both, 3 and 4 by the other program only.
C1: b STORE 2:4 +FLAGS.SILENT (\Deleted)
S1: b OK STORE completed
C1: c EXPUNGE
S1: * 4 EXPUNGE
S1: ...
S1: c OK EXPUNGE completed
# New mail was not there for this session.
DELIVER INBOX
From new@x Sat Nov 21 12:00:00 2026
Subject: new

n

END
C2: QUIT
S2: +OK good bye, 2 messages left
S2: <END>
# Nothing deleted here, four gone.
C3: QUIT
S3: +OK good bye, 2 messages left
S3: <END>
# The whole drop file is another's.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: strange

x

END
C4: QUIT
S4: +OK good bye, 0 messages left
S4: <END>
