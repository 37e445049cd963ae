# Two sessions on one mailbox: flags, new mail and expunges of one reach the other, at the right time.
MESSAGES INBOX 4
C1: a SELECT INBOX
S1: * 4 EXISTS
S1: * 4 RECENT
S1: ...
S1: a OK [READ-WRITE] SELECT completed
C2: a SELECT INBOX
S2: * 4 EXISTS
S2: * 0 RECENT
S2: ...
S2: a OK [READ-WRITE] SELECT completed
C1: b STORE 2 +FLAGS.SILENT (\Flagged)
S1: b OK STORE completed
C2: b NOOP
S2: * 2 FETCH (FLAGS (\Flagged))
S2: b OK NOOP completed
# Numbers stand still during FETCH, STORE and SEARCH: the expunge is told later.
C1: c STORE 1,3 +FLAGS.SILENT (\Deleted)
S1: c OK STORE completed
C1: d EXPUNGE
S1: * 3 EXPUNGE
S1: * 1 EXPUNGE
S1: ...
S1: d OK EXPUNGE completed
C2: c FETCH 4 UID
S2: * 4 FETCH (UID 4)
S2: ...
S2: c OK FETCH completed
C2: d SEARCH UID 4
S2: * SEARCH 4
S2: d OK SEARCH completed
C2: e STORE 4 +FLAGS (\Seen)
S2: * 4 FETCH (FLAGS (\Seen))
S2: e OK STORE completed
C2: f NOOP
S2: * 3 EXPUNGE
S2: * 1 EXPUNGE
S2: ...
S2: f OK NOOP completed
C2: g FETCH 1:* (UID FLAGS)
S2: * 1 FETCH (UID 2 FLAGS (\Flagged))
S2: * 2 FETCH (UID 4 FLAGS (\Seen))
S2: g OK FETCH completed
C1: e APPEND INBOX {14+}
C1: Subject: 3
C1: 
C1: 
S1: * 3 EXISTS
S1: * 3 RECENT
S1: * 2 FETCH (FLAGS (\Recent \Seen))
S1: e OK [APPENDUID $v 5] APPEND completed
C2: h NOOP
S2: * 3 EXISTS
S2: ...
S2: h OK NOOP completed
# A message that is gone: STORE says so, FETCH of its text, too.
C1: f STORE 3 +FLAGS.SILENT (\Deleted)
S1: f OK STORE completed
C1: g EXPUNGE
S1: * 3 EXPUNGE
S1: ...
S1: g OK EXPUNGE completed
C2: i STORE 3 +FLAGS (\Flagged)
S2: i NO [EXPUNGEISSUED] ...
C2: j UID FETCH 4 UID
S2: * 2 FETCH (UID 4)
S2: * 3 EXPUNGE
S2: ...
S2: j OK UID FETCH completed
