# Commands out of turn, and after each of them the connection is still in step.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
C: MAIL FROM:<s@x.example>
S: 503 5.5.1 Say EHLO first
C: HELO
S: 501 5.5.4 ...
C: HELO c
S: 250 host.example
C: RCPT TO:<bob@host.example>
S: 503 5.5.1 Need MAIL first
C: DATA
S: 503 5.5.1 Need MAIL first
C: MAIL FROM:<s@x.example>
S: 250 ...
C: MAIL FROM:<t@x.example>
S: 503 5.5.1 ...
C: DATA
S: 554 5.5.1 No valid recipients
C: RSET
S: 250 2.0.0 ...
C: DATA
S: 503 5.5.1 Need MAIL first
C: RSET now
S: 501 5.5.4 ...
C: FROBNICATE
S: 500 5.5.1 ...
C: NOOP
S: 250 2.0.0 Ok
# EHLO and HELO begin anew in the middle of a mail (RFC 5321 section 4.1.4).
C: EHLO c
S: ...
S: 250 HELP
C: MAIL FROM:<s@x.example>
S: 250 ...
C: RCPT TO:<bob@host.example>
S: 250 ...
C: HELO c
S: 250 host.example
C: RCPT TO:<bob@host.example>
S: 503 5.5.1 Need MAIL first
C: DATA
S: 503 5.5.1 Need MAIL first
C: MAIL FROM:<s@x.example>
S: 250 ...
C: RCPT TO:<bob@host.example>
S: 250 ...
C: EHLO c
S: ...
S: 250 HELP
C: DATA
S: 503 5.5.1 Need MAIL first
