# The client goes away in the middle of RETR and of LIST (P04): the next one finds everything.
PROGRAM dpopd-session
MESSAGES INBOX 2000
REPEAT 20 LIST\r\nRETR 7\r\n
CLOSE 
C2: STAT
S2: +OK 2000 ...
C2: QUIT
S2: +OK good bye, 2000 messages left
S2: <END>
