# Every command of the transaction state, with and without its argument (RFC 1939 sections 5 to 7).
PROGRAM dpopd-session
MESSAGES INBOX 3
S: +OK burst ok joe has 3 msgs
C: STAT
S: +OK 3 $total
C: LIST
S: +OK 3 messages ($total octets)
S: 1 $one
S: 2 $one
S: 3 $one
S: .
C: LIST 2
S: +OK 2 $one
C: UIDL
S: +OK 3 unique ids (...
S: 1 $a
S: 2 $b
S: 3 $c
S: .
C: UIDL 3
S: +OK 3 $c
C: RETR 2
S: +OK $one octets
S: Subject: message 2
S: 
S: body 2
S: .
C: TOP 1 0
S: +OK top of message follows
S: Subject: message 1
S: 
S: .
C: TOP 1 1
S: +OK top of message follows
S: Subject: message 1
S: 
S: body 1
S: .
C: TOP 1 1000
S: +OK top of message follows
S: Subject: message 1
S: 
S: body 1
S: .
C: NOOP
S: +OK ...
C: DELE 2
S: +OK message 2 deleted
C: STAT
S: +OK 2 ...
C: LIST
S: +OK 2 messages ...
S: 1 $one
S: 3 $one
S: .
C: UIDL
S: +OK 2 unique ids ...
S: 1 $a
S: 3 $c
S: .
C: RSET
S: +OK maildrop has 3 messages ($total octets)
C: UIDL 2
S: +OK 2 $b
C: CAPA
S: +OK capabilities follow
S: TOP
S: UIDL
S: RESP-CODES
S: AUTH-RESP-CODE
S: PIPELINING
S: EXPIRE NEVER
S: IMPLEMENTATION dmail
S: .
# Command names in any case (RFC 1939 section 3).
C: stat
S: +OK 3 $total
C: quit
S: +OK good bye, 3 messages left
S: <END>
