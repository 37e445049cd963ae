# Headers are neither format strings nor ids (P02, F02): X-UIDL, X-UID and Status of the sender change nothing.
PROGRAM dpopd-session
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
X-UIDL: %n%n
From: %s%s
Subject: one

text
END
C1: UIDL 1
S1: +OK 1 $id
C1: TOP 1 0
S1: +OK ...
S1: X-UIDL: %n%n
S1: From: %s%s
S1: Subject: one
S1: 
S1: .
C1: QUIT
S1: +OK ...
S1: <END>
C2: UIDL
S2: +OK ...
S2: 1 $id
S2: .
