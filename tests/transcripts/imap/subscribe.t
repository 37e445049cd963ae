# SUBSCRIBE, UNSUBSCRIBE and LSUB with its special % rule (RFC 3501 section 6.3.9).
C: a CREATE foo/bar
S: a OK CREATE completed
C: b SUBSCRIBE foo/bar
S: b OK SUBSCRIBE completed
C: c SUBSCRIBE inbox
S: c OK SUBSCRIBE completed
C: d LSUB "" *
S: * LSUB () "/" INBOX
S: * LSUB () "/" foo/bar
S: d OK LSUB completed
C: e LSUB "" %
S: * LSUB () "/" INBOX
S: * LSUB (\Noselect) "/" foo
S: e OK LSUB completed
C: f UNSUBSCRIBE foo/bar
S: f OK UNSUBSCRIBE completed
C: g LSUB "" *
S: * LSUB () "/" INBOX
S: g OK LSUB completed
C: h LSUB "" ""
S: * LSUB (\Noselect) "/" ""
S: h OK LSUB completed
