# STAT, LIST and UIDL count messages and octets without those marked deleted.
PROGRAM dpopd-session
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: one

1

From a@b Sat Nov 21 11:05:22 2026
Subject: two, which is longer

22

END
C: STAT
S: +OK 2 56
C: DELE 1
S: +OK ...
C: STAT
S: +OK 1 37
C: LIST
S: +OK 1 messages (37 octets)
S: 2 37
S: .
C: UIDL
S: +OK 1 unique ids (37 octets)
S: 2 $two
S: .
C: RSET
S: +OK maildrop has 2 messages (56 octets)
C: DELE 2
S: +OK ...
C: STAT
S: +OK 1 19
C: DELE 1
S: +OK ...
C: STAT
S: +OK 0 0
