# Two sessions on one maildrop (P08): numbers of each stay fixed; what one removes the other is told.
PROGRAM dpopd-session
MESSAGES INBOX 3
C1: DELE 1
S1: +OK ...
C2: DELE 1
S2: +OK ...
C2: DELE 2
S2: +OK ...
C1: QUIT
S1: +OK good bye, 2 messages left
S1: <END>
C2: RSET
S2: +OK maildrop has 3 ...
C2: RETR 1
S2: -ERR the message is gone: another program removed it
C2: TOP 1 0
S2: -ERR the message is gone: another program removed it
C2: RETR 2
S2: +OK ...
S2: Subject: message 2
S2: ...
S2: .
C2: DELE 1
S2: +OK ...
C2: DELE 2
S2: +OK ...
C2: QUIT
S2: +OK good bye, 1 messages left
S2: <END>
C3: STAT
S3: +OK 1 ...
C3: TOP 1 0
S3: +OK ...
S3: Subject: message 3
S3: 
S3: .
