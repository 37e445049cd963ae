# SEARCH keys on headers, bodies, sizes and dates.
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
Date: Sat, 26 Dec 1998 01:00:00 +0200
From: Joe Doe <joe@example.org>
To: ann@example.org
Cc: carl@example.org
Bcc: bea@example.org
Subject: =?iso-8859-1?q?Gr=FC=DFe?= from afar
X-Mark: yes

plain words here

From joe@example.org Mon Jan 04 10:00:00 1999
Date: Mon, 4 Jan 1999 10:00:00 +0000
From: Ann <ann@example.org>
To: joe@example.org
Subject: second
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

=C3=BCber the moon, a rather long line so that the size is larger than the first=
 message has and then some more words to be safe about that, really

From joe@example.org Wed Jan 06 10:00:00 1999
From: nobody
Subject: no date

empty

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b SEARCH FROM joe
S: * SEARCH 1
S: b OK SEARCH completed
C: c SEARCH TO "EXAMPLE.org"
S: * SEARCH 1 2
S: c OK SEARCH completed
C: d SEARCH CC carl BCC bea
S: * SEARCH 1
S: d OK SEARCH completed
C: e SEARCH SUBJECT "from AFAR"
S: * SEARCH 1
S: e OK SEARCH completed
C: f SEARCH CHARSET UTF-8 SUBJECT {7}
S: + Ready for literal data
R: gr\xc3\xbc\xc3\x9fe\r\n
S: * SEARCH 1
S: f OK SEARCH completed
C: g SEARCH CHARSET ISO-8859-1 BODY {4+}
R: \xfcber\r\n
S: * SEARCH 2
S: g OK SEARCH completed
C: h SEARCH CHARSET X-KLINGON TEXT x
S: h NO [BADCHARSET (...)] Charset is not known
C: i SEARCH BODY "first message has"
S: * SEARCH 2
S: i OK SEARCH completed
C: j SEARCH BODY second
S: * SEARCH
S: j OK SEARCH completed
C: k SEARCH TEXT second
S: * SEARCH 2
S: k OK SEARCH completed
C: l SEARCH HEADER X-Mark ""
S: * SEARCH 1
S: l OK SEARCH completed
C: m SEARCH HEADER x-mark no
S: * SEARCH
S: m OK SEARCH completed
C: n SEARCH LARGER 300
S: * SEARCH 2
S: n OK SEARCH completed
C: o SEARCH SMALLER 60
S: * SEARCH 3
S: o OK SEARCH completed
C: p SEARCH BEFORE 4-Jan-1999
S: * SEARCH 1
S: p OK SEARCH completed
C: q SEARCH ON "04-jan-1999"
S: * SEARCH 2
S: q OK SEARCH completed
C: r SEARCH SINCE 4-Jan-1999
S: * SEARCH 2 3
S: r OK SEARCH completed
# The date as the sender saw it, whatever the zone.
C: s SEARCH SENTON 26-Dec-1998
S: * SEARCH 1
S: s OK SEARCH completed
C: t SEARCH SENTBEFORE 4-Jan-1999
S: * SEARCH 1
S: t OK SEARCH completed
C: u SEARCH SENTSINCE 1-Jan-1999
S: * SEARCH 2
S: u OK SEARCH completed
C: v SEARCH NOT TEXT second 1:2
S: * SEARCH 1
S: v OK SEARCH completed
C: w SEARCH SINCE 31-Feb-1999
S: w BAD Invalid date
C: x SEARCH SINCE 1-Foo-1999
S: x BAD Invalid date
C: y SEARCH LARGER 4294967296
S: y BAD Number expected
C: z SEARCH SUBJECT
S: z BAD ...
# Blanks that the grammar has not, as clients send them.
C: bl1 SEARCH  FROM joe
S: * SEARCH 1
S: bl1 OK SEARCH completed
C: bl2 SEARCH ALL  FROM  joe 
S: * SEARCH 1
S: bl2 OK SEARCH completed
C: bl3 SEARCH ( FROM joe ) 
S: * SEARCH 1
S: bl3 OK SEARCH completed
C: bl4 SEARCH (FROM joe  ) NOT  SEEN 
S: * SEARCH 1
S: bl4 OK SEARCH completed
C: bl5 SEARCH CHARSET UTF-8  ALL 
S: * SEARCH 1 2 3
S: bl5 OK SEARCH completed
C: bl6 SEARCH ALLSEEN
S: bl6 BAD ...
C: bl7 SEARCH 
S: bl7 BAD ...
