# CVE-2013-2111 and its like: bad APPEND arguments.
C: a APPEND INBOX (((\Seen
S: a BAD ...
C: b APPEND INBOX {0}
S: b NO [CANNOT] Message is empty
C: c APPEND INBOX "bad date" {5}
S: c BAD Invalid date and time
C: d APPEND INBOX "99-Jul-1996 02:44:25 -0700" {5+}
C: 12345
S: d BAD Invalid date and time
C: e APPEND INBOX (\Recent) {5+}
C: 12345
S: e BAD Unknown system flag
C: f APPEND INBOX
S: f BAD ...
C: g APPEND INBOX {18446744073709551616}
S: g NO [TOOBIG] Message is too large
C: h APPEND INBOX {5} x
S: h BAD ...
R: i APPEND INBOX {9+}\r\nx: y\r\n\x00\r\n\r\n
S: i NO [CANNOT] Message contains NUL bytes
C: j STATUS INBOX (MESSAGES)
S: * STATUS INBOX (MESSAGES 0)
S: j OK STATUS completed
# Trailing text after the message.
C: k APPEND INBOX {4+}
C: x: y trailing
S: k BAD Message literal expected
C: l NOOP
S: l OK NOOP completed
