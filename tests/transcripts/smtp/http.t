# S26: a browser that was led here is sent away at its first line.
PROGRAM dsmtpd-session
ARGS --by-hand host.example
R: POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c\r\nMAIL FROM:<a@b>\r\n
S: 554 5.5.1 ...
S: <END>
