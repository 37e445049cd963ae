#: make install     programs, pages, examples (DESTDIR); as root also accounts and directories
#: make uninstall   takes back all but mail, settings, accounts and logs
# make install: programs, man pages, examples and files for what starts the services, below DESTDIR.
# Nothing is set-uid: inetd starts the servers as root and they give it up.  Without DESTDIR the host is
# prepared, too (tools/build/setup-host; SETUP_HOST=no leaves it alone).  make uninstall takes back all but
# mail, settings, accounts and logs, which it names.
#   INSTALL_STRIP=no   keep what debuggers read in the programs; make install-debug puts it where gdb looks
docdir ?= $(prefix)/share/doc/dmail
datadir ?= $(prefix)/share
unitdir ?= $(prefix)/lib/systemd/system
debugdir ?= $(prefix)/lib/debug
INSTALL_STRIP ?= yes
# A cross compiler has its own.
STRIP ?= $(AR:%ar=%strip)
OBJCOPY ?= $(AR:%ar=%objcopy)
SETUP_HOST ?= yes
LIBEXEC_PROGRAMS := $(filter imapd% dpopd% dsmtpd% dmail-proxy% unixauth nwauth ldapauth multiauth dmsasl% dmtally,$(PROGRAMS))
SBIN_PROGRAMS := $(filter-out $(LIBEXEC_PROGRAMS),$(PROGRAMS))
INSTALL_PROGRAMS = tools/build/install-programs $(1) $(B)/bin $(DESTDIR)$($(2)) $(VERSION) \
  "$(if $(filter no,$(INSTALL_STRIP)),true,$(STRIP))" $($(3))
EXAMPLES := inetd.conf.example dmail.conf.example pam.d xinetd.d logrotate.d
FAIL2BAN := filter.d jail.d

.PHONY: install-debug uninstall
install: all
	install -d -m 755 $(addprefix $(DESTDIR),$(libexecdir) $(sbindir) $(sysconfdir) $(unitdir) \
	  $(addprefix $(docdir)/,pam.d xinetd.d logrotate.d) $(addprefix $(datadir)/dmail/fail2ban/,$(FAIL2BAN)) \
	  $(addprefix $(mandir)/man,5 7 8))
	$(call INSTALL_PROGRAMS,libexec,libexecdir,LIBEXEC_PROGRAMS)
	$(call INSTALL_PROGRAMS,sbin,sbindir,SBIN_PROGRAMS)
	ln -sfn $$(realpath -m --relative-to=$(sbindir) $(libexecdir))/nwauth $(DESTDIR)$(sbindir)/nwauth
	for page in man/*.[578]; do install -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}; done
	for d in $(FAIL2BAN); do install -m 644 tools/fail2ban/$$d/dmail.conf $(DESTDIR)$(datadir)/dmail/fail2ban/$$d; done
	sed 's|LIBEXEC|$(libexecdir)|g' inetd.conf.example > $(DESTDIR)$(docdir)/inetd.conf.example
	tools/build/example-conf $(sysconfdir) $(libexecdir) > $(DESTDIR)$(docdir)/dmail.conf.example
	tools/build/service-files xinetd $(libexecdir) > $(DESTDIR)$(docdir)/xinetd.d/dmail
	install -m 644 tools/build/units/logrotate $(DESTDIR)$(docdir)/logrotate.d/dmail
	install -m 644 tools/unixauth/pam.d/* $(DESTDIR)$(docdir)/pam.d
	cd $(DESTDIR)$(docdir) && chmod 644 inetd.conf.example dmail.conf.example xinetd.d/dmail
	tools/build/service-files systemd $(libexecdir) $(sbindir) $(MODULE_USER) $(DESTDIR)$(unitdir)
ifeq ($(DESTDIR)$(filter no,$(SETUP_HOST)),)
	tools/build/setup-host $(DMAIL_USER) $(LOGIN_USER) $(AUTH_USER) $(MODULE_USER) $(JAIL_DIR) $(sysconfdir)/dmail.conf $(docdir)/dmail.conf.example
endif

# By build id, as gdb looks for it.
install-debug: all
	for p in $(addprefix $(B)/bin/,$(PROGRAMS)); do \
	  id=$$(readelf -n $$p | sed -n 's/.*Build ID: //p'); [ -n "$$id" ] || exit 1; \
	  to=$(DESTDIR)$(debugdir)/.build-id/$$(echo $$id | cut -c1-2); install -d -m 755 $$to; \
	  $(OBJCOPY) --only-keep-debug $$p $$to/$${id#??}.debug && chmod 644 $$to/$${id#??}.debug || exit 1; done

uninstall:
	tools/build/uninstall libexec $(DESTDIR)$(libexecdir) $(LIBEXEC_PROGRAMS)
	tools/build/uninstall files $(DESTDIR)$(sbindir) $(SBIN_PROGRAMS) nwauth
	tools/build/uninstall files $(DESTDIR)$(unitdir) $$(tools/build/service-files names)
	for s in 5 7 8; do tools/build/uninstall files $(DESTDIR)$(mandir)/man$$s $$(cd man && echo *.$$s); done
	cd $(DESTDIR)$(docdir) 2>/dev/null && rm -rf $(EXAMPLES) || true
	rm -rf $(DESTDIR)$(datadir)/dmail/fail2ban
	rmdir $(DESTDIR)$(docdir) $(DESTDIR)$(datadir)/dmail 2>/dev/null || true
	tools/build/uninstall left "$(DESTDIR)" $(sysconfdir)/dmail.conf $(JAIL_DIR) $(DMAIL_USER) $(LOGIN_USER) $(AUTH_USER) $(MODULE_USER)
