# SEARCH keys on flags, keywords and \Recent, and how keys combine.
MESSAGES INBOX 6
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b STORE 1 FLAGS.SILENT (\Seen)
S: b OK STORE completed
C: c STORE 2 FLAGS.SILENT (\Answered)
S: c OK STORE completed
C: d STORE 3 FLAGS.SILENT (\Deleted)
S: d OK STORE completed
C: e STORE 4 FLAGS.SILENT (\Draft)
S: e OK STORE completed
C: f STORE 5 FLAGS.SILENT (\Flagged)
S: f OK STORE completed
C: g STORE 6 FLAGS.SILENT (Key)
S: ...
S: g OK STORE completed
C: h SEARCH ALL
S: * SEARCH 1 2 3 4 5 6
S: h OK SEARCH completed
C: i SEARCH SEEN
S: * SEARCH 1
S: i OK SEARCH completed
C: j SEARCH ANSWERED
S: * SEARCH 2
S: j OK SEARCH completed
C: k SEARCH DELETED
S: * SEARCH 3
S: k OK SEARCH completed
C: l SEARCH DRAFT
S: * SEARCH 4
S: l OK SEARCH completed
C: m SEARCH FLAGGED
S: * SEARCH 5
S: m OK SEARCH completed
C: n SEARCH KEYWORD key
S: * SEARCH 6
S: n OK SEARCH completed
C: o SEARCH UNKEYWORD KEY
S: * SEARCH 1 2 3 4 5
S: o OK SEARCH completed
C: p SEARCH UNSEEN UNANSWERED UNDELETED UNDRAFT UNFLAGGED
S: * SEARCH 6
S: p OK SEARCH completed
C: q SEARCH NEW
S: * SEARCH 2 3 4 5 6
S: q OK SEARCH completed
C: r SEARCH OLD
S: * SEARCH
S: r OK SEARCH completed
C: s SEARCH RECENT 2:3
S: * SEARCH 2 3
S: s OK SEARCH completed
C: t SEARCH OR SEEN (DELETED UNSEEN)
S: * SEARCH 1 3
S: t OK SEARCH completed
C: u SEARCH NOT OR 1:3 NOT 4:6
S: * SEARCH 4 5 6
S: u OK SEARCH completed
C: v UID SEARCH UID 5:* NOT KEYWORD Key
S: * SEARCH 5
S: v OK UID SEARCH completed
C: w SEARCH KEYWORD none
S: * SEARCH
S: w OK SEARCH completed
C: x SEARCH
S: x BAD ...
C: y SEARCH TOPIC x
S: y BAD Unknown search key
C: z SEARCH NOT
S: z BAD ...
C: aa SEARCH (ALL
S: aa BAD ...
C: bb SEARCH ALL)
S: bb BAD ...
C: cc SEARCH OR ALL
S: cc BAD ...
