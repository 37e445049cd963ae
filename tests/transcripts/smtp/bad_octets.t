# NUL, CR and a bare LF in commands: what another server might read as two lines, or as a shorter one.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
C: EHLO c
S: ...
S: 250 HELP
R: NOOP \x00\r\n
S: 500 5.5.2 Bad byte in a command
R: NO\x00OP\r\n
S: 500 5.5.2 Bad byte in a command
R: NOOP a\rRSET\r\n
S: 500 5.5.2 Bad byte in a command
R: NOOP\r\r\n
S: 500 5.5.2 Bad byte in a command
R: NOOP\n
S: 500 5.5.2 End lines with CR LF
R: MAIL FROM:<s@x.example>\x00\r\n
S: 500 5.5.2 Bad byte in a command
R: MAIL FROM:<s@x.example>\rRCPT TO:<bob@host.example>\r\n
S: 500 5.5.2 Bad byte in a command
R: MAIL FROM:<s@x.example>\nRCPT TO:<bob@host.example>\r\n
S: 500 5.5.2 End lines with CR LF
S: 503 5.5.1 Need MAIL first
R: MAIL FROM:<"s\x01"@x.example>\r\n
S: 501 5.1.3 Bad byte in an address
R: MAIL FROM:<"s\xe9"@x.example>\r\n
S: 501 5.1.3 Bad byte in an address
C: NOOP
S: 250 ...
