# The folder data message that other agents keep first in an mbox (the original showed it to POP users) is no message.
PROGRAM dpopd-session
MAILBOX INBOX
From MAILER-DAEMON Sat Dec 26 09:37:48 1998
Date: Sat, 26 Dec 1998 09:37:48 +0000
From: Mail System Internal Data <MAILER-DAEMON@host>
Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA
X-IMAP: 0912345678 0000000009
Status: RO

This text is part of the internal format of your mail folder

From a@b Sat Dec 26 09:37:49 1998
Subject: real

text
END
C: STAT
S: +OK 1 ...
C: RETR 1
S: +OK ...
S: Subject: real
S: ...
S: .
