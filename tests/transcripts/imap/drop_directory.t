# A drop file that is a directory (F04): NO.
DIRECTORY joe
C: a SELECT INBOX
S: a NO ...
C: b APPEND INBOX {5+}
C: a: b
S: b NO ...
