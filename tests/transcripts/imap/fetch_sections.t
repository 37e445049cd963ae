# BODY[...] of a plain message: sections, partials, old names, \Seen.
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
From: joe@example.org
To: ann@example.org
Subject: sections

0123456789
abc

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 1 BODY.PEEK[TEXT]
S: * 1 FETCH (BODY[TEXT] {17}
S: 0123456789
S: abc
S: )
S: b OK FETCH completed
C: c FETCH 1 BODY.PEEK[1]<3.5>
S: * 1 FETCH (BODY[1]<3> {5}
S: 34567)
S: c OK FETCH completed
C: d FETCH 1 (BODY.PEEK[]<4000.10> BODY.PEEK[HEADER]<0.6>)
S: * 1 FETCH (BODY[]<4000> {0}
S:  BODY[HEADER]<0> {6}
S: From: )
S: d OK FETCH completed
C: e FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT "x-none" To)]
S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT x-none To)] {42}
S: To: ann@example.org
S: Subject: sections
S: 
S: )
S: e OK FETCH completed
C: f FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT TO)]<0.4294967295>
S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (SUBJECT TO)]<0> {25}
S: From: joe@example.org
S: 
S: )
S: f OK FETCH completed
C: g FETCH 1 RFC822.HEADER
S: * 1 FETCH (RFC822.HEADER {65}
S: From: joe@example.org
S: To: ann@example.org
S: Subject: sections
S: 
S: )
S: g OK FETCH completed
C: h FETCH 1 BODY.PEEK[1.MIME]
S: * 1 FETCH (BODY[1.MIME] {65}
S: ...
S: h OK FETCH completed
C: i FETCH 1 (BODY.PEEK[2] BODY.PEEK[1.1] BODY.PEEK[1.TEXT])
S: * 1 FETCH (BODY[2] NIL BODY[1.1] NIL BODY[1.TEXT] NIL)
S: i OK FETCH completed
# Nothing so far has set \Seen; RFC822.TEXT does and says so.
C: j FETCH 1 FLAGS
S: * 1 FETCH (FLAGS (\Recent))
S: j OK FETCH completed
C: k FETCH 1 RFC822.TEXT
S: * 1 FETCH (RFC822.TEXT {17}
S: 0123456789
S: abc
S:  FLAGS (\Recent \Seen))
S: k OK FETCH completed
C: l FETCH 1 BODY[TEXT]<0.1>
S: * 1 FETCH (BODY[TEXT]<0> {1}
S: 0)
S: l OK FETCH completed
C: m FETCH 1 RFC822
S: * 1 FETCH (RFC822 {82}
S: ...
S: m OK FETCH completed
C: n FETCH 1 (RFC822.SIZE)
S: * 1 FETCH (RFC822.SIZE 82)
S: n OK FETCH completed
