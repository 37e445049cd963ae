# Half a command behind others does not keep their answers back.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
R: NOOP\r\nNO
S: 250 ...
R: OP\r\n
S: 250 ...
C: QUIT
S: 221 ...
S: <END>
