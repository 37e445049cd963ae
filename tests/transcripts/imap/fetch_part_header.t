# HEADER and TEXT of a part are those of the message it encloses; a part that is no message has none (RFC 3501 6.4.5).
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Subject: outer
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain
Subject: of a text part

one
--o
Content-Type: multipart/alternative; boundary=i
Subject: of a multipart

--i
Subject: of its only child

two.one
--i--
--o
Content-Type: message/rfc822
Subject: of the part

Subject: enclosed
Content-Type: multipart/mixed; boundary=e

--e

three.one
--e--
--o
Content-Type: message/delivery-status

Reporting-MTA: dns; x
--o--

END
C: a SELECT INBOX
S: ...
S: a OK ...
C: b FETCH 1 (BODY[1.HEADER] BODY[1.TEXT] BODY[1.HEADER.FIELDS (Subject)])
S: * 1 FETCH (BODY[1.HEADER] NIL BODY[1.TEXT] NIL BODY[1.HEADER.FIELDS (Subject)] NIL FLAGS (\Recent \Seen))
S: b OK ...
C: c FETCH 1 (BODY[2.HEADER] BODY[2.TEXT] BODY[2.HEADER.FIELDS (Subject)] BODY[2.HEADER.FIELDS.NOT (Subject)])
S: * 1 FETCH (BODY[2.HEADER] NIL BODY[2.TEXT] NIL BODY[2.HEADER.FIELDS (Subject)] NIL BODY[2.HEADER.FIELDS.NOT (Subject)] NIL)
S: c OK ...
C: d FETCH 1 (BODY[2.1.HEADER] BODY[2.1])
S: * 1 FETCH (BODY[2.1.HEADER] NIL BODY[2.1] {7}
S: two.one)
S: d OK ...
C: e FETCH 1 BODY[3.HEADER]
S: * 1 FETCH (BODY[3.HEADER] {64}
S: Subject: enclosed
S: Content-Type: multipart/mixed; boundary=e
S: 
S: )
S: e OK ...
C: f FETCH 1 BODY[3.HEADER.FIELDS (Subject)]
S: * 1 FETCH (BODY[3.HEADER.FIELDS (Subject)] {21}
S: Subject: enclosed
S: 
S: )
S: f OK ...
C: g FETCH 1 (BODY[3.1.HEADER] BODY[3.1])
S: * 1 FETCH (BODY[3.1.HEADER] NIL BODY[3.1] {9}
S: three.one)
S: g OK ...
C: h FETCH 1 (BODY[4.HEADER] BODY[4.TEXT] BODY[5.HEADER] BODY[1.1.HEADER])
S: * 1 FETCH (BODY[4.HEADER] NIL BODY[4.TEXT] NIL BODY[5.HEADER] NIL BODY[1.1.HEADER] NIL)
S: h OK ...
