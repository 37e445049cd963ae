# What APPEND can refuse it refuses before the message is sent, and stays in step when it came along.
SETTING message_size_limit 1024
C: a APPEND nosuch {10}
S: a NO [TRYCREATE] ...
C: b APPEND nosuch {10+}
C: 0123456789
S: b NO [TRYCREATE] ...
C: c APPEND INBOX {1025}
S: c NO [TOOBIG] Message is too large
R: d APPEND INBOX {5000+}\r\n
SLEEP 0.1
R: e NOOP\r\n
SLEEP 0.1
H: 
S: <END>
