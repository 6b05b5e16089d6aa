// Certificates and keys for tests, made on the spot.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "temp_dir.h"

namespace ravelin::test {

enum class KeyKind : uint8_t { Ecdsa, Rsa };

struct PemPair {
  std::string certificate;  // signed with its own key
  std::string key;
  std::string both() const { return certificate + key; }
};

namespace detail {

inline std::string drain(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

inline void extend(X509& certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace detail

// |names| as OpenSSL's configuration writes them: "DNS:mx.example.com,IP:127.0.0.1".
inline PemPair make_certificate(const std::string& names, KeyKind kind = KeyKind::Ecdsa,
                                int days = 30) {
  EVP_PKEY* const key = kind == KeyKind::Ecdsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -100L * 24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), days * 24L * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "O", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  detail::extend(*certificate, NID_basic_constraints, "critical,CA:TRUE");
  detail::extend(*certificate, NID_subject_alt_name, names);
  X509_sign(certificate, key, EVP_sha256());

  PemPair pair;
  BIO* const first = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(first, certificate);
  pair.certificate = detail::drain(first);
  BIO* const second = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(second, key, nullptr, nullptr, 0, nullptr, nullptr);
  pair.key = detail::drain(second);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pair;
}

}  // namespace ravelin::test
