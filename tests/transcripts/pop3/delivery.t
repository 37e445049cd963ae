# Mail that arrives during a session (P08): not seen in it, not touched by its QUIT.
PROGRAM dpopd-session
MESSAGES INBOX 2
C1: DELE 1
S1: +OK ...
DELIVER INBOX
From bob@example.org Mon Jan 04 10:00:00 1999
Subject: late

text

END
C1: STAT
S1: +OK 1 ...
C1: RETR 3
S1: -ERR there is no message 3; the maildrop has 2
C1: RETR 2
S1: +OK ...
S1: Subject: message 2
S1: 
S1: body 2
S1: .
C1: QUIT
S1: +OK good bye, 1 messages left
S1: <END>
C2: STAT
S2: +OK 2 ...
C2: RETR 1
S2: +OK ...
S2: Subject: message 2
S2: ...
S2: .
C2: RETR 2
S2: +OK ...
S2: Subject: late
S2: 
S2: text
S2: .
