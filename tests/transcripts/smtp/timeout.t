# A client that says nothing is told so and let go.
PROGRAM dsmtpd-session
ARGS --by-hand host.example --set "smtp_timeout 1"
C: NOOP
S: 250 ...
S: 421 4.4.2 ...
S: <END>
