# Commands in one segment (RFC 2449 section 6.6), cut anywhere, are answered in order; what stands behind QUIT is not.
PROGRAM dpopd-session
MESSAGES INBOX 2
R: DELE 1\r\nSTAT\r\nRETR 2\r\nRS
S: +OK message 1 deleted
S: +OK 1 ...
S: +OK ... octets
S: Subject: message 2
S: 
S: body 2
S: .
R: ET\r\nDELE 2\r\nQUIT\r\nDELE 1\r\nRSET\r\n
S: +OK maildrop has 2 ...
S: +OK message 2 deleted
S: +OK good bye, 1 messages left
S: <END>
