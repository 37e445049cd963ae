# Sections of a multipart message with an enclosed message (RFC 3501 section 6.4.5's numbering).
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
From: joe@example.org
Subject: outer
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: text/plain; charset=utf-8

part one
--b1
Content-Type: message/rfc822

From: ann@example.org
Subject: inner
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b2"

--b2

plain
--b2
Content-Type: text/html

<p>html
--b2--
--b1
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="a.bin"

AAEC
--b1--

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 1 BODY.PEEK[1]
S: * 1 FETCH (BODY[1] {8}
S: part one)
S: b OK FETCH completed
C: c FETCH 1 BODY.PEEK[1.MIME]
S: * 1 FETCH (BODY[1.MIME] {43}
S: Content-Type: text/plain; charset=utf-8
S: 
S: )
S: c OK FETCH completed
C: d FETCH 1 BODY.PEEK[2.HEADER]
S: * 1 FETCH (BODY[2.HEADER] {112}
S: From: ann@example.org
S: Subject: inner
S: MIME-Version: 1.0
S: Content-Type: multipart/alternative; boundary="b2"
S: 
S: )
S: d OK FETCH completed
C: e FETCH 1 BODY.PEEK[2.HEADER.FIELDS (SUBJECT)]
S: * 1 FETCH (BODY[2.HEADER.FIELDS (SUBJECT)] {18}
S: Subject: inner
S: 
S: )
S: e OK FETCH completed
C: f FETCH 1 (BODY.PEEK[2.1] BODY.PEEK[2.2] BODY.PEEK[2.2.MIME])
S: * 1 FETCH (BODY[2.1] {5}
S: plain BODY[2.2] {7}
S: <p>html BODY[2.2.MIME] {27}
S: Content-Type: text/html
S: 
S: )
S: f OK FETCH completed
C: g FETCH 1 (BODY.PEEK[3] BODY.PEEK[4] BODY.PEEK[2.3] BODY.PEEK[1.HEADER])
S: * 1 FETCH (BODY[3] {4}
S: AAEC BODY[4] NIL BODY[2.3] NIL BODY[1.HEADER] NIL)
S: g OK FETCH completed
C: h FETCH 1 BODY.PEEK[2.TEXT]<0.4>
S: * 1 FETCH (BODY[2.TEXT]<0> {4}
S: --b2)
S: h OK FETCH completed
C: i FETCH 1 BODYSTRUCTURE
S: * 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" ("charset" "utf-8") NIL NIL "7BIT" 8 ...)("MESSAGE" "RFC822" ... "ALTERNATIVE"...)("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 4 NIL ("attachment" ("filename" "a.bin")) NIL NIL) "MIXED" ("boundary" "b1") NIL NIL NIL))
S: i OK FETCH completed
