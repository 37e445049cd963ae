// Which mistakes make servers defer: those about where mail is, and about who gets in.
#include "applied.h"

using namespace dmail;
using namespace dmail::conf;

TEST_CASE("a mistake about where mail is, or who gets in, makes servers defer") {
  const auto level = [](std::string_view line, Program program = kTools) {
    const Applied a({line}, program);
    REQUIRE(a.remarks.size() == 1);
    INFO(a.told());
    return a.remarks[0].level;
  };
  constexpr auto kDefers = Remark::Level::Defer, kErrs = Remark::Level::Error,
                 kWarns = Remark::Level::Warning;
  for (const char* line : {"hash_spool 3",
                           "hash_spool 1 # one",
                           "hash_spool",
                           "drop_path mail",
                           "drop_prefix yes",
                           "vdomain a b c",
                           "vdomain a @ c /d",
                           "vdomain_separator ab",
                           "invalid_chars \"/:",
                           "imapd_enable_new_hashing 1",
                           "imapd_mailbox_name /mail",
                           "imapd_mailbox_name a/../..",
                           "use_maildir maybe",
                           "maildir_home x",
                           "maildir_althome x y",
                           "maildir_suffix x",
                           "lock_id",
                           "host_domain a b",
                           "authent_method unix",
                           "valid_users",
                           "user_ip_address 10.0.0.0/33",
                           "user_ip_address !10.0.0",
                           "plaintext_login_from localhost",
                           "forward_from_ip ::1/129",
                           "tls_minimum 1.1",
                           "imapd_become_user no",
                           "unix_uid_minimum x",
                           "lowercase_username x",
                           "tls_certificate mail.pem",
                           "alt_drop_path a.example /x",
                           "submission_from localhost",
                           "account_gids staff",
                           "account_gids 100 4294967296",
                           "unix_uid_maximum x",
                           "max_connections_per_ip x",
                           "max_sessions_per_user x",
                           "authent_domain maybe",
                           "authent_process",
                           "imapd_authent_process",
                           "imapd_strip_domain",
                           "login_domain",
                           "pam_only_users",
                           "login_user",
                           "mail_user",
                           "module_user",
                           "auth_user",
                           "imapd_mechanisms",
                           "dpop_mechanisms",
                           "dsmtp_mechanisms",
                           "kerberos_realm",
                           "tls_key mail.pem",
                           "tls_ciphers",
                           "remote_accounts x",
                           "remote_delivery x",
                           "forward",
                           "forward_window x"})
    CHECK(level(line) == kDefers);
  for (const char* line : {"fsync yes", "log_level loud", "user_quota x", "lock_timeout 0"})
    CHECK(level(line) == kErrs);
  // Names: letters missing, doubled, swapped; capitals; what other programs' files have behind
  // them.
  for (const char* line :
       {"hash_spol 1", "hash_spool=1", "hash_spool: 1", "HASH_SPOOL 1", "hash-spool 1",
        "hahs_spool 1", "hash_spoool 1", "\xef\xbb\xbfhash_spool 1", "drop_pth /x", "droppath /x",
        "vdomian a b c /d", "host_domian a", "valid_user bob", "user_ip_adress 10.*",
        "plaintext_login_form 10.*", "imapd_mailbox_nam mail", "vdomain_seperator -"})
    CHECK(level(line) == kDefers);
  for (const char* line :
       {"no_such x", "log_levl debug", "hash_bindr true", "imapd_timeot 5", "x y"})
    CHECK(level(line) == kWarns);
  // Only who reads the setting defers.
  CHECK(level("imapd_become_usr false", kImapd) == kDefers);
  CHECK(level("imapd_become_usr false", kDpopd) == kWarns);
  CHECK(Applied({"imapd_become_user no"}, kDsmtpd).remarks.empty());
  // A line that cannot be read may be any setting, unless it begins with a harmless one.
  CHECK(level("hash_spool \x01") == kDefers);
  CHECK(level("\x01 1") == kDefers);
  CHECK(level("sysadmin \x01") == kErrs);
  CHECK(level("vdomain " + std::string(kMaxLine, 'x')) == kDefers);
  CHECK(level("sysadmin " + std::string(kMaxLine, 'x')) == kErrs);
  CHECK(problem_of("hash_spol 1") ==
        "f:1: error: unknown setting 'hash_spol', which looks like hash_spool; servers defer all "
        "mail "
        "until this line is right");
}
