# The twentieth bad command in a row ends the connection; deletions do not happen.
PROGRAM dpopd-session
MESSAGES INBOX 1
C: DELE 1
S: +OK ...
REPEAT 19 junk\r\n
S: ...
C: NOOP
S: +OK nothing done
REPEAT 19 RETR x\r\n
S: ...
# A message that is not there is no bad command.
C: LIST 7
S: -ERR there is no message 7; the maildrop has 1
REPEAT 20 junk\r\n
S: -ERR unknown command; ...
S: ...
S: -ERR too many bad commands; good bye
S: <END>
C2: STAT
S2: +OK 1 ...
