# Sections that are too deep or too long, and that stop in the middle (reliability I06, I07, I08).
MESSAGES INBOX 1
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
R: b FETCH 1 BODY[1
REPEAT 2000 .1
R: ]<0.10>\r\n
S: b BAD ...
R: c FETCH 1 BODY[HEADER.FIELDS (
REPEAT 16000 abc\x20
R: )]\r\n
S: c BAD ...
C: d PARTIAL 1 body[p
S: d BAD Unknown command
C: e FETCH 1 body[p
S: e BAD ...
C: f FETCH 1 body[
S: f BAD ...
C: g FETCH 1 BODY[]<4294967295.4294967295>
S: * 1 FETCH (BODY[]<4294967295> {0}
S: ...
S: g OK FETCH completed
C: h FETCH 1 BODY[]<1.99999999999999999999>
S: h BAD ...
R: i SEARCH TOPIC 
REPEAT 4096 x
R: \r\n
S: i BAD ...
R: j SEARCH SUBJECT "
REPEAT 4096 x
R: "\r\n
S: j ...
C: k %n%n%s
S: k BAD ...
C: l NOOP
S: l OK NOOP completed
