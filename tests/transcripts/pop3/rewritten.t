# Another program rewrites the drop file between UIDL and QUIT.
PROGRAM dpopd-session
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
C1: UIDL
S1: +OK ...
S1: 1 $one
S1: 2 $two
S1: 3 $three
S1: .
C1: DELE 2
S1: +OK ...
# "second" is gone, and the others have the lines that mutt adds.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: first
Status: O
Content-Length: 14
Lines: 1

body of first

From a@b Mon Nov 23 11:05:22 2026
Subject: third
Status: O
Content-Length: 14
Lines: 1

body of third

END
C1: QUIT
S1: +OK good bye, 2 messages left
S1: <END>
C2: UIDL
S2: +OK ...
S2: 1 $one
S2: 2 $three
S2: .
C2: RETR 2
S2: +OK 33 octets
S2: Subject: third
S2: 
S2: body of third
S2: .
C2: DELE 1
S2: +OK ...
# Other texts: what DELE meant is not there.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: strange

body of first

From a@b Mon Nov 23 11:05:22 2026
Subject: stranger

body of third

END
C2: QUIT
S2: -ERR [IN-USE] Another program changed the maildrop meanwhile; nothing is deleted. Log in again
S2: <END>
C3: UIDL
S3: +OK ...
S3: 1 $four
S3: 2 $five
S3: .
C3: LIST
S3: +OK ...
S3: 1 35
S3: 2 36
S3: .
