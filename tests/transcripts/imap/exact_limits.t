# The last that is taken, and the first that is not; each command has its limits anew.
MESSAGES INBOX 1
C: a SELECT INBOX
S: ...
S: a OK ...
# Tags: 255 octets.
REPEAT 255 t
R:  NOOP\r\n
S: tttt... OK NOOP completed
REPEAT 256 t
R:  NOOP\r\n
S: * BAD Invalid tag
# Lines: 65536 octets with their CR, in each command again.
R: aaa FETCH 1
REPEAT 32760 ,1
R:  UID\r\n
S: * 1 FETCH (UID 1)
S: aaa OK ...
R: bbb FETCH 1
REPEAT 32760 ,1
R:  UID\r\n
S: * 1 FETCH (UID 1)
S: bbb OK ...
R: cccc FETCH 1
REPEAT 32760 ,1
R:  UID\r\n
S: cccc BAD Command line is too long
R: ddd FETCH 1
REPEAT 32760 ,1
R:  UID\r\n
S: * 1 FETCH (UID 1)
S: ddd OK ...
# Flags: 100 of one command, 64 octets each.
C: e STORE 1 -FLAGS (k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14 k15 k16 k17 k18 k19 k20 k21 k22 k23 k24 k25 k26 k27 k28 k29 k30 k31 k32 k33 k34 k35 k36 k37 k38 k39 k40 k41 k42 k43 k44 k45 k46 k47 k48 k49 k50 k51 k52 k53 k54 k55 k56 k57 k58 k59 k60 k61 k62 k63 k64 k65 k66 k67 k68 k69 k70 k71 k72 k73 k74 k75 k76 k77 k78 k79 k80 k81 k82 k83 k84 k85 k86 k87 k88 k89 k90 k91 k92 k93 k94 k95 k96 k97 k98 k99)
S: * 1 FETCH (FLAGS (\Recent))
S: e OK ...
C: f STORE 1 -FLAGS (k0 k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11 k12 k13 k14 k15 k16 k17 k18 k19 k20 k21 k22 k23 k24 k25 k26 k27 k28 k29 k30 k31 k32 k33 k34 k35 k36 k37 k38 k39 k40 k41 k42 k43 k44 k45 k46 k47 k48 k49 k50 k51 k52 k53 k54 k55 k56 k57 k58 k59 k60 k61 k62 k63 k64 k65 k66 k67 k68 k69 k70 k71 k72 k73 k74 k75 k76 k77 k78 k79 k80 k81 k82 k83 k84 k85 k86 k87 k88 k89 k90 k91 k92 k93 k94 k95 k96 k97 k98 k99 k100)
S: f BAD Too many flags
C: g STORE 1 +FLAGS (kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk)
S: ...
S: g OK ...
C: h STORE 1 +FLAGS (kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk)
S: h BAD Keyword is too long
C: i APPEND INBOX (kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk) {1}
S: i BAD Keyword is too long
