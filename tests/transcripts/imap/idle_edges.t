# IDLE and DONE in one packet (Dovecot 2.0 notes), without a mailbox, something else than DONE.
MESSAGES INBOX 1
R: a IDLE\r\nDONE\r\nb NOOP\r\n
S: + idling
S: a OK IDLE completed
S: b OK NOOP completed
C: c SELECT INBOX
S: ...
S: c OK [READ-WRITE] SELECT completed
R: d IDLE\r\nDO
SLEEP 0.1
R: NE\r\n
S: + idling
S: d OK IDLE completed
C: e IDLE
S: + idling
C: f NOOP\t
S: e BAD DONE expected
C: g IDLE now
S: g BAD ...
C: h IDLE
S: + idling
C: done
S: h OK IDLE completed
C: i IDLE
S: + idling
H: 
S: <END>
