# The drop file is another one when QUIT comes: -ERR, the connection ends, nothing is removed (RFC 1939 section 6).
PROGRAM dpopd-session
SETTING lock_timeout 1
MESSAGES INBOX 2
C: DELE 1
S: +OK ...
FILE joe
this is no mail
END
C: QUIT
S: -ERR ...
S: <END>
HOLDS joe this is no mail\n
