# Another program holds the mailbox when QUIT comes: -ERR [IN-USE] after lock_timeout, and the message is still there.
PROGRAM dpopd-session
SETTING lock_timeout 1
MESSAGES INBOX 2
C1: UIDL 1
S1: +OK 1 $id
C1: DELE 1
S1: +OK ...
FILE joe.lock
1
END
C1: QUIT
S1: -ERR [IN-USE] ...
S1: <END>
C2: UIDL 1
S2: +OK 1 $id
C2: STAT
S2: +OK 2 ...
