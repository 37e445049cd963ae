# A folder may hold mail and sub-folders at once.
C: a CREATE A
S: a OK CREATE completed
C: b APPEND A {25+}
C: Subject: in A
C: 
C: text A
C: 
S: b OK [APPENDUID $v 1] APPEND completed
C: c CREATE A/B
S: c OK CREATE completed
C: d LIST "" A*
S: * LIST (\HasChildren) "/" A
S: * LIST (\HasNoChildren) "/" A/B
S: d OK LIST completed
C: e SELECT A
S: * 1 EXISTS
S: ...
S: e OK [READ-WRITE] SELECT completed
C: f FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]
S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {17}
S: Subject: in A
S: 
S: )
S: f OK FETCH completed
