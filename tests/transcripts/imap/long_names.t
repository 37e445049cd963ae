# Names of 1 KiB, 4 KiB and 64 KiB, quoted and as literals, in every command that takes one (reliability I05):
# an answer each, and the connection in step.
C: a0 NOOP
S: a0 OK ...
R: a LIST "" "
REPEAT 1024 x
R: "\r\nb LSUB "
REPEAT 4096 x
R: " *\r\nc RENAME INBOX "
REPEAT 4096 x
R: "\r\nd SELECT "
REPEAT 1024 x
R: "\r\ne CREATE "
REPEAT 250 d/
R: "\r\nf SUBSCRIBE "
REPEAT 201 x
R: "\r\ng STATUS {4096+}\r\n
REPEAT 4096 x
R:  (MESSAGES)\r\n
S: a ...
S: b ...
S: c NO [CANNOT] ...
S: d NO [CANNOT] ...
S: e NO [CANNOT] ...
S: f NO [CANNOT] ...
S: g NO [CANNOT] ...
R: h APPEND {70000+}\r\n
REPEAT 70000 x
R:  {1+}\r\nx\r\n
S: h NO ...
R: i DELETE "
REPEAT 70000 x
R: "\r\n
S: ...
C: j NOOP
S: j OK NOOP completed
