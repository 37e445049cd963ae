# dmail: one non-recursive Makefile.  `make`, `make check`, `make demo`, `make bench`, `make fuzz`,
# `make lint`, `make install`.  A new source file needs no line here; a new program needs one row.
B ?= build
-include config.mk

ifeq ($(MAKECMDGOALS),)
MAKECMDGOALS := all
endif
.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:

comma := ,
# ---- flags -------------------------------------------------------------------------------------
OPT ?= -O2 -g1
WARN := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wvla -Wundef
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
  -D_GLIBCXX_ASSERTIONS
ifeq ($(SAN),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
HARDEN += -DDMAIL_SANITIZED=1 -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
STATIC_LINK := -pie
endif
ifeq ($(WERROR),yes)
WARN += -Werror
endif
CXXFLAGS_ALL = -std=c++20 $(OPT) $(WARN) $(HARDEN) -ffunction-sections -fdata-sections \
  -Icommon -I. -I$(B)/gen -DDMAIL_VERSION='"$(VERSION)"' -DDMAIL_LIBEXEC='"$(libexecdir)"' \
  -DDMAIL_CONF='"$(sysconfdir)/dmail.conf"' -DDMAIL_USER='"$(DMAIL_USER)"' \
  -DDMAIL_LOGIN_USER='"$(LOGIN_USER)"' -DDMAIL_AUTH_USER='"$(AUTH_USER)"' -DDMAIL_JAIL='"$(JAIL_DIR)"' \
  $(if $(filter yes,$(HAVE_SECCOMP)),-DDMAIL_HAVE_SECCOMP=1) $(CXXFLAGS)
# A sanitizer's own crypt(3) only calls on to the real one: it must not make -lcrypt look unneeded.
LDFLAGS_ALL = $(HARDEN) -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections \
  $(if $(SAN),,-Wl$(comma)--as-needed) $(LDFLAGS)
# Static programs start fastest and share nothing that would need relocation; the others keep
# libstdc++ inside and libc outside (NSS, PAM and iconv need the dynamic libc).
LINK_static = $(STATIC_LINK)
LINK_dynamic = -pie -static-libstdc++ -static-libgcc
# OpenSSL's tables are full of pointers: at a fixed address they stay shared pages of the file, relocated
# they are 380 KiB of private memory in every process (common/privsep/README has the figures).
LINK_fixed = -static -no-pie
ifneq ($(SAN),)
LINK_dynamic = -pie
LINK_fixed = -pie
endif

libexecdir ?= $(exec_prefix)/lib/dmail
sbindir ?= $(exec_prefix)/sbin
mandir ?= $(prefix)/share/man

# ---- archives: one a folder, in link order -------------------------------------------------------
FOLDERS := privsep auth account conf log store mail table io base
arch = $(patsubst %,$(B)/common/%.a,$(1))
obj = $(patsubst %.cc,$(B)/%.o,$(1))

CHAIN_HOST := privsep auth account conf log io base
CHAIN_MAIL := store mail io base

# ---- programs: NAME_SRC, NAME_LIBS (folders), NAME_LINK (static|dynamic), NAME_EXT (libraries) ---
PROGRAMS :=
TLS_SRC := $(wildcard common/io/tls_openssl*.cc)
TLS_PROOF_SRC := common/io/tls_proof.cc
WIPING_HEAP := common/base/wiping_heap.cc
include $(wildcard tools/build/programs.mk)

ALL_BIN := $(addprefix $(B)/bin/,$(PROGRAMS))

.PHONY: all check demo bench fuzz lint install clean distclean packages
all: $(ALL_BIN)

configure: configure.ac
	autoconf
config.mk: configure tools/build/config.mk.in
	./configure -q $(CONFIGURE_FLAGS)

define program
$(B)/bin/$(1): $(call obj,$($(1)_SRC)) $(call arch,$($(1)_LIBS))
	@mkdir -p $$(@D)
	$(CXX) $(LDFLAGS_ALL) $$(LINK_$($(1)_LINK)) -o $$@ $(call obj,$($(1)_SRC)) \
	  -Wl,--start-group $(call arch,$($(1)_LIBS)) -Wl,--end-group $($(1)_EXT)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# A program that may speak TLS names TLS_SRC or tls_absent.cc among its own sources; what needs OpenSSL is in
# no archive.
archive_src = $(filter-out $(TLS_SRC) $(TLS_PROOF_SRC) %/tls_absent.cc %/tls_client_openssl.cc \
  %/tls_client_absent.cc $(WIPING_HEAP),$(wildcard common/$(1)/*.cc))
define archive
$(B)/common/$(1).a: $(call obj,$(call archive_src,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $(call obj,$(call archive_src,$(1)))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))

$(B)/%.o: %.cc | config.mk
	@mkdir -p $(@D)
	$(CCACHE) $(CXX) $(CXXFLAGS_ALL) $(CXXFLAGS_$(subst /,_,$(dir $<))) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name '*.d' 2>/dev/null)

include tools/build/install.mk
include tools/build/check.mk
include tools/build/bare.mk

clean:
	rm -rf $(B)
distclean: clean
	rm -rf build* config.mk config.log config.status configure autom4te.cache
