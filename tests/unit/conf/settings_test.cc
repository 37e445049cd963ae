// One line at a time: values, remarks, the table, and what a child is told.
#include "conf/settings.h"

#include <catch2/catch.hpp>
#include <set>

#include "applied.h"
#include "base/text.h"
#include "conf/table.h"

using namespace dmail;
using namespace dmail::conf;

namespace {

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("the table is sorted, every row is found, and names are unique") {
  std::set<std::string_view> names;
  for (const Row& row : rows()) {
    CHECK(names.insert(row.name).second);
    REQUIRE(find_row(row.name) == &row);
    REQUIRE(find_entry(row.name) != nullptr);
    CHECK(name_of(*find_entry(row.name)) == row.name);
    CHECK_FALSE(row.doc.empty());
    CHECK_FALSE(row.section.empty());
    CHECK(row.doc.ends_with('.'));
    CHECK(row.programs != 0);
  }
  CHECK(find_row("") == nullptr);
  CHECK(find_row("zzz") == nullptr);
  CHECK(find_row("host_domai") == nullptr);
  CHECK(find_row("host_domainn") == nullptr);
  CHECK(find_row("Host_domain") == nullptr);
}

TEST_CASE("every row's default is a value that the row accepts") {
  for (const Row& row : rows()) {
    if (row.type == Row::Type::Ignored || row.default_text.empty()) continue;
    const Applied a({concat(row.name, ' ', row.default_text)});
    INFO(row.name << ": " << a.told());
    CHECK(a.remarks.empty());
    CHECK(values_of(a.settings, row) == values_of(Settings(), row));
    if (row.type == Row::Type::Int) {
      CHECK(row.low <= row.high);
      CHECK_FALSE(row.choices_or_unit.empty());
    }
  }
}

TEST_CASE("the bounds of every number are kept, and the default stands outside them") {
  for (const Row& row : rows()) {
    if (row.type != Row::Type::Int) continue;
    INFO(row.name);
    CHECK(Applied({concat(row.name, ' ', row.low)}).remarks.empty());
    CHECK(Applied({concat(row.name, ' ', row.high)}).remarks.empty());
    for (const std::string& bad : {concat(row.high + 1), concat(row.low - 1), std::string("x"),
                                   std::string("99999999999999999999999"), concat(row.low, "x")}) {
      const Applied a({concat(row.name, ' ', bad)});
      REQUIRE(a.remarks.size() == 1);
      CHECK(a.remarks[0].level == (row.defer ? Remark::Level::Defer : Remark::Level::Error));
      CHECK(a.remarks[0].line == 1);
      CHECK(values_of(a.settings, row) == values_of(Settings(), row));
    }
  }
}

TEST_CASE("defaults of the original") {
  const Settings s;
  CHECK(s.authent_method == "unix_user");
  CHECK(s.authent_timeout == 10);
  CHECK_FALSE(s.authent_domain);
  CHECK(s.hash_spool == 0);
  CHECK(s.invalid_chars == "/");
  CHECK(s.vdomain_separator == "_");
  CHECK(s.maildir_suffix);
  CHECK(s.imapd_timeout == 1800);
  CHECK(s.imapd_become_user);
  CHECK(s.imapd_enable_new_hashing);
  CHECK(s.imapd_include_level == 0);
  CHECK(s.log_level == "info");
  CHECK(s.user_quota == kQuotaOff);
  CHECK(s.fsync);
  CHECK(s.plaintext_login_from == Strings{"127.*", "::1"});
}

TEST_CASE("values of each type") {
  const Applied a({"authent_domain TRUE", "  hash_spool\t2  ", "log_level Debug",
                   "drop_path /var/spool/mail\r", "imapd_authent_process The Postmaster, upstairs",
                   "authent_process /usr/lib/nwauth -path \"/a b\"", "imapd_mailbox_name \".\"",
                   "lock_id \"\"", "# a comment", "", "   "});
  CHECK(a.told() == "");
  CHECK(a.settings.authent_domain);
  CHECK(a.settings.hash_spool == 2);
  CHECK(a.settings.log_level == "debug");
  CHECK(a.settings.drop_path == "/var/spool/mail");
  CHECK(a.settings.imapd_authent_process == "The Postmaster, upstairs");
  CHECK(a.settings.authent_process == "/usr/lib/nwauth -path \"/a b\"");
  CHECK(a.settings.imapd_mailbox_name == ".");
  CHECK(a.settings.lock_id.empty());
}

TEST_CASE("invalid_chars as the original's page writes it") {
  CHECK(Applied({R"(invalid_chars "\\/:*?\"<>|")"}).settings.invalid_chars == R"(\/:*?"<>|)");
  CHECK(Applied({R"(invalid_chars "/")"}).settings.invalid_chars == "/");
  CHECK(Applied({R"(invalid_chars /:)"}).settings.invalid_chars == "/:");
}

TEST_CASE("quoting") {
  CHECK(unquoted(R"("a b")") == "a b");
  CHECK(unquoted(R"("a" "b")") == R"("a" "b")");
  CHECK(unquoted(R"("a\")") == R"("a\")");
  CHECK(unquoted("\"") == "\"");
  CHECK(unquoted(R"("")").empty());
  for (const char* text : {"", "a", "a b", " a", "a ", "\"", "\\", "\"a\"", "a\"b", "\"a\\", "a,b"})
    for (bool is_word : {false, true}) {
      const std::string written = quoted_if_needed(text, is_word);
      INFO(written);
      CHECK(unquoted(written) == text);
    }
}

TEST_CASE("quotas") {
  CHECK(Applied({"user_quota true"}).settings.user_quota == kQuotaOfAccount);
  CHECK(Applied({"user_quota 5000", "user_quota false"}).settings.user_quota == kQuotaOff);
  CHECK(Applied({"user_quota 5000"}).settings.user_quota == 5000);
  CHECK(problem_of("user_quota 0") ==
        "f:1: warning: setting 'user_quota' 0 means no limit, as false does");
  CHECK(problem_of("user_quota false") == "0 remarks");
  CHECK(problem_of("user_quota -1").find("true, false or a number of kbytes") != std::string::npos);
  CHECK(problem_of("user_quota 99999999999999999").find("error") != std::string::npos);
}

TEST_CASE("lists keep their order; the first line replaces the default") {
  const Applied a({"host_domain a.example", "host_domain b.example", "plaintext_login_from 10.*",
                   "plaintext_login_from 127.*,::1", "valid_users bob, !eve *",
                   "create_folders Sent \"Sent Items\" Trash", "create_folders Drafts",
                   "user_ip_address 1.2.3.*,5.6.7.8",
                   "vdomain cc   @computers.com computers.com\t/mail/computers"});
  CHECK(a.told() == "");
  CHECK(a.settings.host_domain == Strings{"a.example", "b.example"});
  CHECK(a.settings.plaintext_login_from == Strings{"10.*", "127.*", "::1"});
  CHECK(a.settings.valid_users == Strings{"bob", "!eve", "*"});
  CHECK(a.settings.create_folders == Strings{"Sent", "Sent Items", "Trash", "Drafts"});
  CHECK(a.settings.user_ip_address == Strings{"1.2.3.*", "5.6.7.8"});
  CHECK(a.settings.vdomain == Strings{"cc @computers.com computers.com /mail/computers"});
  CHECK(Applied({"create_folders a \"\" b"}).settings.create_folders == Strings{"a", "b"});
  CHECK(Applied({"plaintext_login_from \"\""}).settings.plaintext_login_from.empty());
}

TEST_CASE("a default list said again in full and then added to is kept") {
  const Applied a({"plaintext_login_from 127.* ::1", "plaintext_login_from 10.*"});
  CHECK(a.settings.plaintext_login_from == Strings{"127.*", "::1", "10.*"});
}

TEST_CASE("vdomain_passwd takes either order") {
  const Applied a({"vdomain_passwd a.example /etc/a", "vdomain_passwd /etc/b b.example"});
  CHECK(a.settings.vdomain_passwd == Strings{"a.example /etc/a", "b.example /etc/b"});
  CHECK(problem_of("vdomain_passwd a b").find("error") != std::string::npos);
  CHECK(problem_of("vdomain_passwd /a /b").find("error") != std::string::npos);
}

TEST_CASE("bad values name file, line and setting, and say what stands") {
  CHECK(
      problem_of("fsync yes") ==
      "f:1: error: bad value \"yes\" for 'fsync': must be true or false; the default true stands");
  CHECK(problem_of("hash_spool 3") ==
        "f:1: error: bad value \"3\" for 'hash_spool': must be a number from 0 to 2 (method); "
        "servers defer all mail until this line is right");
  CHECK(problem_of("rotated_logs 0").find("from 1 to 99 (files); the default 4 stands") !=
        std::string::npos);
  CHECK(problem_of("log_level loud\x80").find("bad value \"loud\\x80\"") != std::string::npos);
  CHECK(problem_of("log_level").find("a value is missing; the default info stands") !=
        std::string::npos);
  CHECK(problem_of("drop_path mail").find("must be an absolute path; servers defer all mail") !=
        std::string::npos);
  CHECK(problem_of("authent_method nt_user").find("Windows only; servers defer all mail") !=
        std::string::npos);
  CHECK(problem_of("vdomain_separator ab").find("must be one") != std::string::npos);
  CHECK(problem_of("vdomain_separator /").find("must be one") != std::string::npos);
  CHECK(problem_of("vdomain a b c").find("must be 4 words; servers defer") != std::string::npos);
  CHECK(problem_of("vdomain a b c /d").find("the second word must be") != std::string::npos);
  CHECK(problem_of("vdomain a @b c d").find("the fourth word must be") != std::string::npos);
  CHECK(problem_of("vdomain a 9.9.9.9 c /d") == "0 remarks");
  CHECK(problem_of("vdomain a fe80::1 c /d") == "0 remarks");
  CHECK(problem_of("maildir_althome a b").find("the second word must be") != std::string::npos);
  CHECK(problem_of("forward a b@c").find("must be two full addresses") != std::string::npos);
  CHECK(problem_of("host_domain a b").find("must be 1 word;") != std::string::npos);
  const Applied again({"rotated_logs 7", "rotated_logs 0"});
  CHECK(again.told().find("the earlier value 7 stands") != std::string::npos);
  CHECK(again.settings.rotated_logs == 7);
}

TEST_CASE("unknown, unimplemented and doubled settings are warnings") {
  CHECK(problem_of("log_pth /x") == "f:1: warning: unknown setting 'log_pth'; it is ignored");
  CHECK(problem_of("\x1b[2J x").find("control character") != std::string::npos);
  CHECK(problem_of("caf\xc3\xa9 x").find("'caf\\xc3\\xa9'") != std::string::npos);
  CHECK(problem_of("bin_path /x") == "f:1: warning: setting 'bin_path' is not implemented");
  const Applied twice({"hash_spool 1", "hash_spool 2"});
  CHECK(twice.told() ==
        "f:2: warning: setting 'hash_spool' is given twice; this last one counts\n");
  CHECK(twice.settings.hash_spool == 2);
}

TEST_CASE("the nearest name") {
  CHECK(nearest("hash_spol") == "hash_spool");
  CHECK(nearest("Hash-Spool=1") == "hash_spool");
  CHECK(nearest("create_folder") == "create_folders");
  CHECK(nearest("hash_bindr") == "hash_bindir");
  for (const char* none : {"", "x", "completely_different", "=", "\xff\xff"})
    CHECK(nearest(none).empty());
  CHECK(nearest(std::string(5000, 'h')).empty());
}

TEST_CASE("patterns of addresses") {
  for (const char* good : {"10.*", "!10.1.2.3", "::1", "fe80::1%eth0", "10.0.0.0/8",
                           "2001:db8::/32", "*", "1.2.3.?", "2001:db8:*"})
    CHECK(Applied({concat("user_ip_address ", good)}).remarks.empty());
  for (const char* bad :
       {"10.0.0", "10.0.0.0/33", "10.*/8", "mail.example", "300.1.1.1", "::1/129", "!"})
    CHECK(Applied({concat("user_ip_address ", bad)}).remarks.size() == 1);
}

TEST_CASE("a program hears only about its own settings") {
  CHECK(Applied({"bin_path /x"}, kImapd).remarks.empty());
  CHECK(Applied({"bin_path /x"}, kDpopd).remarks.size() == 1);
  CHECK(Applied({"dpop_timeout x"}, kImapd).remarks.empty());
  CHECK(Applied({"dpop_timeout x"}, kDpopd).remarks.size() == 1);
  CHECK(Applied({"no_such x"}, kImapd).remarks.size() == 1);
}

TEST_CASE("long lines and control bytes are refused") {
  const std::string name = "imapd_authent_process ";
  CHECK(Applied({name + std::string(kMaxLine - name.size(), 'x')}).remarks.empty());
  CHECK(problem_of(name + std::string(kMaxLine - name.size() + 1, 'x'))
            .find("line over 8192 bytes") != std::string::npos);
  for (int c = 0; c < 256; ++c) {
    const bool control = (c < 32 && c != '\t') || c == 127;
    const Applied a({concat(name, 'a', static_cast<char>(c), 'b')});
    INFO(c);
    CHECK(a.remarks.size() == (control ? 1u : 0u));
  }
}

TEST_CASE("lines_for gives a child what it may see, and nothing else, and round-trips") {
  const Applied a({"host_domain b.example", "host_domain a.example", "drop_path /secret",
                   "authent_process /secret", "imapd_timeout 60", "create_folders \"Sent Items\" T",
                   "plaintext_login_from \"\"", "lock_id \" a\\\"b\\\\ \"", "fsync false",
                   "sysadmin root@x"});
  REQUIRE(a.told() == "");
  CHECK(lines_for(Settings(), kBoth).empty());
  const std::string lines = lines_for(a.settings, kSession);
  CHECK(lines.find("secret") == std::string::npos);

  Settings child;
  std::vector<Remark> remarks;
  for (std::string_view line : split(lines, '\n')) apply_line(child, line, remarks);
  CHECK(remarks.empty());
  CHECK(child.host_domain == a.settings.host_domain);
  CHECK(child.imapd_timeout == 60);
  CHECK(child.create_folders == Strings{"Sent Items", "T"});
  CHECK(child.plaintext_login_from.empty());
  CHECK(child.lock_id == " a\"b\\ ");
  CHECK_FALSE(child.fsync);
  CHECK(lines_for(child, kSession) == lines);

  const std::string login = lines_for(a.settings, kLogin);
  CHECK(login.find("host_domain b.example\nhost_domain a.example\n") != std::string::npos);
  CHECK(login.find("imapd_timeout") == std::string::npos);
}

TEST_CASE("every visible row round-trips with a value that is not its default") {
  for (const Row& row : rows()) {
    if (row.seen == kMonitorOnly) continue;
    std::string value;
    const std::string_view dflt = row.default_text;
    switch (row.type) {
      case Row::Type::Bool:
        value = dflt == "true" ? "false" : "true";
        break;
      case Row::Type::Int:
        value = concat(dflt == concat(row.low) ? row.high : row.low);
        break;
      case Row::Type::Word:
        value = split_words(row.choices_or_unit).back();
        break;
      case Row::Type::Path:
        value = "/a \"b\\";
        break;
      case Row::Type::Text:
        value = "x y";
        break;
      case Row::Type::List:
        value = row.words == 2 ? "a@b /c@d" : row.name.ends_with("_from") ? "10.*" : "x";
        break;
      default:
        continue;
    }
    if (row.type == Row::Type::Word && value == dflt) value = split_words(row.choices_or_unit)[0];
    const Applied a({concat(row.name, ' ', value)});
    const std::string lines = lines_for(a.settings, static_cast<Visibility>(row.seen));
    INFO(lines);
    CHECK(lines.starts_with(concat(row.name, ' ')));
    Applied b({lines.substr(0, lines.size() - 1)});
    CHECK(b.told() == "");
    CHECK(values_of(b.settings, row) == values_of(a.settings, row));
  }
}
