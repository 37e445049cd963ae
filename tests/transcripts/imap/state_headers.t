# Header lines that other servers believe (reliability F02, F03): they change no UID, no flag, and split nothing.
MAILBOX INBOX
From a@b Sat Dec 26 09:37:48 1998
Subject: before

text

From a@b Sat Dec 26 09:37:49 1998
Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA
Content-Length: 999999999

text

END
C: a SELECT INBOX
S: * 2 EXISTS
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])
S: * 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {19}
S: Subject: before
S: 
S: )
S: * 2 FETCH (UID 2 ...
S: Subject: DON'T DELETE ...
S: 
S: )
S: b OK FETCH completed
C: c APPEND INBOX {115+}
C: X-IMAPbase: 1 4294967295
C: X-UID: 4294967295
C: Status: RO
C: X-Status: D
C: Content-Length: -1
C: Subject: forged
C: 
C: text
C: 
S: * 3 EXISTS
S: * 3 RECENT
S: c OK [APPENDUID $v 3] APPEND completed
C: d FETCH 3 (UID FLAGS RFC822.SIZE)
S: * 3 FETCH (UID 3 FLAGS (\Recent) RFC822.SIZE 115)
S: d OK FETCH completed
