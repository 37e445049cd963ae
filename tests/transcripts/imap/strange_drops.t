# A drop file that is a symbolic link (reliability F04): NO, and its target is as it was.
FILE secret
not for joe
END
LINK joe {dir}/secret
C: a SELECT INBOX
S: a NO ...
C: b APPEND INBOX {5+}
C: a: b
S: b NO ...
C: c STATUS INBOX (MESSAGES)
S: c NO ...
HOLDS secret not for joe\n
