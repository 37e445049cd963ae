# What is no command gets BAD and nothing gets out of step (reliability I26).
C: 
S: * BAD Empty command line
C: a
S: a BAD Missing command
C: + NOOP
S: * BAD Invalid tag
C: * NOOP
S: * BAD Invalid tag
R: b NOOP\n
S: b OK NOOP completed
R: c NO\rOP\r\n
S: c BAD Unknown command
C: %n%n%s NOOP
S: * BAD Invalid tag
R: \x80\xff NOOP\r\n
S: * BAD Invalid tag
C: d  NOOP
S: d BAD Missing command
C: e NOOP extra
S: e BAD Unexpected text after the arguments
C: f UID NOOP
S: f BAD Unknown command
R: g\x00 NOOP\r\n
S: g BAD ...
C: h SELECT "unterminated
S: h BAD Invalid quoted string
C: i SELECT "bad \escape"
S: i BAD Invalid quoted string
R: j SELECT "nul\x00"\r\n
S: j BAD Invalid quoted string
R: k SELECT {4+}\r\na\x00bc\r\n
S: k BAD NUL in a literal
C: l SELECT {3
S: l BAD ...
C: m XYZZY {3}
S: + Ready for literal data
C: abc
S: m BAD Unknown command
C: n LOGOUT
S: * BYE dmail server logging out
S: n OK LOGOUT completed
S: <END>
