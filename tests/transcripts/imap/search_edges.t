# The edges of what SEARCH compares (RFC 3501 section 6.4.4): LARGER and SMALLER leave the size itself out;
# SENTSINCE takes the day itself in, SENTBEFORE not; days count as they are written, also before 1970.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
Date: Fri, 1 Jan 1960 00:10:00 +0000
Subject: old

y

From a@b Sat Nov 21 11:05:22 2026
Date: Sat, 2 Jan 1999 23:59:59 +0900

yyyy

END
C: c SELECT INBOX
S: ...
S: c OK [READ-WRITE] SELECT completed
C: d FETCH 1:2 RFC822.SIZE
S: * 1 FETCH (RFC822.SIZE 57)
S: * 2 FETCH (RFC822.SIZE 46)
S: d OK FETCH completed
C: s1 SEARCH LARGER 57
S: * SEARCH
S: s1 OK SEARCH completed
C: s2 SEARCH LARGER 56
S: * SEARCH 1
S: s2 OK SEARCH completed
C: s3 SEARCH LARGER 46
S: * SEARCH 1
S: s3 OK SEARCH completed
C: s4 SEARCH SMALLER 46
S: * SEARCH
S: s4 OK SEARCH completed
C: s5 SEARCH SMALLER 47
S: * SEARCH 2
S: s5 OK SEARCH completed
C: s6 SEARCH SENTSINCE 2-Jan-1999
S: * SEARCH 2
S: s6 OK SEARCH completed
C: s7 SEARCH SENTSINCE 3-Jan-1999
S: * SEARCH
S: s7 OK SEARCH completed
C: s8 SEARCH SENTBEFORE 2-Jan-1999
S: * SEARCH 1
S: s8 OK SEARCH completed
C: s9 SEARCH SENTBEFORE 3-Jan-1999
S: * SEARCH 1 2
S: s9 OK SEARCH completed
C: s10 SEARCH SENTON 2-Jan-1999
S: * SEARCH 2
S: s10 OK SEARCH completed
C: s11 SEARCH SENTON 1-Jan-1960
S: * SEARCH 1
S: s11 OK SEARCH completed
C: s12 SEARCH SENTON 31-Dec-1959
S: * SEARCH
S: s12 OK SEARCH completed
C: s13 SEARCH SENTBEFORE 1-Jan-1960
S: * SEARCH
S: s13 OK SEARCH completed
C: s14 SEARCH SENTSINCE 1-Jan-1960
S: * SEARCH 1 2
S: s14 OK SEARCH completed
