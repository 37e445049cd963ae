# COPY keeps flags and dates; COPYUID (RFC 4315); all or none; into itself.
MESSAGES INBOX 3
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: b COPY 1:2 target
S: b NO [TRYCREATE] ...
C: c CREATE target
S: c OK CREATE completed
C: d STORE 2 FLAGS.SILENT (\Flagged Key)
S: ...
S: d OK STORE completed
C: e COPY 1:2 target
S: e OK [COPYUID $v 1:2 1:2] COPY completed
C: f UID COPY 3 target
S: f OK [COPYUID $v 3 3] UID COPY completed
C: g UID COPY 99 target
S: g OK UID COPY completed
C: h COPY 9 target
S: h BAD Invalid message set
C: i COPY 1:* INBOX
S: * 6 EXISTS
S: * 6 RECENT
S: i OK [COPYUID $w 1:3 4:6] COPY completed
C: j SELECT target
S: * 3 EXISTS
S: ...
S: * OK [UIDVALIDITY $v] UID validity status
S: ...
S: j OK [READ-WRITE] SELECT completed
C: k FETCH 2 (FLAGS INTERNALDATE BODY.PEEK[TEXT])
S: * 2 FETCH (FLAGS (\Recent \Flagged Key) INTERNALDATE "26-Dec-1998 09:37:48 +0000" BODY[TEXT] {8}
S: body 2
S: )
S: k OK FETCH completed
