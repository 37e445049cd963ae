# Another program puts the messages into another order: UIDs cannot all stay, and what DELE meant is not sure.
PROGRAM dpopd-session
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: first

body of first

From a@b Sun Nov 22 11:05:22 2026
Subject: second

body of second

END
C1: UIDL
S1: +OK ...
S1: 1 $one
S1: 2 $two
S1: .
C1: DELE 2
S1: +OK ...
MAILBOX INBOX
From a@b Sun Nov 22 11:05:22 2026
Subject: second

body of second

From a@b Sat Nov 21 11:05:22 2026
Subject: first

body of first

END
C1: QUIT
S1: -ERR [IN-USE] Another program changed the maildrop meanwhile; nothing is deleted. Log in again
S1: <END>
C2: UIDL
S2: +OK 2 ...
S2: 1 $two
S2: 2 $three
S2: .
