# SEARCH FROM, TO, CC, BCC look at the addresses as ENVELOPE shows them: comments, groups, quotes, encoded words.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
From: <user-from (comment)@ (comment) domain.org>
To: friends: "Last, First" <last@b.example>, plain@c.example;, other@d.example
Cc: =?iso-8859-1?q?J=F6rg?= =?iso-8859-1?q?_Ma=DF?= (boss) <joerg . mass@ e.example>
Bcc: "quoted local"@f.example, <@route.example:end@g.example>
Subject: one

x

From a@b Sat Nov 21 11:05:23 2026
From: (only a comment) who@h.example (Real Name)
To: undisclosed-recipients:;
Cc: =?gb2312?B?1cXI/Q==?= <zhang@i.example>,
 second
 @
 j.example
Bcc: "a\"b" <esc@k.example>
Subject: two

x

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b SEARCH FROM user-from@domain.org
S: * SEARCH 1
S: b OK SEARCH completed
C: c SEARCH TO plain@c.example TO last@B.example TO "last, first"
S: * SEARCH 1
S: c OK SEARCH completed
C: d SEARCH CC joerg.mass@e.example
S: * SEARCH 1
S: d OK SEARCH completed
C: e SEARCH CHARSET UTF-8 CC {11+}
R: jo\xcc\x88rg ma\xc3\x9f\r\n
S: * SEARCH 1
S: e OK SEARCH completed
C: f SEARCH BCC "quoted local@f.example" BCC end@g.example
S: * SEARCH 1
S: f OK SEARCH completed
C: g SEARCH FROM who@h.example
S: * SEARCH 2
S: g OK SEARCH completed
C: h SEARCH CC second@j.example
S: * SEARCH 2
S: h OK SEARCH completed
C: i SEARCH CHARSET GB18030 CC {4+}
R: \xd5\xc5\xc8\xfd\r\n
S: * SEARCH 2
S: i OK SEARCH completed
C: j SEARCH BCC esc@k.example NOT FROM nobody
S: * SEARCH 2
S: j OK SEARCH completed
C: k SEARCH TO friends
S: * SEARCH 1
S: k OK SEARCH completed
