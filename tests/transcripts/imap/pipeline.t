# Commands that come in one packet are answered in order.
MESSAGES INBOX 2
R: a SELECT INBOX\r\nb FETCH 1:2 FLAGS\r\nc STORE 1 +FLAGS (\\Seen)\r\nd SEARCH SEEN\r\ne LOGOUT\r\nf NOOP\r\n
S: ...
S: a OK [READ-WRITE] SELECT completed
S: * 1 FETCH (FLAGS (\Recent))
S: * 2 FETCH (FLAGS (\Recent))
S: b OK FETCH completed
S: * 1 FETCH (FLAGS (\Recent \Seen))
S: c OK STORE completed
S: * SEARCH 1
S: d OK SEARCH completed
S: * BYE dmail server logging out
S: e OK LOGOUT completed
S: <END>
# Half a command behind others does not keep their answers back.
R2: a NOOP\r\nb NO
S2: a OK NOOP completed
R2: OP\r\n
S2: b OK NOOP completed
