# Modified UTF-7 (RFC 3501 section 5.1.3): only canonical forms make folders (reliability I25).
C: a CREATE Entw&APw-rfe
S: a OK CREATE completed
C: b LIST "" E*
S: * LIST (\HasNoChildren) "/" Entw&APw-rfe
S: b OK LIST completed
C: c CREATE A&-B
S: c OK CREATE completed
C: d CREATE "&"
S: d NO [CANNOT] Mailbox name is not valid modified UTF-7
C: e CREATE "&AAA-"
S: e NO [CANNOT] ...
C: f CREATE "a&AC8-b"
S: f NO [CANNOT] ...
C: g CREATE "&2AA-"
S: g NO [CANNOT] ...
C: h CREATE "x&AGE-"
S: h NO [CANNOT] ...
R: i CREATE "gr\xc3\xbcn"\r\n
S: i NO [CANNOT] ...
R: j CREATE {4+}\r\ngr\xfcn\r\n
S: j NO [CANNOT] ...
C: k SELECT "&-&-"
S: k NO [NONEXISTENT] ...
