# The longest that is taken, and the first that is too long.
PROGRAM dsmtpd-session
ARGS --by-hand host.example --submission --tls --client 192.0.2.7 --set "submission_from 192.0.2.7" --set "smtp_max_errors 100"
R: EHLO 
REPEAT 256 h
R: \r\n
S: 501 5.5.4 Give your host name or [address]
R: EHLO 
REPEAT 255 h
R: \r\n
S: 250-host.example
S: ...
S: 250 HELP
# Eight parameters.
R: MAIL FROM:<s@x.example>
REPEAT 9  SIZE=1
R: \r\n
S: 501 5.5.4 Too many parameters
R: MAIL FROM:<s@x.example>
REPEAT 8  SIZE=1
R: \r\n
S: 250 ...
# Local parts: 1000 octets.
R: RCPT TO:<
REPEAT 1001 x
R: @host.example>\r\n
S: 501 5.1.3 Local part is too long
R: RCPT TO:<
REPEAT 1000 x
R: @host.example>\r\n
S: 250 ...
R: RCPT TO:<"
REPEAT 1001 x
R: "@host.example>\r\n
S: 501 5.1.3 Local part is too long
R: RCPT TO:<"
REPEAT 999 x
R:  "@host.example>\r\n
S: 250 ...
# Labels of 63, domains of 255.
C: RCPT TO:<bob@lllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll.example>
S: 550 5.7.1 Relaying denied
C: RCPT TO:<bob@llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll.example>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd>
S: 550 5.7.1 Relaying denied
C: RCPT TO:<bob@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd.ee>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@-x.example>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@x-.example>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@x..example>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@x.example..>
S: 501 5.1.3 Bad domain in an address
C: RCPT TO:<bob@host.example.>
S: 250 ...
C: RCPT TO:<PostMaster>
S: 250 ...
C: RCPT TO:<>
S: 501 5.1.3 Empty address
C: RCPT TO:<bob@host.example> SIZE=1
S: 555 5.5.4 Unknown parameter
# A message that has been through 100 hosts, and one more.
C: DATA
S: 354 ...
REPEAT 100 Received: from a by b\r\n
R: Subject: x\r\n\r\nReceived: in the text\r\n.\r\n
S: 250 ...
C: MAIL FROM:<s@x.example>
S: 250 ...
C: RCPT TO:<bob@host.example>
S: 250 ...
C: DATA
S: 354 ...
REPEAT 101 received: from a by b\r\n
R: \r\n.\r\n
S: 554 5.4.6 Too many hops: the message is in a loop
# Lines of AUTH: 16384 octets.
R: AUTH PLAIN\r\n
S: 334 ...
REPEAT 16385 A
R: \r\n
S: 500 5.5.6 Authentication line too long
R: AUTH PLAIN\r\n
S: 334 ...
REPEAT 16384 A
R: \r\n
S: 501 5.5.2 ...
C: NOOP
S: 250 ...
