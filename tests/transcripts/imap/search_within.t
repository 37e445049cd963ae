# OLDER and YOUNGER (RFC 5032), by the internal date.
MESSAGES INBOX 1
C: a APPEND INBOX {14+}
C: Subject: 1
C: 
C: 
S: a OK [APPENDUID $v 2] APPEND completed
C: b SELECT INBOX
S: ...
S: b OK [READ-WRITE] SELECT completed
C: c SEARCH YOUNGER 3600
S: * SEARCH 2
S: c OK SEARCH completed
C: d SEARCH OLDER 3600
S: * SEARCH 1
S: d OK SEARCH completed
C: e SEARCH OLDER 0
S: e BAD ...
