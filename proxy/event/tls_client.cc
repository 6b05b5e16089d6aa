// The client's side: whom we believe.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <utility>

#include "dns/ip.h"
#include "proxy/event/tls_channel.h"
#include "proxy/event/tls_objects.h"

namespace ravelin::proxy {
namespace {

// The certificate must name |host|: as a DNS name, or as an address if it is one.
bool expect(SSL& ssl, const std::string& host) {
  auto& param = *SSL_get0_param(&ssl);
  if (const auto address = dns::IpAddress::parse(host))
    return X509_VERIFY_PARAM_set1_ip(&param, address->bytes(), address->size()) == 1;
  X509_VERIFY_PARAM_set_hostflags(&param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(&param, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(&ssl, host.c_str()) == 1;
}

// OpenSSL works a certificate's extensions out when it first needs them, and if there is no memory
// just then, holds the certificate for invalid ever after: one failure in a handshake, and nobody
// whom it signed would be believed until the next reload. So now. False: no memory.
bool work_out(X509_STORE& store) {
  const auto& objects = *X509_STORE_get0_objects(&store);
  for (int i = 0; i < sk_X509_OBJECT_num(&objects); ++i) {
    auto* const certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(&objects, i));
    if (certificate == nullptr || X509_check_purpose(certificate, -1, 0) == 1) continue;
    while (const auto error = ERR_get_error())
      if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) return false;
  }
  return true;
}

}  // namespace

class TlsClient::Impl {
 public:
  std::string build(const TlsClientSettings& settings) {
    if (!context_) return "no memory for TLS";
    set_common(*context_, settings.min_version);
    SSL_CTX_set_verify(context_.get(), settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       nullptr);
    // Reading the system's takes a tenth of a second: only for who looks at certificates.
    const bool believes = settings.verify || !settings.ca.name.empty();
    auto why = believes ? believe(settings.ca) : std::string();
    ERR_clear_error();
    if (!work_out(*SSL_CTX_get_cert_store(context_.get()))) return "no memory for certificates";
    return why;
  }
  SslPtr session() const { return SslPtr(SSL_new(context_.get())); }

 private:
  // The text was read by whoever knows what files may be read.
  std::string believe(const PemFile& ca) {
    if (ca.text.empty() && ca.name.empty())
      return SSL_CTX_set_default_verify_paths(context_.get()) == 1
                 ? ""
                 : "the certificates of the system cannot be found: " + openssl_reason();
    const auto reader = reader_of(ca.text);
    if (!reader) return "no memory for certificates";
    auto& store = *SSL_CTX_get_cert_store(context_.get());
    size_t count = 0;
    while (const auto certificate = next_certificate(*reader)) {
      if (X509_STORE_add_cert(&store, certificate.get()) != 1)
        return ca.name + ": " + openssl_reason();
      ++count;
    }
    // What ends the loop is the text's end, or something else that is to be told.
    if (count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return "";
    return ca.name + " holds no certificate (PEM), or a broken one: " + openssl_reason();
  }

  const ContextPtr context_{SSL_CTX_new(TLS_client_method())};
};

smtp::Expected<std::unique_ptr<TlsClient>, std::string> TlsClient::make(
    const TlsClientSettings& settings) {
  auto impl = std::make_unique<Impl>();
  if (auto why = impl->build(settings); !why.empty()) return why;
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(impl)));
}

TlsClient::TlsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClient::~TlsClient() = default;

std::unique_ptr<TlsChannel> TlsClient::connect(const std::string& host) const {
  auto ssl = impl_->session();
  if (!ssl || !expect(*ssl, host)) return nullptr;
  return std::make_unique<TlsChannel>(std::move(ssl), TlsChannel::Side::Client);
}

}  // namespace ravelin::proxy
