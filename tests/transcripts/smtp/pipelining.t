# RFC 2920: a group of commands in one segment, each answered in order.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
R: EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@host.example>\r\nRCPT TO:<bob@host.example>\r\nDATA\r\n
S: ...
S: 250 HELP
S: 250 2.1.0 Sender ok
S: 550 5.1.1 No such user
S: 250 2.1.5 Recipient ok
S: 354 ...
R: x\r\n.\r\nNOOP\r\nQUIT\r\n
S: 250 2.0.0 <bob>: Delivered
S: 250 2.0.0 Ok
S: 221 ...
S: <END>
