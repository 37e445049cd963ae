# What the client sent behind PASS has been read by the login program and is obeyed in the session.
PROGRAM dpopd-session
START service pop
START command PASS
PENDING STAT\r\nLIST 1\r\nNO
MESSAGES INBOX 1
S: +OK burst ok joe has 1 msgs
S: +OK 1 ...
S: +OK 1 ...
R: OP\r\n
S: +OK nothing done
C: QUIT
S: +OK ...
S: <END>
