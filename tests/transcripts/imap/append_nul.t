# A NUL in the first, a middle and the last octets of a message that comes in many pieces (RFC 3501 section 9:
# a literal has none), and in the literals of a command.
R: a APPEND INBOX {300001+}\r\n\x00
REPEAT 30000 0123456789
R: \r\n
S: a NO [CANNOT] Message contains NUL bytes
R: b APPEND INBOX {300001+}\r\n
REPEAT 30000 0123456789
R: \x00\r\n
S: b NO [CANNOT] Message contains NUL bytes
R: c APPEND INBOX {300001+}\r\n
REPEAT 15000 0123456789
R: \x00
REPEAT 15000 0123456789
R: \r\n
S: c NO [CANNOT] Message contains NUL bytes
R: d APPEND INBOX {3+}\r\nabc {3+}\r\na\x00c\r\n
S: d NO [CANNOT] Message contains NUL bytes
C: e STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 0)
S: e OK ...
R: f APPEND INBOX {16+}\r\nA: b\r\n\r\ntext\r\n\r\n\r\n
S: f OK ...
C: g SELECT INBOX
S: ...
S: g OK ...
R: h FETCH 1 BODY.PEEK[HEADER.FIELDS ({1+}\r\nA)]\r\n
S: * 1 FETCH (BODY[HEADER.FIELDS (A)] {8}
S: A: b
S: 
S: )
S: h OK ...
R: i FETCH 1 BODY.PEEK[HEADER.FIELDS ({2+}\r\nA\x00)]\r\n
S: i BAD NUL in a literal
R: j FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (B {1+}\r\n\x00)]\r\n
S: j BAD NUL in a literal
R: k SEARCH SUBJECT {3+}\r\na\x00b\r\n
S: k BAD NUL in a literal
R: l SELECT {6+}\r\nINBOX\x00\r\n
S: l BAD NUL in a literal
R: m CREATE {3+}\r\na\x00b\r\n
S: m BAD NUL in a literal
R: n LIST "" {2+}\r\n\x00*\r\n
S: n BAD NUL in a literal
