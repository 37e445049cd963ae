# A client that vanishes in the middle of a message leaves nothing behind.
C1: a APPEND INBOX {100}
S1: + Ready for literal data
R1: Subject: half
H1: 
S1: <END>
C2: b STATUS INBOX (MESSAGES)
S2: * STATUS INBOX (MESSAGES 0)
S2: b OK STATUS completed
