# RFC 2449 section 4: a command line has 255 octets with its CRLF, none more.
PROGRAM dpopd-session
MESSAGES INBOX 1
R: LIST 1
REPEAT 247 \x20
R: \r\n
S: +OK 1 ...
R: LIST 1
REPEAT 248 \x20
R: \r\n
S: -ERR the line is too long
C: NOOP
S: +OK nothing done
