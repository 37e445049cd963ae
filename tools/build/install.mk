# make install: programs, man pages and examples, below DESTDIR.  Nothing is set-uid: inetd starts the
# servers as root and they give it up.  Without DESTDIR the host is prepared, too (tools/build/setup-host).
docdir := $(prefix)/share/doc/dmail
LIBEXEC_PROGRAMS := $(filter imapd% dpopd% dsmtpd% dmail-proxy% unixauth nwauth ldapauth multiauth dmsasl% dmtally,$(PROGRAMS))
SBIN_PROGRAMS := $(filter-out $(LIBEXEC_PROGRAMS),$(PROGRAMS))

install: all
	install -d -m 755 $(DESTDIR)$(libexecdir) $(DESTDIR)$(sbindir) $(DESTDIR)$(sysconfdir) $(DESTDIR)$(docdir) \
	  $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man7 $(DESTDIR)$(mandir)/man8
	install -m 755 $(addprefix $(B)/bin/,$(LIBEXEC_PROGRAMS)) $(DESTDIR)$(libexecdir)
# What runs with a user's ids holds the log: who cannot read a program cannot trace it either.
	cd $(DESTDIR)$(libexecdir) && chmod 711 $(filter %-session %-deliver,$(LIBEXEC_PROGRAMS))
	install -m 755 $(addprefix $(B)/bin/,$(SBIN_PROGRAMS)) $(DESTDIR)$(sbindir)
	ln -sf $(libexecdir)/nwauth $(DESTDIR)$(sbindir)/nwauth
	for page in man/*.[578]; do install -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}; done
	for d in filter.d jail.d; do install -d -m 755 $(DESTDIR)$(prefix)/share/dmail/fail2ban/$$d && \
	  install -m 644 tools/fail2ban/$$d/dmail.conf $(DESTDIR)$(prefix)/share/dmail/fail2ban/$$d; done
	sed 's|LIBEXEC|$(libexecdir)|g' inetd.conf.example > $(DESTDIR)$(docdir)/inetd.conf.example
	chmod 644 $(DESTDIR)$(docdir)/inetd.conf.example
	tools/build/example-conf $(sysconfdir) $(libexecdir) > $(DESTDIR)$(docdir)/dmail.conf.example
	chmod 644 $(DESTDIR)$(docdir)/dmail.conf.example
	install -d -m 755 $(DESTDIR)$(docdir)/pam.d
	install -m 644 tools/unixauth/pam.d/* $(DESTDIR)$(docdir)/pam.d
ifeq ($(DESTDIR),)
	tools/build/setup-host $(DMAIL_USER) $(LOGIN_USER) $(AUTH_USER) $(JAIL_DIR) $(sysconfdir)/dmail.conf $(docdir)/dmail.conf.example
endif
