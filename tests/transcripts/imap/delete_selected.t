# DELETE of the mailbox this session has selected: no mailbox is selected after it, and no BYE.
C: a CREATE doomed
S: a OK CREATE completed
C: b SELECT doomed
S: ...
S: b OK [READ-WRITE] SELECT completed
C: c DELETE doomed
S: c OK DELETE completed
C: d FETCH 1 FLAGS
S: d BAD No mailbox selected
C: e SELECT doomed
S: e NO [NONEXISTENT] ...
C: f SELECT INBOX
S: ...
S: f OK [READ-WRITE] SELECT completed
# One that cannot be deleted stays selected.
C: g DELETE INBOX
S: g NO ...
C: h NOOP
S: h OK NOOP completed
C: i FETCH 1:* FLAGS
S: i ...
