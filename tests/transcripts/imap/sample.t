# The session that NetWin's IMAPD manual shows, line by line, after a login through the monitor.
START tag a
START command LOGIN
MAILBOX INBOX
From joe@example.org Sat Dec 26 09:37:48 1998
From: joe@example.org
Subject: hello

Hi there.

END
S: a OK LOGIN completed
C: b select inbox
S: * 1 EXISTS
S: * 1 RECENT
S: * OK [UIDVALIDITY $validity] UID validity status
S: * OK [UIDNEXT 2] Predicted next UID
S: * FLAGS (\Answered \Flagged \Deleted \Draft \Seen)
S: * OK [PERMANENTFLAGS (\* \Answered \Flagged \Deleted \Draft \Seen)] Permanent flags
S: * OK [UNSEEN 1] Message 1 is the first unseen
S: b OK [READ-WRITE] SELECT completed
C: c UID FETCH 1 (FLAGS)
S: * 1 FETCH (UID 1 FLAGS (\Recent))
S: c OK UID FETCH completed
C: d LOGOUT
S: * BYE ...
S: d OK LOGOUT completed
S: <END>
