# CREATE DELETE RENAME (RFC 3501 sections 6.3.3 to 6.3.5).
C: a CREATE work
S: a OK CREATE completed
C: b CREATE work
S: b NO [ALREADYEXISTS] ...
C: c CREATE a/b/c
S: c OK CREATE completed
C: d CREATE later/
S: d OK CREATE completed
C: e LIST "" *
S: * LIST (\HasNoChildren) "/" INBOX
S: * LIST (...\HasChildren) "/" a
S: * LIST (...\HasChildren) "/" a/b
S: * LIST (\HasNoChildren) "/" a/b/c
S: * LIST (\HasNoChildren) "/" later
S: * LIST (\HasNoChildren) "/" work
S: e OK LIST completed
C: f RENAME work play
S: f OK RENAME completed
C: g RENAME work play
S: g NO [NONEXISTENT] ...
C: h RENAME play later
S: h NO [ALREADYEXISTS] ...
C: i RENAME a x
S: i OK RENAME completed
C: j LIST "" %/%/%
S: * LIST (\HasNoChildren) "/" x/b/c
S: j OK LIST completed
C: k DELETE x/b/c
S: k OK DELETE completed
C: l DELETE x/b/c
S: l NO [NONEXISTENT] ...
C: m DELETE INBOX
S: m NO ...
C: n CREATE INBOX
S: n NO [ALREADYEXISTS] ...
C: o LIST "" play
S: * LIST (\HasNoChildren) "/" play
S: o OK LIST completed
