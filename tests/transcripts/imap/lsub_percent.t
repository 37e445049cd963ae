# LSUB with % (RFC 3501 section 6.3.9): a parent that is not subscribed, once and with \Noselect, and no other.
C: a SUBSCRIBE one/two/three
S: a OK ...
C: b SUBSCRIBE one/two/four
S: b OK ...
C: c SUBSCRIBE one/six
S: c OK ...
C: d SUBSCRIBE seven
S: d OK ...
C: e SUBSCRIBE seven/eight
S: e OK ...
C: f LSUB "" %
S: * LSUB (\Noselect) "/" one
S: * LSUB () "/" seven
S: f OK ...
C: g LSUB "" one/%
S: * LSUB () "/" one/six
S: * LSUB (\Noselect) "/" one/two
S: g OK ...
C: h LSUB one/ %
S: * LSUB () "/" one/six
S: * LSUB (\Noselect) "/" one/two
S: h OK ...
C: i LSUB "" %/%
S: * LSUB () "/" one/six
S: * LSUB (\Noselect) "/" one/two
S: * LSUB () "/" seven/eight
S: i OK ...
# Only a % at the end asks for parents.
C: j LSUB "" o*e
S: * LSUB () "/" one/two/three
S: j OK ...
C: k LSUB "" %o
S: k OK ...
C: l LSUB "" *
S: * LSUB () "/" one/six
S: * LSUB () "/" one/two/four
S: * LSUB () "/" one/two/three
S: * LSUB () "/" seven
S: * LSUB () "/" seven/eight
S: l OK ...
C: m SUBSCRIBE one
S: m OK ...
C: n LSUB "" %
S: * LSUB () "/" one
S: * LSUB () "/" seven
S: n OK ...
