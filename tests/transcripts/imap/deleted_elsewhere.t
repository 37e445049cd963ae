# The selected mailbox is deleted by another session: BYE, not confusion.
C1: a CREATE doomed
S1: a OK CREATE completed
C1: b SELECT doomed
S1: ...
S1: b OK [READ-WRITE] SELECT completed
C2: a DELETE doomed
S2: a OK DELETE completed
C1: c NOOP
S1: * BYE The selected mailbox was deleted
S1: c OK NOOP completed
S1: <END>
