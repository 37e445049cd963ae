# One stanza a program.  LIBS names folders of common/; the link line is the audit of who may use what:
# the root monitors link neither mail nor store, the sessions neither OpenSSL nor PAM.
#   NAME_SRC   its own sources         NAME_LIBS  folders of common/ (CHAIN_HOST, CHAIN_MAIL)
#   NAME_LINK  static | dynamic        NAME_EXT   libraries of the system
# Convention in a daemon's folder: main.cc is the monitor, login*.cc the login program, deliver*.cc the
# delivery program, everything else the session.
session_src = $(filter-out %/main.cc %/login%.cc %/deliver%.cc,$(wildcard $(1)/*.cc))

# ---- dmtry: a private instance for demonstrations and tests
PROGRAMS += dmtry
dmtry_SRC := $(wildcard tools/dmtry/*.cc)
dmtry_LIBS := io base
dmtry_LINK := dynamic
dmtry_EXT := -lssl -lcrypto
