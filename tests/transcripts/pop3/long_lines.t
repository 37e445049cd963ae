# Each command with an argument of 64 KiB, and with 10,000 blanks (P01): one -ERR each, still in step.
PROGRAM dpopd-session
MESSAGES INBOX 1
R: LIST 
REPEAT 65536 A
R: \r\nNOOP\r\n
S: -ERR the line is too long
S: +OK nothing done
R: RETR 
REPEAT 65536 A
R: \r\n
S: -ERR the line is too long
R: TOP 
REPEAT 65536 A
R: \r\n
S: -ERR the line is too long
R: UIDL 
REPEAT 65536 A
R: \r\n
S: -ERR the line is too long
R: DELE 
REPEAT 65536 A
R: \r\n
S: -ERR the line is too long
R: STAT
REPEAT 10000 \x20
R: \r\n
S: -ERR the line is too long
R: QUIT
REPEAT 65536 \x00
R: \r\n
S: -ERR the line is too long
# 255 octets with the line end are a line (RFC 2449 section 4)
R: NOOP
REPEAT 249 \x20
R: \r\n
S: +OK nothing done
C: QUIT
S: +OK ...
S: <END>
