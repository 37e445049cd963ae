# APPEND: flags, date, APPENDUID, both kinds of literal; what comes back is what was sent.
C: a CREATE saved
S: a OK CREATE completed
C: b APPEND saved (\Seen $Forwarded) "17-Jul-1996 02:44:25 -0700" {30}
S: + Ready for literal data
C: Subject: one
C: 
C: From here on
C: 
S: b OK [APPENDUID $v 1] APPEND completed
C: c APPEND saved {28+}
C: Subject: two
C: 
C: .dots stay
C: 
S: c OK [APPENDUID $v 2] APPEND completed
C: d APPEND {5}
S: + Ready for literal data
C: saved () {14}
S: + Ready for literal data
C: Subject: x
C: 
C: 
S: d OK [APPENDUID $v 3] APPEND completed
C: e SELECT saved
S: * 3 EXISTS
S: ...
S: * OK [UIDVALIDITY $v] UID validity status
S: ...
S: e OK [READ-WRITE] SELECT completed
C: f FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
S: * 1 FETCH (FLAGS (\Recent \Seen $Forwarded) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 30 BODY[] {30}
S: Subject: one
S: 
S: From here on
S: )
S: f OK FETCH completed
C: g FETCH 2 BODY.PEEK[]
S: * 2 FETCH (BODY[] {28}
S: Subject: two
S: 
S: .dots stay
S: )
S: g OK FETCH completed
# Into the selected mailbox: told before the OK.
C: h APPEND saved {14+}
C: Subject: y
C: 
C: 
S: * 4 EXISTS
S: * 4 RECENT
S: h OK [APPENDUID $v 4] APPEND completed
