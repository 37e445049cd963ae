# Mail that another program appends to the drop file shows up at the next command.
MESSAGES INBOX 1
C: a SELECT INBOX
S: * 1 EXISTS
S: ...
S: a OK [READ-WRITE] SELECT completed
DELIVER INBOX
From bob@example.org Mon Jan 04 10:00:00 1999
Subject: late

text

END
C: b NOOP
S: * 2 EXISTS
S: * 2 RECENT
S: b OK NOOP completed
C: c UID FETCH 2 (FLAGS BODY.PEEK[TEXT])
S: * 2 FETCH (UID 2 FLAGS (\Recent) BODY[TEXT] {6}
S: text
S: )
S: c OK UID FETCH completed
