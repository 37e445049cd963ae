# The longest name part (200 octets), name (1000) and the most levels (20) that are taken, and the first that are not;
# the longest pattern (1000) likewise.
R: t0 CREATE 
REPEAT 19 a/
R: b
R: \r\n
S: t0 OK ...
R: t1 CREATE 
REPEAT 20 a/
R: b
R: \r\n
S: t1 NO [CANNOT] The mailbox name has too many levels
R: t2 SUBSCRIBE 
REPEAT 19 a/
R: c
R: \r\n
S: t2 OK ...
R: t3 SUBSCRIBE 
REPEAT 20 a/
R: c
R: \r\n
S: t3 NO [CANNOT] The mailbox name has too many levels
R: t4 CREATE 
REPEAT 200 p
R: \r\n
S: t4 OK ...
R: t5 CREATE 
REPEAT 201 p
R: \r\n
S: t5 NO [CANNOT] The mailbox name is not allowed
R: t6 CREATE x/
REPEAT 200 q
R: \r\n
S: t6 OK ...
R: t7 CREATE 
REPEAT 201 q
R: /x
R: \r\n
S: t7 NO [CANNOT] The mailbox name is not allowed
R: t8 RENAME x 
REPEAT 200 z
R: /
REPEAT 200 z
R: /
REPEAT 200 z
R: /
REPEAT 197 z
R: \r\n
S: t8 NO [CANNOT] The mailbox name is too long
R: t9 CREATE 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R: \r\n
S: t9 OK ...
R: t10 CREATE 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 197 v
R: \r\n
S: t10 NO [CANNOT] The mailbox name is too long
R: t11 STATUS 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R:  (MESSAGES)
R: \r\n
S: * STATUS ... (MESSAGES 0)
S: t11 OK ...
R: t12 APPEND 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R:  {1+}\r\nx
R: \r\n
S: t12 OK ...
R: t13 SELECT 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R: \r\n
S: * 1 EXISTS
S: ...
S: t13 OK ...
R: t14 RENAME 
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R:  
REPEAT 200 r
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 197 w
R: \r\n
S: t14 NO [CANNOT] The mailbox name is too long
R: t15 RENAME 
REPEAT 200 p
R:  
REPEAT 200 y
R: /
REPEAT 200 s
R: /
REPEAT 200 t
R: /
REPEAT 200 u
R: /
REPEAT 196 v
R: \r\n
S: t15 OK ...
R: t16 LIST "" 
REPEAT 998 *
R: qq
R: \r\n
S: * LIST (\HasNoChildren) "/" x/qq...
S: t16 OK ...
R: t17 LIST "" 
REPEAT 999 *
R: qq
R: \r\n
S: t17 NO [LIMIT] Mailbox pattern is too long
R: t18 LIST x 
REPEAT 999 p
R: \r\n
S: t18 OK ...
R: t19 LIST x 
REPEAT 1000 p
R: \r\n
S: t19 NO [LIMIT] Mailbox pattern is too long
R: t20 LSUB "" 
REPEAT 999 %
R: x
R: \r\n
S: t20 OK ...
R: t21 LSUB "" 
REPEAT 1000 %
R: x
R: \r\n
S: t21 NO [LIMIT] Mailbox pattern is too long
