# EXAMINE: nothing can be changed, nothing loses \Recent or becomes \Seen.
MESSAGES INBOX 2
C: a EXAMINE INBOX
S: * 2 EXISTS
S: * 2 RECENT
S: ...
S: * OK [PERMANENTFLAGS ()] Permanent flags
S: * OK [UNSEEN 1] ...
S: a OK [READ-ONLY] EXAMINE completed
C: b STORE 1 +FLAGS (\Seen)
S: b NO [NOPERM] Mailbox is read-only
C: c EXPUNGE
S: c NO [NOPERM] Mailbox is read-only
C: d MOVE 1 INBOX
S: d NO [NOPERM] Mailbox is read-only
C: e FETCH 1 BODY[TEXT]
S: * 1 FETCH (BODY[TEXT] {8}
S: body 1
S: )
S: e OK FETCH completed
C: f FETCH 1 FLAGS
S: * 1 FETCH (FLAGS (\Recent))
S: f OK FETCH completed
C: g CLOSE
S: g OK CLOSE completed
C: h SELECT INBOX
S: * 2 EXISTS
S: * 2 RECENT
S: ...
S: h OK [READ-WRITE] SELECT completed
C: i EXAMINE INBOX
S: * 2 EXISTS
S: * 0 RECENT
S: ...
S: i OK [READ-ONLY] EXAMINE completed
