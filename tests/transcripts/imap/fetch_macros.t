# ALL FULL FAST, and each item alone (RFC 3501 section 6.4.5).
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary
To: imap@cac.washington.edu
Message-ID: <B27397-0100000@cac.washington.edu>

Text.

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 1 FAST
S: * 1 FETCH (FLAGS (\Recent) INTERNALDATE "26-Dec-1998 09:37:48 +0000" RFC822.SIZE $size)
S: b OK FETCH completed
C: c FETCH 1 ALL
S: * 1 FETCH (FLAGS (\Recent) INTERNALDATE "26-Dec-1998 09:37:48 +0000" RFC822.SIZE $size ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary" (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) NIL NIL NIL "<B27397-0100000@cac.washington.edu>"))
S: c OK FETCH completed
C: d FETCH 1 FULL
S: * 1 FETCH (FLAGS (\Recent) INTERNALDATE "26-Dec-1998 09:37:48 +0000" RFC822.SIZE $size ENVELOPE (...) BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 7 1))
S: d OK FETCH completed
C: e FETCH 1 (UID BODYSTRUCTURE)
S: * 1 FETCH (UID 1 BODYSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 7 1 NIL NIL NIL NIL))
S: e OK FETCH completed
C: f UID FETCH 1 FLAGS
S: * 1 FETCH (UID 1 FLAGS (\Recent))
S: f OK UID FETCH completed
C: g UID FETCH 1 (FLAGS UID)
S: * 1 FETCH (FLAGS (\Recent) UID 1)
S: g OK UID FETCH completed
C: h FETCH 1 (fast)
S: h BAD Unknown fetch item
C: i FETCH 1 ()
S: i BAD ...
