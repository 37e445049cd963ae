# A connection that ends without QUIT removes nothing (RFC 1939 section 6); so does one that is killed.
PROGRAM dpopd-session
MESSAGES INBOX 3
C1: DELE 1
S1: +OK ...
C1: DELE 3
S1: +OK ...
CLOSE 1
C2: UIDL
S2: +OK 3 unique ids ...
S2: 1 $a
S2: 2 $b
S2: 3 $c
S2: .
C2: DELE 2
S2: +OK ...
R2: QUI
H2:
S2: <END>
CLOSE 2
C3: DELE 1
S3: +OK ...
KILL 3
C4: UIDL
S4: +OK 3 unique ids ...
S4: 1 $a
S4: 2 $b
S4: 3 $c
S4: .
C4: DELE 1
S4: +OK ...
C4: QUIT
S4: +OK good bye, 2 messages left
S4: <END>
CLOSE 4
# Numbers begin at 1 again; the ids stay with their messages (P10).
C5: UIDL
S5: +OK 2 unique ids ...
S5: 1 $b
S5: 2 $c
S5: .
