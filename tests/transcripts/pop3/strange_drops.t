# Drop files that are none (F04, P03): refused before the first +OK, and never opened through a link.
PROGRAM dpopd-session
FILE secret
From root@example.org Sat Dec 26 09:37:48 1998
Subject: secret

END
LINK joe {dir}/secret
S1: -ERR [SYS/TEMP] ...
S1: <END>
