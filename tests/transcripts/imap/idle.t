# IDLE (RFC 2177): changes by other sessions and deliveries arrive within a second, unasked.
MESSAGES INBOX 2
C1: a SELECT INBOX
S1: ...
S1: a OK [READ-WRITE] SELECT completed
C1: b IDLE
S1: + idling
C2: a SELECT INBOX
S2: ...
S2: a OK [READ-WRITE] SELECT completed
C2: b STORE 1 +FLAGS.SILENT (\Deleted)
S2: b OK STORE completed
S1: * 1 FETCH (FLAGS (\Recent \Deleted))
C2: c EXPUNGE
S2: * 1 EXPUNGE
S2: ...
S2: c OK EXPUNGE completed
S1: * 1 EXPUNGE
DELIVER INBOX
From bob@example.org Mon Jan 04 10:00:00 1999
Subject: delivered

by another program

END
S1: ...
S1: * 2 EXISTS
S1: ...
C1: DONE
S1: b OK IDLE completed
C1: c FETCH 2 BODY.PEEK[TEXT]
S1: * 2 FETCH (BODY[TEXT] {20}
S1: by another program
S1: )
S1: c OK FETCH completed
