# RFC 3502: several messages, all or none.
C: a APPEND INBOX (\Seen) {14}
S: + Ready for literal data
C: Subject: 1
C: 
C:  (\Flagged) "17-Jul-1996 02:44:25 -0700" {14}
S: + Ready for literal data
C: Subject: 2
C: 
C: 
S: a OK [APPENDUID $v 1:2] APPEND completed
C: b APPEND INBOX {14+}
C: Subject: 3
C: 
C:  {0+}
C: 
S: b NO [CANNOT] Message is empty
C: c SELECT INBOX
S: * 2 EXISTS
S: ...
S: c OK [READ-WRITE] SELECT completed
C: d FETCH 1:2 FLAGS
S: * 1 FETCH (FLAGS (\Recent \Seen))
S: * 2 FETCH (FLAGS (\Recent \Flagged))
S: d OK FETCH completed
