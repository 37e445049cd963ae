#include "certificates.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/text.h"
#include "base/wipe.h"
#include "io/file.h"
#include "io/tls_openssl.h"
#include "privsep/tls_files.h"
#include "privsep/tls_protocol.h"

namespace dmail::dmconf {
namespace {

constexpr int kSoonDays = 14;

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

// One certificate setting: what it is called in texts, its files, and whose name it must have.
struct Wanted {
  std::string setting;
  std::string certificate, key;
  std::string domain;
  bool or_below = false;  // a host of the domain will do
};

Result<std::string> read_pem(const std::string& path, bool secret) {
  auto fd = privsep::open_pem(path, secret);
  if (!fd) return std::move(fd.error());
  std::string text(privsep::kMaxPem, '\0');
  auto n = read_at(fd->get(), text, 0);
  if (!n) return std::move(n.error());
  text.resize(*n);
  return text;
}

std::string text_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<size_t>(ASN1_STRING_length(s))};
}

// The names that clients compare: those of the extension, or the common name where there are none.
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, FreeNames> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type == GEN_DNS) names.push_back(text_of(name->d.dNSName));
  }
  if (!names.empty()) return names;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

std::string day_of(const ASN1_TIME* time) {
  struct tm parts {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  std::string day = concat(parts.tm_year + 1900, '-');
  append_padded(day, static_cast<uint64_t>(parts.tm_mon + 1), 2);
  append_padded(day += '-', static_cast<uint64_t>(parts.tm_mday), 2);
  return day;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += concat(text.empty() ? "" : ", ", escaped(name));
  return text.empty() ? "none" : text;
}

bool covers(X509* certificate, const Wanted& wanted) {
  if (wanted.domain.empty()) return true;
  std::string domain = lower(wanted.domain);
  const bool any_below = domain.starts_with("*.");
  if (any_below) domain.erase(0, 2);
  const std::string host = any_below ? concat("x.", domain) : domain;
  if (X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1) return true;
  if (!wanted.or_below && !any_below) return false;
  const std::vector<std::string> names = names_of(certificate);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return iends_with(name, concat('.', domain));
  });
}

void judge(X509* certificate, const Wanted& wanted, Report& report) {
  const std::vector<std::string> names = names_of(certificate);
  const std::string what = concat(wanted.setting, ": ", wanted.certificate);
  const ASN1_TIME* begin = X509_get0_notBefore(certificate);
  const ASN1_TIME* end = X509_get0_notAfter(certificate);
  int days = 0, seconds = 0;
  (void)ASN1_TIME_diff(&days, &seconds, nullptr, end);
  const bool over = days < 0 || seconds < 0;
  if (X509_cmp_current_time(begin) > 0)
    report.problem(
        concat(what, " is not valid before ", day_of(begin), ": is this host's clock right?"));
  else if (over)
    report.problem(concat(what, " expired on ", day_of(end), " (", -days,
                          days == -1 ? " day ago" : " days ago", "): put a new one there"));
  else if (days < kSoonDays)
    report.problem(concat(what, " expires in ", days, days == 1 ? " day" : " days", ", on ",
                          day_of(end), ": renew it"));
  if (!covers(certificate, wanted))
    report.problem(concat(what, " is for ", joined(names), ", not for ", wanted.domain,
                          wanted.or_below ? " or a host of it" : "",
                          ": clients will refuse it under that name"));
  report.fact(concat(wanted.setting, ": names ", joined(names), "; ",
                     over ? concat("expired on ", day_of(end))
                          : concat("expires in ", days, " days, on ", day_of(end))));
}

// The chain as clients get it: each the issuer of the one before.
void judge_chain(X509* leaf, STACK_OF(X509) * chain, const Wanted& wanted, Report& report) {
  X509* before = leaf;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* next = sk_X509_value(chain, i);
    if (X509_NAME_cmp(X509_get_issuer_name(before), X509_get_subject_name(next)) != 0)
      return report.problem(concat(wanted.setting, ": ", wanted.certificate,
                                   ": certificate number ", i + 2,
                                   " in it is not the issuer's of the one before: put the chain in "
                                   "order, the server's own first"));
    before = next;
  }
}

// As a login program takes it in.
void check_one(const Wanted& wanted, TlsConfig& config, const std::string& authorities,
               Report& report) {
  auto certificate = read_pem(wanted.certificate, false);
  auto key = read_pem(wanted.key, true);
  if (!certificate || !key) {
    for (const auto* file : {&certificate, &key})
      if (!*file)
        report.problem(concat(file == &key && wanted.setting == "tls_certificate"
                                  ? "tls_key"
                                  : std::string_view(wanted.setting),
                              ": ", file->error().log));
    if (key) wipe(*key);
    return;
  }
  auto context = openssl::make_context(config);
  if (!context) return report.problem(context.error().log);
  const openssl::Connection ssl(SSL_new(context->get()));
  if (!ssl) return report.problem(openssl::complaint("start of OpenSSL"));
  TlsCertificate pem{std::move(*certificate), std::move(*key)};
  if (const Status taken = openssl::use_certificates(ssl.get(), pem); !taken)
    return report.problem(concat(wanted.setting, ": no TLS with ", wanted.certificate, " and ",
                                 wanted.key, ": ", taken.error().log));
  if (!authorities.empty())
    if (const Status taken = openssl::ask_for_certificate(ssl.get(), authorities, "stamp"); !taken)
      report.problem(concat("tls_client_ca: ", taken.error().log));
  for (long more = SSL_CERT_SET_FIRST; SSL_set_current_cert(ssl.get(), more) == 1;
       more = SSL_CERT_SET_NEXT) {
    X509* leaf = SSL_get_certificate(ssl.get());
    judge(leaf, wanted, report);
    STACK_OF(X509)* chain = nullptr;
    if (SSL_get0_chain_certs(ssl.get(), &chain) == 1) judge_chain(leaf, chain, wanted, report);
  }
}

}  // namespace

void check_certificates(const conf::Settings& s, Report& report) {
  TlsConfig config;
  config.minimum = s.tls_minimum;
  config.ciphers = s.tls_ciphers;
  std::string authorities;
  if (!s.tls_client_ca.empty()) {
    if (auto text = read_pem(s.tls_client_ca, false); text)
      authorities = std::move(*text);
    else
      report.problem(concat("tls_client_ca: ", text.error().log));
  }
  if (privsep::tls_configured(s)) {
    const std::string name = !s.dpop_host.empty()     ? s.dpop_host
                             : !s.host_domain.empty() ? s.host_domain.front()
                                                      : std::string();
    check_one({"tls_certificate", s.tls_certificate, s.tls_key, name, true}, config, authorities,
              report);
  } else {
    // Half of a pair is TLS that is off, and the file that is there is looked at all the same.
    for (const auto& [setting, path] :
         {std::pair("tls_certificate", &s.tls_certificate), {"tls_key", &s.tls_key}})
      if (!path->empty()) {
        auto text = read_pem(*path, path == &s.tls_key);
        if (!text) report.problem(concat(setting, ": ", text.error().log));
        if (text) wipe(*text);
      }
  }
  for (const std::string& line : s.tls_certificate_for) {
    const auto words = split_words(line);
    if (words.size() != 3) continue;
    const std::string domain(words[0]);
    check_one({concat("tls_certificate_for ", domain), std::string(words[1]), std::string(words[2]),
               domain, false},
              config, {}, report);
  }
}

}  // namespace dmail::dmconf
