# S28: a byte now and then does not keep a connection; here twice smtp_timeout is all there is.
PROGRAM dsmtpd-session
ARGS --by-hand host.example --set "smtp_timeout 4"
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<s@x.example>
S: 250 2.1.0 ...
C: RCPT TO:<bob@host.example>
S: 250 2.1.5 ...
C: DATA
S: 354 ...
R: a
SLEEP 2.8
R: b
SLEEP 2.8
R: c
SLEEP 2.8
S: 421 4.4.2 ...
S: <END>
