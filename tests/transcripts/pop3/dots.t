# Lines of dots arrive as they were sent, and no line ends the message early (P09).
PROGRAM dpopd-session
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
Subject: dots

.
..
...
a.
.QUIT

.
END
C: RETR 1
S: +OK ... octets
S: Subject: dots
S: 
S: ..
S: ..$dot
S: ..$dot$dot
S: a.
S: ..QUIT
S: 
S: ..
S: .
C: TOP 1 1
S: +OK ...
S: Subject: dots
S: 
S: ..
S: .
C: NOOP
S: +OK ...
