# dmail: one non-recursive Makefile; `make help` lists what it makes.  A new source file needs no line here; a new
# program needs one row.
B ?= build
.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:
# All cores, unless the command line says -j.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
# These build nothing themselves: configure is not run for them.
PLAIN_GOALS := help clean distclean demo check newcomer admin-hour unharmed
ifneq ($(filter-out $(PLAIN_GOALS),$(or $(MAKECMDGOALS),all)),)
include config.mk
CONFIGURED := yes
endif

comma := ,
# ---- flags -------------------------------------------------------------------------------------
OPT ?= -O2 -g1
WARN := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wvla -Wundef
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection $(CF_PROTECTION) \
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
# A unit test is compiled once and run for a moment: optimizing it takes longer than it saves.
TEST_OPT := $(if $(SAN),,-O0 -U_FORTIFY_SOURCE)
CXXFLAGS_ALL = -std=c++20 $(OPT) $(WARN) $(HARDEN) -ffunction-sections -fdata-sections \
  -Icommon -I. -I$(B)/gen -DDMAIL_VERSION='"$(VERSION)"' -DDMAIL_LIBEXEC='"$(libexecdir)"' \
  -DDMAIL_CONF='"$(sysconfdir)/dmail.conf"' -DDMAIL_USER='"$(DMAIL_USER)"' \
  -DDMAIL_LOGIN_USER='"$(LOGIN_USER)"' -DDMAIL_AUTH_USER='"$(AUTH_USER)"' -DDMAIL_MODULE_USER='"$(MODULE_USER)"' -DDMAIL_JAIL='"$(JAIL_DIR)"' \
  $(CPPFLAGS) $(CXXFLAGS)
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

.PHONY: all help check demo bench fuzz lint install clean distclean
all: $(ALL_BIN)

help:
	@sed -n 's/^#: //p' Makefile tools/build/*.mk

#: make             builds everything (configures itself first; CONFIGURE_FLAGS=--help says how)
#: make clean       removes what was built;  make distclean also what was configured and unpacked
configure: configure.ac
	@command -v autoconf >/dev/null || { echo 'autoconf is missing.  sh tools/build/install-packages brings what the build' \
	  'needs (as root; it says what it installs).' >&2; exit 1; }
	autoconf
# As it was configured before, when only the template or configure.ac changed.
config.mk: configure tools/build/config.mk.in
	@if [ -x config.status ] && [ -z "$(CONFIGURE_FLAGS)" ]; then ./config.status -q --recheck && ./config.status -q; \
	else ./configure -q $(CONFIGURE_FLAGS); fi

# A program that may speak TLS names TLS_SRC or tls_absent.cc among its own sources; what needs OpenSSL is in
# no archive.
archive_src = $(filter-out $(TLS_SRC) $(TLS_PROOF_SRC) %/tls_absent.cc %/tls_client_openssl.cc \
  %/tls_client_absent.cc $(WIPING_HEAP),$(wildcard common/$(1)/*.cc))

# Objects and programs are made anew when the command that makes them changes, archives when a source came or went: both
# are kept in files they depend on.  A make that read no config.mk knows no such command: its words would have the next one make everything anew.
define command_stamp
ifneq ($$(file <$(B)/$(1)),$(2))
$$(shell mkdir -p $(B))
$$(file >$(B)/$(1),$(2))
endif
endef
ifeq (yes,$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,$(CONFIGURED)))
$(eval $(call command_stamp,compile,$$(CXX) $$(CXXFLAGS_ALL)))
$(eval $(call command_stamp,link,$$(CXX) $$(LDFLAGS_ALL) $$(STATIC_LINK)))
$(eval $(call command_stamp,sources,$$(foreach f,$$(FOLDERS),$$(call archive_src,$$(f)))))
endif
$(B)/compile $(B)/link $(B)/sources: ;

define program
$(B)/bin/$(1): $(call obj,$($(1)_SRC)) $(call arch,$($(1)_LIBS)) $(B)/link
	@mkdir -p $$(@D)
	$(CXX) $(LDFLAGS_ALL) $$(LINK_$($(1)_LINK)) -o $$@ $(call obj,$($(1)_SRC)) \
	  -Wl,--start-group $(call arch,$($(1)_LIBS)) -Wl,--end-group $($(1)_EXT)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

define archive
$(B)/common/$(1).a: $(call obj,$(call archive_src,$(1))) $(B)/sources
	@mkdir -p $$(@D)
	@rm -f $$@
	$(AR) rcs $$@ $(call obj,$(call archive_src,$(1)))
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))

# Standard headers and Catch2, parsed once: half of a build's time is theirs.  Not with ccache, which does it better; and in
# CI the programs are built without, so that each file is seen to include what it uses.  PCH=no switches it off.
PCH ?= $(if $(CCACHE),no,yes)
PCH_EXT := $(if $(findstring clang,$(CXX)),pch,gch)
pch_std := $(if $(filter yes,$(PCH)),$(if $(and $(filter yes,$(WERROR)),$(filter build,$(B))),,std))
pch_unit := $(if $(filter yes,$(PCH)),unit)
# GCC forgets that a precompiled header is the system's, and warns about what it inlines from there.
PCH_WARN := -Wno-array-bounds $(if $(filter gch,$(PCH_EXT)),-Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict)
$(B)/pch/std.h.$(PCH_EXT) $(B)/pch/unit.h.$(PCH_EXT): $(B)/pch/%.h.$(PCH_EXT): tools/build/pch/%.h $(B)/compile
	@mkdir -p $(@D)
	cp $< $(B)/pch/$*.h
	$(CXX) $(CXXFLAGS_ALL) $(if $(filter unit,$*),$(TEST_OPT)) -x c++-header -o $@ $<
pch = $(if $(filter %_test.cc,$(1)),$(pch_unit),$(pch_std))

define compile
$(B)/$(2): $(1) $(B)/compile $(if $(call pch,$(1)),$(B)/pch/$(call pch,$(1)).h.$(PCH_EXT))
	@mkdir -p $$(@D)
	$$(CCACHE) $$(CXX) $$(CXXFLAGS_ALL) $(if $(filter %_test.cc,$(1)),$$(TEST_OPT)) $(if $(call pch,$(1)),$(PCH_WARN) -include $(B)/pch/$(call pch,$(1)).h) -MMD -MP -c -o $$@ $$<
endef
$(eval $(call compile,%_test.cc,%_test.o))
$(eval $(call compile,%.cc,%.o))

-include $(shell find $(B) -name '*.d' 2>/dev/null)

include tools/build/install.mk
include tools/build/check.mk
include tools/build/bare.mk
include tools/build/arm64.mk

clean:
	rm -rf $(B)
distclean: clean
	rm -rf build build-* config.mk config.log config.status configure configure~ autom4te.cache
