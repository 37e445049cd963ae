#include "io/tls_transcript.h"

#include <algorithm>
#include <optional>

namespace dmail {
namespace {

enum Message : uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateVerify = 15,
  kClientKeyExchange = 16,
  kFinished = 20,
  kCertificateStatus = 22,
};
constexpr uint16_t kSupportedVersions = 43;
constexpr uint16_t kCertificateAuthorities = 47;
constexpr uint16_t kTls13 = 0x0304;

// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 4.1.3).
constexpr unsigned char kRetry[32] = {
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};

// Reads big-endian numbers and counted bytes; once something did not fit, everything is empty.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  uint32_t number(size_t bytes) {
    uint32_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view take(size_t bytes) {
    if (bytes > in_.size()) {
      good_ = false;
      in_ = {};
      return {};
    }
    const std::string_view out = in_.substr(0, bytes);
    in_.remove_prefix(bytes);
    return out;
  }
  // A vector whose length stands before it in `bytes` bytes.
  std::string_view counted(size_t bytes) { return take(number(bytes)); }
  [[nodiscard]] bool more() const { return !in_.empty(); }
  [[nodiscard]] bool ended() const { return good_ && in_.empty(); }
  [[nodiscard]] size_t left() const { return in_.size(); }

 private:
  std::string_view in_;
  bool good_ = true;
};

struct Hello {
  bool tls13 = false;
  bool retry = false;
  uint16_t suite = 0;
};

std::optional<Hello> server_hello_of(std::string_view body) {
  Hello out;
  Reader r(body);
  r.number(2);
  const std::string_view random = r.take(32);
  r.counted(1);
  out.suite = static_cast<uint16_t>(r.number(2));
  r.number(1);
  if (r.ended()) return out;  // of TLS 1.2, without extensions
  Reader extensions(r.counted(2));
  while (extensions.more()) {
    const uint32_t type = extensions.number(2);
    const std::string_view data = extensions.counted(2);
    if (type == kSupportedVersions) out.tls13 = Reader(data).number(2) == kTls13;
  }
  if (!r.ended() || !extensions.ended()) return std::nullopt;
  out.retry = out.tls13 && std::equal(random.begin(), random.end(), std::begin(kRetry),
                                      std::end(kRetry), [](char a, unsigned char b) {
                                        return static_cast<unsigned char>(a) == b;
                                      });
  return out;
}

bool names_of(std::string_view list, std::vector<std::string_view>& out) {
  Reader r(list);
  while (r.more()) out.push_back(r.counted(2));
  return r.ended();
}

bool request_of(std::string_view body, TlsTranscript& out) {
  Reader r(body);
  r.counted(1);  // TLS 1.3: the context, 1.2: kinds of certificates
  if (!out.tls13) {
    r.counted(2);
    const std::string_view names = r.counted(2);
    return r.ended() && names_of(names, out.authorities);
  }
  Reader extensions(r.counted(2));
  while (extensions.more()) {
    const uint32_t type = extensions.number(2);
    Reader data(extensions.counted(2));
    if (type != kCertificateAuthorities) continue;
    if (!out.authorities.empty() || !names_of(data.counted(2), out.authorities) || !data.ended())
      return false;
  }
  return r.ended() && extensions.ended();
}

bool chain_of(std::string_view body, bool tls13, std::vector<std::string_view>& out) {
  Reader r(body);
  if (tls13 && r.number(1) != 0) return false;  // a context is for later requests
  Reader list(r.counted(3));
  while (list.more()) {
    if (out.size() == kMaxProofChain) return false;
    out.push_back(list.counted(3));
    if (tls13) list.counted(2);
  }
  return r.ended() && list.ended() && !out.empty() && !out[0].empty();
}

class Walk {
 public:
  explicit Walk(std::string_view all) : all_(all), in_(all) {}

  // The next message must be of this type: its body.
  bool next(Message type, std::string_view& body) {
    start_ = all_.size() - in_.left();
    if (in_.number(1) != type) return false;
    body = in_.counted(3);
    return true;
  }
  bool skip(Message type) {
    std::string_view body;
    return next(type, body);
  }
  bool skip_if(Message type) {
    const size_t at = all_.size() - in_.left();
    if (at >= all_.size() || static_cast<unsigned char>(all_[at]) != type) return true;
    return skip(type);
  }
  [[nodiscard]] size_t start() const { return start_; }  // of the message taken last
  [[nodiscard]] bool ended() const { return in_.ended(); }

 private:
  std::string_view all_;
  Reader in_;
  size_t start_ = 0;
};

bool server_part(Walk& walk, TlsTranscript& out) {
  std::string_view certificate, request;
  if (out.tls13) {
    if (!walk.skip(kEncryptedExtensions) || !walk.next(kCertificateRequest, request) ||
        !walk.next(kCertificate, certificate) || !walk.skip(kCertificateVerify) ||
        !walk.skip(kFinished))
      return false;
  } else if (!walk.next(kCertificate, certificate) || !walk.skip_if(kCertificateStatus) ||
             !walk.skip(kServerKeyExchange) || !walk.next(kCertificateRequest, request) ||
             !walk.skip(kServerHelloDone)) {
    return false;
  }
  std::vector<std::string_view> chain;
  if (!chain_of(certificate, out.tls13, chain)) return false;
  out.server_certificate = chain[0];
  return request_of(request, out);
}

}  // namespace

Result<TlsTranscript> tls_transcript_of(std::string_view handshake) {
  const Error bad{ErrorKind::BadInput, "Certificate refused", "no handshake with a certificate"};
  if (handshake.size() > kMaxProof) return bad;
  TlsTranscript out;
  Walk walk(handshake);
  std::string_view body;
  if (!walk.skip(kClientHello) || !walk.next(kServerHello, body)) return bad;
  auto hello = server_hello_of(body);
  if (!hello) return bad;
  size_t from = 0;
  if (hello->retry) {
    from = walk.start();
    out.retried = handshake.substr(0, from);
    if (!walk.skip(kClientHello) || !walk.next(kServerHello, body)) return bad;
    hello = server_hello_of(body);
    if (!hello || hello->retry || !hello->tls13) return bad;
  }
  out.tls13 = hello->tls13;
  out.suite = hello->suite;
  if (!server_part(walk, out) || !walk.next(kCertificate, body) ||
      !chain_of(body, out.tls13, out.client_chain))
    return bad;
  if (!out.tls13 && !walk.skip(kClientKeyExchange)) return bad;
  if (!walk.next(kCertificateVerify, body)) return bad;
  out.messages = handshake.substr(from, walk.start() - from);
  Reader verify(body);
  out.signature_scheme = static_cast<uint16_t>(verify.number(2));
  out.signature = verify.counted(2);
  if (!verify.ended() || !walk.ended()) return bad;
  return out;
}

std::string stamp_name(std::string_view stamp) {
  constexpr size_t kMost = 100;  // all lengths below stay in one byte
  stamp = stamp.substr(0, kMost);
  std::string out;
  const auto wrap = [&out](char tag) {
    out.insert(out.begin(), {tag, static_cast<char>(out.size())});
  };
  out = stamp;
  wrap(0x0c);                                // UTF8String
  out.insert(0, "\x06\x03\x55\x04\x03", 5);  // commonName
  wrap(0x30);
  wrap(0x31);
  wrap(0x30);
  return out;
}

}  // namespace dmail
