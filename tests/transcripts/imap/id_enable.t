# RFC 2971 and RFC 5161.
C: a ID NIL
S: * ID ("name" "dmail" "version" "...")
S: a OK ID completed
C: b ID ("name" "sodr" "version" "19.34" "vendor" NIL)
S: * ID (...)
S: b OK ID completed
C: c ID (
S: c BAD ...
C: d ID ("a")
S: d BAD ...
C: e ENABLE X-GOOD-IDEA
S: * ENABLED
S: e OK ENABLE completed
C: f ENABLE
S: f BAD ...
C: g NAMESPACE
S: * NAMESPACE (("" "/")) NIL NIL
S: g OK NAMESPACE completed
