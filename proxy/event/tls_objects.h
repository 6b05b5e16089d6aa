// OpenSSL's objects with owners, and what the files about TLS share. Included in this folder only,
// by .cc files.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/tls.h"

namespace ravelin::proxy {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;

// A BIO that reads |text|, which must outlive it. Null without memory.
BioPtr reader_of(std::string_view text);
// The next certificate, or the key, of a PEM text; null at its end or if it is broken. A key with a
// password is broken: nobody is there to type it.
X509Ptr next_certificate(BIO& pem);
KeyPtr read_key(BIO& pem);

// The reason of the last error in OpenSSL's words.
std::string openssl_reason();

// What both sides of a connection set alike.
void set_common(SSL_CTX& context, TlsVersion least);

}  // namespace ravelin::proxy
