# Tests on a bare Debian (tests/bare/README).  As root; mmdebstrap is needed, and the archive for the first run.
# config.mk is read for `all` alone: the newcomer has none.
.PHONY: newcomer unharmed admin-hour
#: make newcomer    the README's two commands on the smallest Debian (NEWCOMER=--full: all of make check)
newcomer:
	tests/bare/newcomer $(CURDIR)/$(B) $(NEWCOMER)
#: make unharmed    make demo and make check's packages on a host with inetd, exim4 and slapd at work
unharmed:
	@$(MAKE) --no-print-directory all
	tests/bare/unharmed $(CURDIR)/$(B)
#: make admin-hour  make install and an administrator's first hour, on the smallest Debian (STEPS)
admin-hour:
	@$(MAKE) --no-print-directory all
	tests/bare/admin_hour $(CURDIR)/$(B) $(STEPS)
