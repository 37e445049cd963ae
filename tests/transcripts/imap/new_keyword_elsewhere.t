# A keyword made in one session is announced in the other before a FETCH names it.
MESSAGES INBOX 1
C1: a SELECT INBOX
S1: ...
S1: a OK [READ-WRITE] SELECT completed
C2: a SELECT INBOX
S2: ...
S2: a OK [READ-WRITE] SELECT completed
C1: b STORE 1 +FLAGS.SILENT (Fresh)
S1: ...
S1: b OK STORE completed
C2: b NOOP
S2: * FLAGS (\Answered \Flagged \Deleted \Draft \Seen Fresh)
S2: * OK [PERMANENTFLAGS ...] Permanent flags
S2: * 1 FETCH (FLAGS (Fresh))
S2: b OK NOOP completed
