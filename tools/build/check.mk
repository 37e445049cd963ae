# Tests.
#: make unit        the unit tests;  make unit-FOLDER those of one folder of common/ or of a daemon
UNIT_FOLDERS := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard tests/unit/*/*_test.cc)))))
# One suite over all mail file formats, with processes side by side.
UNIT_FOLDERS += drivers
UNIT_SRC_drivers := $(wildcard tests/drivers/*_test.cc)

BELOW_base := base
BELOW_io := io base
BELOW_log := log io base
BELOW_conf := conf log io base
BELOW_account := account conf log io base
BELOW_auth := auth account conf log io base
BELOW_privsep := $(CHAIN_HOST)
BELOW_table := table io base
BELOW_mail := mail io base
BELOW_store := $(CHAIN_MAIL)
BELOW_drivers := $(CHAIN_MAIL)
BELOW_imapd := $(CHAIN_HOST) $(CHAIN_MAIL)
BELOW_dpopd := $(BELOW_imapd)
BELOW_dsmtpd := $(BELOW_imapd)
BELOW_proxy := $(BELOW_imapd)
OWN_imapd = $(call obj,$(filter-out %main.cc,$(call session_src,imapd)) imapd/login_parser.cc)
OWN_dpopd = $(call obj,$(filter-out %main.cc,$(call session_src,dpopd)))
OWN_proxy = $(call obj,$(filter-out %main.cc,$(wildcard tools/proxy/*.cc)))
OWN_dsmtpd = $(call obj,$(filter-out %main.cc,$(call session_src,dsmtpd)))
BELOW_nwauth := table privsep account conf log io base
OWN_nwauth = $(call obj,$(filter-out %/main.cc,$(wildcard tools/nwauth/*.cc tools/modules/*.cc)))
BELOW_authpool := auth account conf log io base
OWN_authpool = $(call obj,$(filter-out %/main.cc,$(wildcard tools/authpool/*.cc tools/modules/*.cc)))
BELOW_modules := io base
OWN_modules = $(call obj,$(wildcard tools/modules/*.cc))
BELOW_tls := io base
OWN_tls = $(call obj,$(TLS_SRC) $(TLS_PROOF_SRC))
# As the TLS programs are linked, with what only the static library lets us do (tls_openssl_provider.cc).
EXT_tls := $(if $(SAN),-lssl -lcrypto,-l:libssl.a -l:libcrypto.a) -pthread
BELOW_dmsasl := $(CHAIN_HOST)
OWN_dmsasl = $(call obj,$(filter-out %/main.cc,$(dmsasl-external_SRC)) $(TLS_SRC))
EXT_dmsasl := $(DMSASL_EXT) -lssl -lcrypto -pthread
FUZZ_OWN_fuzz_sasl := dmsasl
FUZZ_EXT_fuzz_sasl := $(EXT_dmsasl)
BELOW_tally := $(TALLY_LIBS)
OWN_tally = $(call obj,$(filter-out %/main.cc,$(wildcard tools/dmtally/*.cc)))
EXT_tally := $(DB_LIB)
BELOW_ldapauth := io base
OWN_ldapauth = $(call obj,$(addprefix tools/,ldapauth/config.cc ldapauth/filter.cc ldapauth/entry.cc modules/config_file.cc))
BELOW_multiauth := account conf log io base
OWN_multiauth = $(call obj,tools/multiauth/config.cc tools/modules/config_file.cc)
OWN_fuzz_modules = $(sort $(OWN_ldapauth) $(OWN_multiauth))
FUZZ_OWN_fuzz_modules := fuzz_modules
EXT_auth := -lcrypt
EXT_authpool := -lcrypto -lcrypt -pthread
EXT_modules := -lcrypto -pthread
EXT_nwauth := $(NWAUTH_EXT)
EXT_privsep := -lcrypt
EXT_table := $(DB_LIB)
EXT_imapd := $(EXT_privsep)
EXT_dpopd := $(EXT_privsep)
EXT_dsmtpd := $(EXT_privsep)
EXT_proxy := $(EXT_privsep)

ifneq ($(filter unit%,$(MAKECMDGOALS)),)
ifneq ($(strip $(shell printf '\043if __has_include(<catch2/catch.hpp>)\nyes\n\043endif\n' | \
  $(CXX) $(CPPFLAGS) -x c++ -E -P - 2>/dev/null)),yes)
$(error The unit tests need Catch2 (Debian: catch2): `sh tools/build/install-packages check`, or `make check`, which does it)
endif
endif

define unit
$(B)/tests/unit-$(1): $(B)/tests/unit/main.o $(call obj,$(or $(UNIT_SRC_$(1)),$(wildcard tests/unit/$(1)/*_test.cc))) $(OWN_$(1)) \
  $(call arch,$(sort $(BELOW_$(1))))
	@mkdir -p $$(@D)
	$(CXX) $(LDFLAGS_ALL) $(LINK_dynamic) -o $$@ $$(filter %.o,$$^) \
	  -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(EXT_$(1))
.PHONY: unit-$(1)
unit-$(1): $(B)/tests/unit-$(1)
	$(B)/tests/unit-$(1)
endef
$(foreach f,$(UNIT_FOLDERS),$(eval $(call unit,$(f))))
.PHONY: unit
unit: $(addprefix unit-,$(UNIT_FOLDERS))

# Fuzz targets: tests/fuzz/fuzz_X.cc each, libFuzzer with AddressSanitizer and UBSan, all of common/
# and the sessions built by clang in a build directory of their own.
FUZZ_B := build-fuzz
FUZZERS := $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.cc)))
FUZZ_SECONDS ?= 60
.PHONY: fuzz-build fuzz
fuzz-build:
	$(MAKE) B=$(FUZZ_B) CXX=clang++ SAN=fuzzer-no-link,address,undefined OPT='-O1 -g1' STATIC_LINK= \
	  $(addprefix $(FUZZ_B)/fuzz/,$(FUZZERS))
define fuzzer
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(foreach d,imapd dpopd dsmtpd $(FUZZ_OWN_$(1)),$(OWN_$(d))) $(call arch,$(FOLDERS))
	@mkdir -p $$(@D)
	$(CXX) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $$@ $(B)/tests/fuzz/$(1).o \
	  -Wl,--start-group $(foreach d,$(FUZZ_OWN_$(1)),$(OWN_$(d))) $(call arch,$(FOLDERS)) -Wl,--end-group \
	  $(FUZZ_EXT_$(1)) -lcrypt $(DB_LIB)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))
#: make fuzz        a campaign over every parser (FUZZ_SECONDS each)
fuzz: fuzz-build
	tests/fuzz/campaign $(FUZZ_B)/fuzz $(FUZZ_SECONDS)

#: make lint        includes, format, sizes, manual pages;  make tidy what clang-tidy says
lint: $(B)/bin/dmconf
	tests/lint/run $(B)

# ---- what the README names -----------------------------------------------------------------------
SAMPLE_MAIL := $(or $(DMAIL_MAIL_DIR),$(firstword $(wildcard ../shared/mail)))
# The packages come first: what is configured and built depends on them.
#: make demo        a private instance on loopback; shows a message come in and be read, and stays up
demo:
	@sh tools/build/install-packages demo
	@$(MAKE) --no-print-directory demo-built
#: make check       every test; the last line counts them
check:
	@sh tools/build/install-packages check
	@$(MAKE) --no-print-directory check-built

# What the demo starts, and no more: it is waited for.
DEMO_PROGRAMS := $(filter imapd% dpopd% dsmtpd% dmsasl% dmtally nwauth dmtry,$(PROGRAMS))
.PHONY: demo-built check-built
demo-built: $(addprefix $(B)/bin/,$(DEMO_PROGRAMS))
	@MAIL_DIR=$(SAMPLE_MAIL) tools/build/demo $(CURDIR)/$(B)/bin
check-built: all unit-build
	DMAIL_MAIL_DIR=$(abspath $(SAMPLE_MAIL)) tests/run $(CURDIR)/$(B)
.PHONY: unit-build
unit-build: $(addprefix $(B)/tests/unit-,$(UNIT_FOLDERS))

unit-build: $(B)/tests/stepper $(B)/tests/racer $(B)/tests/recorder
$(B)/tests/stepper: $(B)/tests/faults/stepper.o
$(B)/tests/racer: $(B)/tests/faults/racer.o
$(B)/tests/recorder: $(B)/tests/powerloss/recorder.o
$(B)/tests/stepper $(B)/tests/racer $(B)/tests/recorder:
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS_ALL) $(LINK_dynamic) -o $@ $<

#: make bench       speed and memory beside Dovecot (BENCH_MESSAGES), and beside an earlier commit (BENCH_BEFORE)
BENCH_MESSAGES ?= 20000
BENCH_BEFORE ?=
bench: all $(if $(BENCH_BEFORE),bench-before)
	sh tools/build/install-packages bench
	tests/bench/bench.py $(CURDIR)/$(B) --messages $(BENCH_MESSAGES) --out $(B)/bench.md \
	  $(if $(BENCH_BEFORE),--before $(B)/before/build)
.PHONY: bench-before
bench-before:
	rm -rf $(B)/before && mkdir -p $(B)/before
	git archive $(BENCH_BEFORE) | tar -x -C $(B)/before
	$(MAKE) -C $(B)/before all
#: make mutants     plants faults in a copy of the sources, and says which of them the tests see (MUTANTS="S03 G02")
.PHONY: mutants
mutants: config.mk
	tests/mutants/run $(MUTANTS)
#: make soak        long forms of the tests with many processes
.PHONY: soak
soak: all unit-build
	DMAIL_SOAK_SECONDS=120 tests/faults/test_agree.py $(CURDIR)/$(B)
	DMAIL_RACE_POINTS=0 DMAIL_RACE_PAIRS=40 tests/faults/test_races.py $(CURDIR)/$(B)
	DMAIL_HISTORY_SEED=0 DMAIL_HISTORY_STEPS=10000 tests/drivers/test_folder_history.py $(CURDIR)/$(B)
	DMAIL_FOREIGN_SEED=0 DMAIL_FOREIGN_SECONDS=600 tests/faults/test_foreign.py $(CURDIR)/$(B)
	DMAIL_POWERLOSS_SEED=0 DMAIL_POWERLOSS_IMAGES=5000 tests/powerloss/test_powerloss.py $(CURDIR)/$(B)
	DMAIL_DAMAGE_ROUNDS=5000 $(B)/tests/unit-drivers "whatever damage*"
	DMAIL_SOAK_SESSIONS=1000 tests/drivers/test_rows.py $(CURDIR)/$(B)

# The manual page of the settings, made from settings.def; `make lint` says when it is not current.
.PHONY: man
man: $(B)/bin/dmconf
	$(B)/bin/dmconf man man/dmail.conf.5.in >man/dmail.conf.5.new
	mv man/dmail.conf.5.new man/dmail.conf.5

# Measuring by hand: tests/bench/bench_mime.cc says how.
$(B)/tests/bench_mime: $(B)/tests/bench/bench_mime.o $(call arch,mail base)
	$(CXX) $(LDFLAGS_ALL) $(LINK_dynamic) -o $@ $^
unit-build: $(B)/tests/jail_probe
$(B)/tests/jail_probe: $(B)/tests/drivers/jail_probe.o $(call arch,privsep account conf log io base)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS_ALL) $(LINK_static) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

# clang-tidy over everything that is built (some minutes a core); .clang-tidy says what for.
TIDY_SRC := $(wildcard common/*/*.cc imapd/*.cc dpopd/*.cc dsmtpd/*.cc tools/*/*.cc)
.PHONY: tidy
tidy:
	printf '%s\n' $(or $(FILES),$(TIDY_SRC)) | \
	  xargs -P$$(nproc) -I@ clang-tidy --quiet @ -- -std=c++20 $(filter -I% -D%,$(CXXFLAGS_ALL))
