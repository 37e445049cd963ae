# A connection that dies inside DATA: nobody is told of a message.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
C: EHLO client.example
S: ...
S: 250 HELP
C: MAIL FROM:<s@x.example>
S: 250 2.1.0 ...
C: RCPT TO:<bob@host.example>
S: 250 2.1.5 ...
C: DATA
S: 354 ...
C: half a message
H:
S: <END>
