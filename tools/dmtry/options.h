// What dmtry was asked to do.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace dmail::dmtry {

// One service: a port, the program that serves it and how clients find it in DIR/env.
struct Service {
  std::string_view option;     // --imap
  std::string_view variable;   // IMAP_PORT
  std::string_view program;    // imapd
  std::string_view arguments;  // after -C FILE
  bool tls;                    // the greeting comes inside TLS
};

inline constexpr std::array<Service, 8> kServices = {{
    {"--imap", "IMAP_PORT", "imapd", "", false},
    {"--imaps", "IMAPS_PORT", "imapd", "--tls", true},
    {"--pop3", "POP3_PORT", "dpopd", "", false},
    {"--pop3s", "POP3S_PORT", "dpopd", "--tls", true},
    {"--smtp", "SMTP_PORT", "dsmtpd", "", false},
    {"--submission", "SUBMISSION_PORT", "dsmtpd", "--submission", false},
    {"--submissions", "SUBMISSIONS_PORT", "dsmtpd", "--submission --tls", true},
    {"--lmtp", "LMTP_PORT", "dsmtpd", "--lmtp", false},
}};

struct User {
  std::string name;
  std::string password;
};

struct Options {
  std::string directory;
  std::array<int, kServices.size()> ports{};  // -1: not asked for, 0: any free one
  std::vector<User> users;
  std::vector<std::string> settings;  // "NAME VALUE"
  std::string domain = "dmail.test";
  bool quiet = false;
};

// Prints help or what is wrong and exits where the command line asks for it.
Options parse_options(int argc, char** argv);

}  // namespace dmail::dmtry
