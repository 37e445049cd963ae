# SEARCH in charsets of East Asia and others, as MIME and encoded words name them; composed and decomposed letters.
MAILBOX INBOX
From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?ISO-2022-JP?B?GyRCMnE1RCROJCpDTiRpJDsbKEI=?=
MIME-Version: 1.0
Content-Type: text/plain; charset=ISO-2022-JP

$B2q5D$N$*CN$i$;(B
FC$N plain words

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?GB2312?B?u+HS6c2o1qo=?=
MIME-Version: 1.0
Content-Type: text/plain; charset=gb2312
Content-Transfer-Encoding: base64

u+HS6c2o1qqjrLPM470=

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?Shift_JIS?B?ie+LY4NclVw=?=
MIME-Version: 1.0
Content-Type: text/plain; charset=x-sjis
Content-Transfer-Encoding: base64

ie+LY4NclVw=

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?big5?B?t3zEs6Vcr+A=?=
MIME-Version: 1.0
Content-Type: text/plain; charset="big5"
Content-Transfer-Encoding: base64

t3zEs6Vcr+A=

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?ks_c_5601-1987?B?yLjAxyCMY7nm?=
MIME-Version: 1.0
Content-Type: text/plain; charset=ks_c_5601-1987
Content-Transfer-Encoding: base64

yLjAxyCMY7nm

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?unicode-1-1-utf-7?Q?M+APw-ller?= =?unicode-1-1-utf-7?Q?+AOQ?=
MIME-Version: 1.0
Content-Type: text/plain; charset=unicode-1-1-utf-7

gr+APw-n +Zl8-

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?cp-850?Q?M=81ller?=
MIME-Version: 1.0
Content-Type: text/plain; charset=ibm850
Content-Transfer-Encoding: quoted-printable

gr=81n

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?gb2312?B?u+HS?=
 =?gb2312?B?6bzN0qo=?=
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-16
Content-Transfer-Encoding: base64

//4aT66L

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
Subject: =?iso-2022-jp?B?GyRCMnE1RA==?= next
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-2022-jp

$B2q5D
afterwards in ASCII

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
To: =?utf-8?Q?J=C3=B6rg?= <j@b.example>
Subject: =?utf-8?Q?M=C3=BCller?= (1)
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

caf=C3=A9 =EA=B0=80

From a@b Sat Nov 21 11:05:22 2026
From: a@b.example
To: =?utf-8?Q?Jo=CC=88rg?= <j@b.example>
Subject: =?utf-8?Q?Mu=CC=88ller?= (2)
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

cafe=CC=81 =E1=84=80=E1=85=A1

END
C: a SELECT INBOX
S: ...
S: a OK [READ-WRITE] SELECT completed
C: q1 SEARCH CHARSET UTF-8 SUBJECT {6+}
R: \xe4\xbc\x9a\xe8\xad\xb0\r\n
S: * SEARCH 1 3 9
S: q1 OK SEARCH completed
C: q2 SEARCH CHARSET UTF-8 BODY {6+}
R: \xe4\xbc\x9a\xe8\xad\xb0\r\n
S: * SEARCH 1 3 9
S: q2 OK SEARCH completed
C: q3 SEARCH CHARSET UTF-8 SUBJECT {6+}
R: \xe4\xbc\x9a\xe8\xae\xae\r\n
S: * SEARCH 2 8
S: q3 OK SEARCH completed
C: q4 SEARCH CHARSET UTF-8 BODY {6+}
R: \xe4\xbc\x9a\xe8\xae\xae\r\n
S: * SEARCH 2 8
S: q4 OK SEARCH completed
C: q5 SEARCH CHARSET UTF-8 TEXT {9+}
R: \xe6\x9c\x83\xe8\xad\xb0\xe5\x8a\x9f\r\n
S: * SEARCH 4
S: q5 OK SEARCH completed
C: q6 SEARCH CHARSET UTF-8 SUBJECT {6+}
R: \xed\x9a\x8c\xec\x9d\x98\r\n
S: * SEARCH 5
S: q6 OK SEARCH completed
C: q7 SEARCH CHARSET UTF-8 BODY {6+}
R: \xeb\x98\xa0\xeb\xb0\xa9\r\n
S: * SEARCH 5
S: q7 OK SEARCH completed
C: q8 SEARCH CHARSET UTF-8 BODY {6+}
R: \xe3\x82\xbd\xe8\xa1\xa8\r\n
S: * SEARCH 3
S: q8 OK SEARCH completed
C: q9 SEARCH CHARSET UTF-8 BODY {3+}
R: \xe6\x86\xac\r\n
S: * SEARCH 2
S: q9 OK SEARCH completed
C: q10 SEARCH CHARSET GB2312 SUBJECT {4+}
R: \xbb\xe1\xd2\xe9\r\n
S: * SEARCH 2 8
S: q10 OK SEARCH completed
C: q11 SEARCH CHARSET iso-2022-jp BODY {10+}
R: \x1b\x24\x42\x32\x71\x35\x44\x1b\x28\x42\r\n
S: * SEARCH 1 3 9
S: q11 OK SEARCH completed
C: q12 SEARCH CHARSET shift-jis SUBJECT {4+}
R: \x89\xef\x8b\x63\r\n
S: * SEARCH 1 3 9
S: q12 OK SEARCH completed
C: q13 SEARCH CHARSET EUC-KR SUBJECT {4+}
R: \xc8\xb8\xc0\xc7\r\n
S: * SEARCH 5
S: q13 OK SEARCH completed
C: q14 SEARCH CHARSET Big5 SUBJECT {4+}
R: \xb7\x7c\xc4\xb3\r\n
S: * SEARCH 4
S: q14 OK SEARCH completed
C: q15 SEARCH CHARSET UTF-7 SUBJECT {10+}
R: \x4d\x2b\x41\x50\x77\x2d\x6c\x6c\x65\x72\r\n
S: * SEARCH 6 7 10 11
S: q15 OK SEARCH completed
C: q17 SEARCH CHARSET UTF-8 SUBJECT {7+}
R: \x4d\xc3\xbc\x6c\x6c\x65\x72\r\n
S: * SEARCH 6 7 10 11
S: q17 OK SEARCH completed
C: q18 SEARCH CHARSET UTF-8 SUBJECT {8+}
R: \x4d\x75\xcc\x88\x4c\x4c\x45\x52\r\n
S: * SEARCH 6 7 10 11
S: q18 OK SEARCH completed
C: q19 SEARCH CHARSET UTF-8 BODY {5+}
R: \x47\x52\xc3\x9c\x4e\r\n
S: * SEARCH 6 7
S: q19 OK SEARCH completed
C: q20 SEARCH CHARSET UTF-8 BODY {3+}
R: \xe6\x99\x9f\r\n
S: * SEARCH 6
S: q20 OK SEARCH completed
C: q21 SEARCH CHARSET UTF-8 BODY {5+}
R: \x43\x41\x46\xc3\x89\r\n
S: * SEARCH 10 11
S: q21 OK SEARCH completed
C: q22 SEARCH CHARSET UTF-8 BODY {6+}
R: \x63\x61\x66\x65\xcc\x81\r\n
S: * SEARCH 10 11
S: q22 OK SEARCH completed
C: q23 SEARCH CHARSET UTF-8 BODY {3+}
R: \xea\xb0\x80\r\n
S: * SEARCH 10 11
S: q23 OK SEARCH completed
C: q24 SEARCH CHARSET UTF-8 TO {5+}
R: \x6a\xc3\xb6\x72\x67\r\n
S: * SEARCH 10 11
S: q24 OK SEARCH completed
C: q25 SEARCH BODY "cafe"
S: * SEARCH 10 11
S: q25 OK SEARCH completed
C: q26 SEARCH BODY "CAF"
S: * SEARCH 10 11
S: q26 OK SEARCH completed
C: q27 SEARCH BODY "cafes"
S: * SEARCH
S: q27 OK SEARCH completed
C: q28 SEARCH BODY "plain words"
S: * SEARCH 1
S: q28 OK SEARCH completed
C: q29 SEARCH BODY "afterwards in ascii"
S: * SEARCH 9
S: q29 OK SEARCH completed
C: q30 SEARCH BODY "FC$N"
S: * SEARCH 1
S: q30 OK SEARCH completed
C: q31 SEARCH BODY "2q5D"
S: * SEARCH
S: q31 OK SEARCH completed
C: q32 SEARCH SUBJECT "mu"
S: * SEARCH 6 7 10 11
S: q32 OK SEARCH completed
C: y SEARCH CHARSET GB2312 ALL
S: * SEARCH 1 2 3 4 5 6 7 8 9 10 11
S: y OK SEARCH completed
C: z SEARCH CHARSET X-KLINGON ALL
S: z NO [BADCHARSET (US-ASCII UTF-8 ... ISO-2022-JP ... GB18030 ... BIG5 ...)] Charset is not known
