# A FIFO in the place of the drop file does not hang the session (F04, P03).
PROGRAM dpopd-session
FIFO joe
S: -ERR [SYS/TEMP] ...
S: <END>
