# One message by RFC 5321, with the greeting, dot-stuffing and what EHLO offers.
PROGRAM dsmtpd-session
ARGS --by-hand host.example --client 192.0.2.7
S: 220 host.example ESMTP dmail ready
C: EHLO client.example
S: 250-host.example
S: 250-PIPELINING
S: 250-SIZE 104857600
S: 250-8BITMIME
S: 250-ENHANCEDSTATUSCODES
S: 250 HELP
C: MAIL FROM:<s@x.example> SIZE=20 BODY=8BITMIME
S: 250 2.1.0 Sender ok
C: RCPT TO:<bob@host.example>
S: 250 2.1.5 Recipient ok
C: DATA
S: 354 ...
C: Subject: x
C:
C: ..
C: .
S: 250 2.0.0 <bob>: Delivered
C: QUIT
S: 221 2.0.0 host.example closing
S: <END>
