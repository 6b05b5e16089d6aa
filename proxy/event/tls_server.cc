// The server's side: which certificate for which name, tickets, ALPN.
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <utility>

#include "dns/name.h"
#include "proxy/event/tls_channel.h"
#include "proxy/event/tls_objects.h"
#include "proxy/event/tls_tickets.h"

namespace ravelin::proxy {
namespace {

// A client that names a protocol means it: one that asks a mail server for a page was led astray
// (the ALPACA attacks).                                                        RFC 7301 §3.2
constexpr std::array<std::string_view, 2> kProtocols = {"smtp", "esmtp"};

int on_alpn(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
            unsigned offered_size, void*) {
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
    if (std::find(kProtocols.begin(), kProtocols.end(), name) == kProtocols.end()) continue;
    *chosen = offered + at + 1;
    *size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// "mail.example.com" -> "*.example.com"                                      RFC 6125 §6.4.3
std::string wildcard_of(const std::string& name) {
  const auto dot = name.find('.');
  return dot == name.npos ? std::string() : "*" + name.substr(dot);
}

bool is_for(const TlsCertificate& certificate, const std::string& name) {
  const auto has = [&](const std::string& pattern) {
    return std::find(certificate.names.begin(), certificate.names.end(), pattern) !=
           certificate.names.end();
  };
  return has(name) || (!name.starts_with("*.") && has(wildcard_of(name)));
}

// "" or why not.
std::string show(SSL_CTX& context, const TlsCertificate& certificate) {
  const auto chain = reader_of(certificate.chain);
  const auto key_text = reader_of(certificate.key);
  const auto leaf = chain ? next_certificate(*chain) : nullptr;
  const auto key = key_text ? read_key(*key_text) : nullptr;
  if (!leaf || !key || SSL_CTX_use_certificate(&context, leaf.get()) != 1 ||
      SSL_CTX_clear_chain_certs(&context) != 1 || SSL_CTX_use_PrivateKey(&context, key.get()) != 1)
    return certificate.file + " cannot be used: " + openssl_reason();
  while (const auto issuer = next_certificate(*chain))
    SSL_CTX_add1_chain_cert(&context, issuer.get());
  ERR_clear_error();  // the end of the file is one
  return "";
}

}  // namespace

std::string asked_name(const SSL* ssl) {
  const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (asked == nullptr) return "";
  auto name = dns::canonical_name(asked);
  return dns::is_host_name(name) ? name : std::string();
}

class TlsServer::Impl {
 public:
  std::string build(const TlsServerSettings& settings, const TicketKeys& keys);
  SslPtr session() const { return SslPtr(SSL_new(contexts_.front().get())); }

 private:
  using Members = std::vector<size_t>;  // indices of certificates

  static int on_name(SSL* ssl, int* alert, void* self);
  SSL_CTX* context_for(const std::string& name) const;
  std::string add(const TlsServerSettings& settings, const TicketKeys& keys,
                  const Members& members);

  std::vector<ContextPtr> contexts_;  // the first is the default
  std::map<std::string, SSL_CTX*, std::less<>> by_name_;
};

// One context for each set of certificates that some name calls for.
std::string TlsServer::Impl::build(const TlsServerSettings& settings, const TicketKeys& keys) {
  assert(!settings.certificates.empty());
  std::map<Members, SSL_CTX*> made;
  const auto context_of = [&](const std::string& name) -> std::string {
    Members members;
    for (size_t i = 0; i < settings.certificates.size(); ++i)
      if (is_for(settings.certificates[i], name)) members.push_back(i);
    auto& context = made[members];
    if (context == nullptr) {
      if (auto why = add(settings, keys, members); !why.empty()) return why;
      context = contexts_.back().get();
    }
    by_name_.emplace(name, context);
    return "";
  };
  const auto& first = settings.certificates.front();
  if (first.names.empty())
    if (auto why = add(settings, keys, {0}); !why.empty()) return why;
  for (const auto& certificate : settings.certificates)
    for (const auto& name : certificate.names)
      if (auto why = context_of(name); !why.empty()) return why;
  SSL_CTX_set_tlsext_servername_callback(contexts_.front().get(), &Impl::on_name);
  SSL_CTX_set_tlsext_servername_arg(contexts_.front().get(), this);
  return "";
}

// In a context there is one certificate for each kind of key; the first in the list is to win, so
// it comes last.
std::string TlsServer::Impl::add(const TlsServerSettings& settings, const TicketKeys& keys,
                                 const Members& members) {
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context) return "no memory for TLS";
  set_common(*context, settings.min_version);
  for (auto i = members.rbegin(); i != members.rend(); ++i)
    if (auto why = show(*context, settings.certificates[*i]); !why.empty()) return why;
  SSL_CTX_set_app_data(context.get(), const_cast<TicketKeys*>(&keys));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), &TicketKeys::Impl::on_ticket);
  SSL_CTX_set_num_tickets(context.get(), 1);
  SSL_CTX_set_alpn_select_cb(context.get(), on_alpn, nullptr);
  contexts_.push_back(std::move(context));
  return "";
}

SSL_CTX* TlsServer::Impl::context_for(const std::string& name) const {
  for (const auto& pattern : {name, wildcard_of(name)})
    if (const auto found = by_name_.find(pattern); found != by_name_.end()) return found->second;
  return nullptr;
}

// A name that we have no certificate for gets the default: between mail servers an encrypted
// dialog with the wrong name is worth more than none.
int TlsServer::Impl::on_name(SSL* ssl, int*, void* self) {
  const auto name = asked_name(ssl);
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;
  auto* const context = static_cast<const Impl*>(self)->context_for(name);
  if (context == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

smtp::Expected<std::unique_ptr<TlsServer>, std::string> TlsServer::make(
    const TlsServerSettings& settings, const TicketKeys& keys) {
  auto impl = std::make_shared<Impl>();
  if (auto why = impl->build(settings, keys); !why.empty()) return why;
  return std::unique_ptr<TlsServer>(new TlsServer(std::move(impl)));
}

TlsServer::TlsServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsServer::~TlsServer() = default;

std::unique_ptr<TlsChannel> TlsServer::accept(std::string_view context) const {
  auto ssl = impl_->session();
  const auto size = static_cast<unsigned>(context.size());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(context.data());
  if (!ssl || SSL_set_session_id_context(ssl.get(), bytes, size) != 1) return nullptr;
  return std::make_unique<TlsChannel>(std::move(ssl), TlsChannel::Side::Server, impl_);
}

}  // namespace ravelin::proxy
