# AUTH= of MAIL (RFC 4954 section 5) is xtext: "+" and two hexadecimal digits, also at the end.
PROGRAM dsmtpd-session
ARGS --by-hand host.example --submission --tls --client 192.0.2.7 --set "submission_from 192.0.2.7"
C: EHLO c
S: ...
S: 250 HELP
C: MAIL FROM:<s@x.example> AUTH=a+4
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=a+
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=+4g
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=+g4
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=a=b
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=+3Da+41+3D
S: 250 ...
C: RSET
S: 250 ...
C: MAIL FROM:<s@x.example> AUTH=+2B+b
S: 501 5.5.4 Bad AUTH
C: MAIL FROM:<s@x.example> AUTH=<>
S: 250 ...
