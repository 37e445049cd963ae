# Lines that are no commands (P01, P02, P04): an error each, and the next command is understood.
PROGRAM dpopd-session
MESSAGES INBOX 1
C: :
S: -ERR unknown command; ...
C: 
S: -ERR no command
C: XYZZY 1
S: -ERR unknown command; ...
C: RETR
S: -ERR RETR: wrong number of arguments
C: RETR 1 2
S: -ERR RETR: wrong number of arguments
C: STAT now
S: -ERR STAT: wrong number of arguments
C: TOP 1
S: -ERR TOP: wrong number of arguments
C: QUIT now
S: -ERR QUIT: wrong number of arguments
R: RETR %n%n%s\r\n
S: -ERR that is no message number
R: LIST \x00\x01\xff\r\n
S: -ERR that is no message number
R: STAT\x00\r\n
S: -ERR unknown command; ...
# a bare LF ends a line, too; blanks do not count
R: NOOP\nRETR   1  \r\n
S: +OK nothing done
S: +OK ...
S: ...
S: .
C: STAT
S: +OK 1 ...
C: QUIT
S: +OK ...
S: <END>
