# By hand, without a tag to answer, the greeting is PREAUTH with the capabilities.
S: * PREAUTH [CAPABILITY IMAP4rev1...] dmail ... server ready
C: a CAPABILITY
S: * CAPABILITY IMAP4rev1 ...IDLE...NAMESPACE...UIDPLUS...UNSELECT ...
S: a OK CAPABILITY completed
C: b NOOP
S: b OK NOOP completed
C: c LOGOUT
S: * BYE dmail server logging out
S: c OK LOGOUT completed
S: <END>
