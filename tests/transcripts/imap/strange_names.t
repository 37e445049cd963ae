# Folders that other servers and hands have put there: what LIST shows, commands take.
FILE joe.mbx/AT&T
From a@b Sat Nov 21 11:05:22 2026
Subject: one

x

END
FILE joe.mbx/~tilde
From a@b Sat Nov 21 11:05:22 2026
Subject: two

x

END
C: a LIST "" %
S: * LIST (...) "/" INBOX
S: * LIST (\HasNoChildren) "/" AT&T
S: * LIST (\HasNoChildren) "/" ~tilde
S: a OK ...
C: b STATUS AT&T (MESSAGES)
S: * STATUS AT&T (MESSAGES 1)
S: b OK ...
C: c SUBSCRIBE AT&T
S: c OK ...
C: d LSUB "" *
S: * LSUB () "/" AT&T
S: d OK ...
C: e RENAME AT&T AT&-T
S: e OK ...
C: f UNSUBSCRIBE AT&T
S: f OK ...
C: g STATUS "~tilde" (MESSAGES)
S: * STATUS ~tilde (MESSAGES 1)
S: g OK ...
C: h DELETE ~tilde
S: h OK ...
# New names are what they have to be.
C: i CREATE A&B
S: i NO [CANNOT] Mailbox name is not valid modified UTF-7
C: j CREATE ~new
S: j NO [CANNOT] The mailbox name is not allowed
