# Messages nested and split beyond reason (reliability M01, M03, M06): an answer, and the mailbox stays usable.
R: a APPEND INBOX {150000+}\r\n
REPEAT 3000 Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n
R: \r\n
S: a OK ...
R: b APPEND INBOX {96000+}\r\n
REPEAT 3000 Content-Type: message/rfc822\r\n\r\n
R: \r\n
S: b OK ...
R: c APPEND INBOX {200045+}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n
REPEAT 20000 --b\r\n\r\nx\r\n
R: \r\n
S: c OK ...
R: d APPEND INBOX {250006+}\r\nTo:\x20
REPEAT 50000 a@b,\x20
R: \r\n\r\n
S: d OK ...
C: e SELECT INBOX
S: ...
S: e OK [READ-WRITE] SELECT completed
C: f FETCH 1:* (UID BODYSTRUCTURE)
S: ...
S: f OK FETCH completed
C: g FETCH 1:* ENVELOPE
S: ...
S: g OK FETCH completed
C: h FETCH 1:* (RFC822.SIZE)
S: * 1 FETCH (RFC822.SIZE 150000)
S: * 2 FETCH (RFC822.SIZE 96000)
S: * 3 FETCH (RFC822.SIZE 200045)
S: * 4 FETCH (RFC822.SIZE 250006)
S: h OK FETCH completed
C: i SEARCH TEXT nothing
S: * SEARCH
S: i OK SEARCH completed
