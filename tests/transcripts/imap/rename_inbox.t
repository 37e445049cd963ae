# RENAME of INBOX moves its messages and leaves an empty INBOX (RFC 3501 section 6.3.5).
MESSAGES INBOX 2
C: a RENAME INBOX old/1998
S: a OK RENAME completed
C: b STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 0)
S: b OK STATUS completed
C: c STATUS old/1998 (MESSAGES)
S: * STATUS old/1998 (MESSAGES 2)
S: c OK STATUS completed
