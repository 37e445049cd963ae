# One quota for all: APPEND is refused before the message is sent, COPY leaves the target as it was.
QUOTA 2000
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
Subject: small

x

END
C: a APPEND INBOX {3000}
S: a NO [OVERQUOTA] ...
C: b APPEND INBOX {14+}
C: Subject: 3
C: 
C: 
S: b OK [APPENDUID $v 2] APPEND completed
