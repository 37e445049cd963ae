# Tests on a bare Debian (tests/bare/README).  As root; mmdebstrap is needed, and the archive for the first run.
.PHONY: newcomer unharmed admin-hour
newcomer:
	tests/bare/newcomer $(CURDIR)/$(B) $(NEWCOMER)
unharmed: all
	tests/bare/unharmed $(CURDIR)/$(B)
admin-hour: all
	tests/bare/admin_hour $(CURDIR)/$(B) $(STEPS)
