# Numbers that are none, or too large, or of a deleted message (P06).
PROGRAM dpopd-session
MESSAGES INBOX 2
C: RETR -1
S: -ERR that is no message number
C: RETR 0
S: -ERR there is no message 0; the maildrop has 2
C: RETR 3
S: -ERR there is no message 3; the maildrop has 2
C: RETR 4294967295
S: -ERR there is no message 4294967295; the maildrop has 2
C: RETR 4294967297
S: -ERR that is no message number
C: RETR 18446744073709551617
S: -ERR that is no message number
C: RETR 1x
S: -ERR that is no message number
C: RETR +1
S: -ERR that is no message number
C: TOP 1 -1
S: -ERR the number of lines is no number
C: TOP 1 99999999999
S: +OK top of message follows
S: Subject: message 1
S: 
S: body 1
S: .
C: TOP 1 99999999999999999999999999
S: -ERR the number of lines is no number
C: TOP 9 1
S: -ERR there is no message 9; the maildrop has 2
C: DELE 1
S: +OK message 1 deleted
C: DELE 1
S: -ERR message 1 is deleted; RSET brings it back
C: RETR 1
S: -ERR message 1 is deleted; RSET brings it back
C: TOP 1 0
S: -ERR message 1 is deleted; RSET brings it back
C: LIST 1
S: -ERR message 1 is deleted; RSET brings it back
C: UIDL 1
S: -ERR message 1 is deleted; RSET brings it back
C: QUIT
S: +OK good bye, 1 messages left
S: <END>
