# A drop file that is no mbox: refused, and left as it is.
PROGRAM dpopd-session
FILE joe
this is no mail
END
S: -ERR [SYS/TEMP] ...
S: <END>
HOLDS joe this is no mail\n
