# IMAP and POP on one mailbox: an EXPUNGE by IMAP during a POP session, and what POP read is \Seen in IMAP.
PROGRAM imapd-session
MESSAGES INBOX 4
C1: a SELECT INBOX
S1: ...
S1: a OK [READ-WRITE] SELECT completed
PROGRAM dpopd-session
S2: +OK burst ok joe has 4 msgs
C1: b STORE 2 +FLAGS.SILENT (\Deleted)
S1: b OK STORE completed
C1: c EXPUNGE
S1: * 2 EXPUNGE
S1: ...
S1: c OK EXPUNGE completed
C2: RETR 2
S2: -ERR the message is gone: another program removed it
C2: LIST 3
S2: +OK 3 $size
C2: RETR 3
S2: +OK $size octets
S2: Subject: message 3
S2: 
S2: body 3
S2: .
C2: TOP 4 0
S2: +OK ...
S2: Subject: message 4
S2: 
S2: .
C2: DELE 1
S2: +OK ...
C2: QUIT
S2: +OK good bye, 2 messages left
S2: <END>
C1: d NOOP
S1: * 1 EXPUNGE
S1: ...
S1: d OK NOOP completed
C1: e FETCH 1:* (UID FLAGS)
S1: * 1 FETCH (UID 3 FLAGS (\Recent \Seen))
S1: * 2 FETCH (UID 4 FLAGS (\Recent))
S1: e OK FETCH completed
