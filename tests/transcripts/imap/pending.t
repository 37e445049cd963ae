# Bytes that the login program had read already come first, whole and partial lines alike.
START tag 7
START command AUTHENTICATE
PENDING a NOOP\r\nb CAPA
S: 7 OK AUTHENTICATE completed
S: a OK NOOP completed
R: BILITY\r\n
S: * CAPABILITY IMAP4rev1 ...
S: b OK CAPABILITY completed
