# Sequence sets and their edges (numbers over the last: BAD; UIDs that aren't there: nothing).
MESSAGES INBOX 5
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b FETCH 4:* UID
S: * 4 FETCH (UID 4)
S: * 5 FETCH (UID 5)
S: b OK FETCH completed
C: c FETCH *:4,1,2:1 UID
S: * 1 FETCH (UID 1)
S: * 2 FETCH (UID 2)
S: * 4 FETCH (UID 4)
S: * 5 FETCH (UID 5)
S: c OK FETCH completed
C: d FETCH *:* UID
S: * 5 FETCH (UID 5)
S: d OK FETCH completed
C: e FETCH 6 UID
S: e BAD Invalid message set
C: f FETCH 1:4294967295 UID
S: f BAD Invalid message set
C: g FETCH 0 UID
S: g BAD Invalid message set
C: h UID FETCH 4294967296 UID
S: h BAD Invalid message set
C: i UID FETCH 100:200 UID
S: i OK UID FETCH completed
C: j UID FETCH 100:* UID
S: * 5 FETCH (UID 5)
S: j OK UID FETCH completed
C: k UID FETCH 4294967295:5 UID
S: * 5 FETCH (UID 5)
S: k OK UID FETCH completed
C: l FETCH 1,,2 UID
S: l BAD Invalid message set
C: m FETCH 1, UID
S: m BAD Invalid message set
C: n FETCH 1:2:3 UID
S: n BAD Invalid message set
C: o SEARCH 3:9
S: * SEARCH 3 4 5
S: o OK SEARCH completed
# Numbers and UIDs apart: * is the last message's UID.
C: o1 STORE 1 +FLAGS.SILENT (\Deleted)
S: o1 OK STORE completed
C: o2 EXPUNGE
S: * 1 EXPUNGE
S: ...
S: o2 OK EXPUNGE completed
C: o3 UID FETCH * UID
S: * 4 FETCH (UID 5)
S: o3 OK UID FETCH completed
C: o4 UID SEARCH UID *
S: * SEARCH 5
S: o4 OK UID SEARCH completed
C: p STORE 1:* FLAGS.SILENT (\Deleted)
S: p OK STORE completed
C: q EXPUNGE
S: ...
S: q OK EXPUNGE completed
C: r FETCH 1:* UID
S: r BAD Invalid message set
C: s UID FETCH 1:* UID
S: s OK UID FETCH completed
C: t UID MOVE 1:* INBOX
S: t OK UID MOVE completed
