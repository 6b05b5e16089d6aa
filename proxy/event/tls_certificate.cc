// Certificates and keys in PEM: checked, and kept as text.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "dns/name.h"
#include "proxy/event/tls_objects.h"

namespace ravelin::proxy {
namespace {

void add_name(std::string_view name, std::vector<std::string>& names) {
  auto lower = dns::canonical_name(name);
  const auto host = lower.starts_with("*.") ? std::string_view(lower).substr(2) : lower;
  if (!dns::is_host_name(host)) return;
  if (std::find(names.begin(), names.end(), lower) == names.end())
    names.push_back(std::move(lower));
}

std::string_view text_of(const ASN1_STRING& string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(&string)),
          static_cast<size_t>(ASN1_STRING_length(&string))};
}

// RFC 6125 §6.4.4: the common name counts only without alternative names.
std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
  const Names found(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const auto& name = *sk_GENERAL_NAME_value(found.get(), i);
    if (name.type == GEN_DNS) add_name(text_of(*name.d.dNSName), names);
  }
  if (found) return names;
  const auto* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0)
    add_name(text_of(*X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), names);
  return names;
}

std::chrono::system_clock::time_point not_after(X509& certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &time) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&time));
}

}  // namespace

smtp::Expected<TlsCertificate, std::string> parse_certificate(PemFile chain, PemFile key) {
  ERR_clear_error();
  const auto chain_reader = reader_of(chain.text);
  const auto key_reader = reader_of(key.text);
  if (!chain_reader || !key_reader) return std::string("no memory for a certificate");
  const auto leaf = next_certificate(*chain_reader);
  if (!leaf) return chain.name + " holds no certificate (PEM): " + openssl_reason();
  const auto parsed = read_key(*key_reader);
  if (!parsed) return key.name + " holds no private key (PEM, no password): " + openssl_reason();
  if (X509_check_private_key(leaf.get(), parsed.get()) != 1)
    return "the key in " + key.name + " does not belong to the certificate in " + chain.name;

  TlsCertificate certificate;
  certificate.file = std::move(chain.name);
  certificate.names = names_of(*leaf);
  certificate.not_after = not_after(*leaf);
  certificate.chain = std::move(chain.text);
  certificate.key = std::move(key.text);
  ERR_clear_error();
  return certificate;
}

}  // namespace ravelin::proxy
