// TLS as those see it who decide on it: settings, certificates, who the peer is. No OpenSSL here; a
// Stream takes what a TlsServer or TlsClient makes and does the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/expected.h"

namespace ravelin::proxy {

class TlsChannel;
class TicketKeys;

enum class TlsVersion : uint8_t { Tls12, Tls13 };

// What is known once the handshake is done.
struct TlsFacts {
  std::string version{};      // "TLSv1.3"
  std::string cipher{};       // "TLS_AES_256_GCM_SHA384"
  int bits = 0;               // of the cipher's key
  std::string server_name{};  // what the client asked for (SNI); a host name in lower case, or ""
  bool resumed = false;
  bool verified = false;  // the peer's certificate was checked and is the one expected
  std::string doubt{};    // why not, if there was something to check
};

// A certificate with its chain and key, read and checked. PEM texts, so that every thread can make
// objects of its own: sharing OpenSSL's means sharing its locks.
struct TlsCertificate {
  std::string file;  // for messages
  std::string chain;
  std::string key;
  std::vector<std::string> names;  // DNS names that it is for, lower case; "*.example.com" too
  std::chrono::system_clock::time_point not_after;
};

struct PemFile {
  std::string name;
  std::string text;
};

// |chain| is a certificate followed by its chain, |key| holds the key (and may be the same file).
// An error is one line that names the file: no certificate in it, a key that does not belong to it.
smtp::Expected<TlsCertificate, std::string> parse_certificate(PemFile chain, PemFile key);

struct TlsServerSettings {
  std::vector<TlsCertificate> certificates;  // not empty; the first is shown to who asks for none
  TlsVersion min_version = TlsVersion::Tls12;
};

// The server's side for the clients of one thread. Certificates of one name and different keys
// (ECDSA and RSA) stand side by side, and the client's abilities choose.
class TlsServer {
 public:
  // |keys| must outlive it and may be shared by all threads. The error is one line.
  static smtp::Expected<std::unique_ptr<TlsServer>, std::string> make(
      const TlsServerSettings& settings, const TicketKeys& keys);
  ~TlsServer();

  // For Stream::start_tls(). A ticket is good only where |context|, of 32 octets at most, is what
  // it was made under. Null without memory. The server need not outlive the channel.
  std::unique_ptr<TlsChannel> accept(std::string_view context) const;

 private:
  class Impl;
  explicit TlsServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

struct TlsClientSettings {
  bool verify = false;  // refuse a peer whose certificate is not good for the name
  PemFile ca{};         // certificates that are believed; no text: those of the system
  TlsVersion min_version = TlsVersion::Tls12;
};

// Thread-safe: connections to backends are few and long, so that sharing costs nothing here.
class TlsClient {
 public:
  static smtp::Expected<std::unique_ptr<TlsClient>, std::string> make(
      const TlsClientSettings& settings);
  ~TlsClient();

  // |host| goes into SNI and is what the certificate must be for; an address is compared with the
  // addresses in it.
  std::unique_ptr<TlsChannel> connect(const std::string& host) const;

 private:
  class Impl;
  explicit TlsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A channel on its way from one thread to another, by whoever cannot see what is in it.
using TlsParcel = std::unique_ptr<TlsChannel, void (*)(TlsChannel*) noexcept>;

// The keys that session tickets are sealed with, shared by all workers, so that a client may resume
// with another worker than it left (RFC 5077 §5.5). A key seals for |period| and then only opens
// for as long again. Thread-safe.
class TicketKeys {
 public:
  explicit TicketKeys(std::chrono::nanoseconds period = std::chrono::hours(12));
  ~TicketKeys();

  class Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ravelin::proxy
