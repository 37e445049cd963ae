# SIGTERM ends a waiting session with BYE, also in IDLE.
C1: a NOOP
S1: a OK NOOP completed
SIGNAL TERM 1
S1: * BYE This session was ended by the server
S1: <END>
C2: a SELECT INBOX
S2: ...
S2: a OK [READ-WRITE] SELECT completed
C2: b IDLE
S2: + idling
SLEEP 0.2
SIGNAL TERM 2
S2: * BYE This session was ended by the server
S2: <END>
