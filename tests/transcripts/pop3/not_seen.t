# add_status false: reading by POP leaves no mark.
PROGRAM dpopd-session
SETTING add_status false
MESSAGES INBOX 1
C1: RETR 1
S1: +OK ...
S1: ...
S1: .
C1: QUIT
S1: +OK ...
S1: <END>
PROGRAM imapd-session
C2: a STATUS INBOX (MESSAGES UNSEEN)
S2: * STATUS INBOX (MESSAGES 1 UNSEEN 1)
S2: a OK STATUS completed
