# One stanza a program.  LIBS names folders of common/; the link line is the audit of who may use what:
# the root monitors link neither mail nor store, the sessions neither OpenSSL nor PAM.
#   NAME_SRC   its own sources         NAME_LIBS  folders of common/ (CHAIN_HOST, CHAIN_MAIL)
#   NAME_LINK  static | fixed | dynamic NAME_EXT   libraries of the system
# Convention in a daemon's folder: main.cc is the monitor, login*.cc the login program, deliver*.cc the
# delivery program, everything else the session.
session_src = $(filter-out $(wildcard $(1)/main.cc $(1)/login*.cc $(1)/deliver*.cc),$(wildcard $(1)/*.cc))

# ---- dmtry: a private instance for demonstrations and tests
PROGRAMS += dmtry
dmtry_SRC := $(wildcard tools/dmtry/*.cc)
dmtry_LIBS := io base
dmtry_LINK := dynamic
dmtry_EXT := -lssl -lcrypto

# imapd and dpopd: monitor, login program in two links (with and without OpenSSL), session.
TLS_EXT := -lssl -lcrypto
define login_programs
PROGRAMS += $(1) $(1)-login $(1)-login-tls
$(1)_SRC := $(1)/main.cc
$(1)_LIBS := $$(CHAIN_HOST)
$(1)_LINK := static
$(1)_EXT := -lcrypt
$(1)-login_SRC := $$(wildcard $(1)/login*.cc) common/io/tls_absent.cc $$(WIPING_HEAP)
$(1)-login_LIBS := $$(CHAIN_HOST)
$(1)-login_LINK := static
$(1)-login-tls_SRC := $$(wildcard $(1)/login*.cc) $$(TLS_SRC) $$(WIPING_HEAP)
$(1)-login-tls_LIBS := $$(CHAIN_HOST)
$(1)-login-tls_LINK := fixed
$(1)-login-tls_EXT := $$(TLS_EXT)
endef
$(eval $(call login_programs,imapd))
$(eval $(call login_programs,dpopd))

# ---- dsmtpd: monitor, dialogue (two links), delivery
dsmtpd_monitor := dsmtpd/monitor.cc dsmtpd/monitor_delivery.cc dsmtpd/handoff.cc dsmtpd/recipient.cc dsmtpd/relay.cc \
  dsmtpd/remote_delivery.cc
dsmtpd_dialogue = $(filter-out $(dsmtpd_monitor) dsmtpd/trace%.cc,$(call session_src,dsmtpd))
PROGRAMS += dsmtpd dsmtpd-session dsmtpd-session-tls dsmtpd-deliver
dsmtpd_SRC := dsmtpd/main.cc $(dsmtpd_monitor) dsmtpd/requests.cc dsmtpd/trace.cc \
  dsmtpd/path.cc
dsmtpd_LIBS := $(CHAIN_HOST)
dsmtpd_LINK := static
dsmtpd_EXT := -lcrypt
dsmtpd-session_SRC := $(dsmtpd_dialogue) common/io/tls_absent.cc $(WIPING_HEAP)
dsmtpd-session_LIBS := privsep account conf log io base
dsmtpd-session_LINK := static
dsmtpd-session-tls_SRC := $(dsmtpd_dialogue) $(TLS_SRC) $(WIPING_HEAP)
dsmtpd-session-tls_LIBS := $(dsmtpd-session_LIBS)
dsmtpd-session-tls_LINK := fixed
dsmtpd-session-tls_EXT := $(TLS_EXT)
dsmtpd-deliver_SRC := dsmtpd/deliver_main.cc dsmtpd/trace.cc dsmtpd/trace_headers.cc
dsmtpd-deliver_LIBS := privsep account conf log $(CHAIN_MAIL)
dsmtpd-deliver_LINK := static
FUZZ_OWN_fuzz_smtp := dsmtpd
FUZZ_OWN_fuzz_frame := dsmtpd

# ---- dmconf: checks and explains dmail.conf; takes in certificates as the TLS programs do
PROGRAMS += dmconf
dmconf_SRC := $(wildcard tools/dmconf/*.cc) tools/multiauth/config.cc tools/modules/config_file.cc \
  $(TLS_SRC)
dmconf_LIBS := $(CHAIN_HOST)
dmconf_LINK := fixed
dmconf_EXT := $(TLS_EXT) -lcrypt
# ---- dpopd-session
PROGRAMS += dpopd-session
dpopd-session_SRC := $(call session_src,dpopd)
dpopd-session_LIBS := $(CHAIN_HOST) $(CHAIN_MAIL)
dpopd-session_LINK := static
dpopd-session_EXT := -lcrypt
FUZZ_OWN_fuzz_pop := dpopd

# ---- imapd-session
PROGRAMS += imapd-session
imapd-session_SRC := $(call session_src,imapd)
imapd-session_LIBS := $(CHAIN_HOST) $(CHAIN_MAIL)
imapd-session_LINK := static
FUZZ_OWN_fuzz_imap := imapd
imapd-session_EXT := -lcrypt

# nwauth: the default authentication module.
PROGRAMS += nwauth
nwauth_SRC := $(wildcard tools/nwauth/*.cc tools/modules/*.cc) $(WIPING_HEAP)
nwauth_LIBS := table privsep account conf log io base
nwauth_LINK := dynamic
NWAUTH_EXT := $(DB_LIB) $(IDN_LIB) -lcrypto -lcrypt -pthread
nwauth_EXT := $(NWAUTH_EXT)
FUZZ_OWN_fuzz_dump := fuzz_dump
OWN_fuzz_dump = $(call obj,$(addprefix tools/nwauth/,dump.cc record.cc user_table.cc))

# unixauth: users of the system, through PAM (or the shadow file in a build without).
PROGRAMS += unixauth
unixauth_SRC := $(addprefix tools/unixauth/,main.cc answers.cc $(if $(filter no,$(WITH_PAM)),shadow,pam).cc) \
  tools/modules/line_protocol.cc
unixauth_LIBS := io base
unixauth_LINK := dynamic
unixauth_EXT := $(if $(filter no,$(WITH_PAM)),-lcrypt,-lpam)

# dmtally: failed logins and relay records; the servers start it.  dmrelay: the administrator's view.
# Linked with libdb.a it starts no faster (1.7 ms either way), and misses the library's updates.
TALLY_LIBS := table privsep account conf log io base
PROGRAMS += dmtally dmrelay
dmtally_SRC := $(wildcard tools/dmtally/*.cc)
dmtally_LIBS := $(TALLY_LIBS)
dmtally_LINK := dynamic
dmtally_EXT := $(DB_LIB)
dmrelay_SRC := $(wildcard tools/dmrelay/*.cc) tools/dmtally/book.cc tools/dmtally/records.cc
dmrelay_LIBS := $(TALLY_LIBS)
dmrelay_LINK := dynamic
dmrelay_EXT := $(DB_LIB)
# dmsasl: SASL exchanges with GNU SASL; EXTERNAL is in a program of its own, which alone links OpenSSL.
dmsasl_parts := $(filter-out tools/dmsasl/identity_%.cc,$(wildcard tools/dmsasl/*.cc))
PROGRAMS += dmsasl dmsasl-external
dmsasl_SRC := $(dmsasl_parts) tools/dmsasl/identity_absent.cc
dmsasl_LIBS := $(CHAIN_HOST)
dmsasl_LINK := dynamic
DMSASL_EXT := -lgsasl $(MD_LIB)
dmsasl_EXT := $(DMSASL_EXT)
dmsasl-external_SRC := $(dmsasl_parts) tools/dmsasl/identity_openssl.cc $(TLS_PROOF_SRC)
dmsasl-external_LIBS := $(CHAIN_HOST)
dmsasl-external_LINK := dynamic
dmsasl-external_EXT := $(DMSASL_EXT) -lcrypto

# authpool: copies of any module behind a socket.
PROGRAMS += authpool
authpool_SRC := $(wildcard tools/authpool/*.cc tools/modules/*.cc) $(WIPING_HEAP)
authpool_LIBS := privsep auth account conf log io base
authpool_LINK := dynamic
authpool_EXT := -lcrypto -lcrypt -pthread
FUZZ_OWN_fuzz_pool := authpool
FUZZ_EXT_fuzz_pool := -lcrypto -pthread


# ---- dmail-proxy: the client's part towards another server of the site, in two links
PROGRAMS += dmail-proxy dmail-proxy-tls
FUZZ_OWN_fuzz_backend := proxy
proxy_SRC := $(wildcard tools/proxy/*.cc)
dmail-proxy_SRC := $(proxy_SRC) common/io/tls_client_absent.cc
dmail-proxy_LIBS := privsep account conf log mail io base
dmail-proxy_LINK := static
dmail-proxy-tls_SRC := $(proxy_SRC) common/io/tls_client_openssl.cc $(TLS_SRC)
dmail-proxy-tls_LIBS := $(dmail-proxy_LIBS)
dmail-proxy-tls_LINK := fixed
dmail-proxy-tls_EXT := $(TLS_EXT)

# Modules with a configuration file of their own.
configured_module_SRC := $(addprefix tools/modules/,command_line.cc config_file.cc line_protocol.cc)

# ldapauth: users of an LDAP directory.
PROGRAMS += ldapauth
ldapauth_SRC := $(wildcard tools/ldapauth/*.cc) $(configured_module_SRC)
ldapauth_LIBS := io base
ldapauth_LINK := dynamic
ldapauth_EXT := -lldap -llber

# multiauth: several modules in an order.
PROGRAMS += multiauth
multiauth_SRC := $(wildcard tools/multiauth/*.cc) tools/authpool/pool.cc tools/authpool/question.cc \
  $(configured_module_SRC)
multiauth_LIBS := auth account conf log io base
multiauth_LINK := dynamic
multiauth_EXT := -lcrypt -pthread

# dmwho: who is logged in, and ending sessions.
PROGRAMS += dmwho
dmwho_SRC := $(wildcard tools/dmwho/*.cc)
dmwho_LIBS := privsep account conf log io base
dmwho_LINK := static
