#include "proxy/event/warm_up.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <ctime>

namespace ravelin::proxy {

std::string warm_up_libraries() {
  tzset();
  if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) return "OpenSSL does not start";
  unsigned char byte = 0;  // both generators: the one for keys, too
  if (RAND_bytes(&byte, 1) != 1 || RAND_priv_bytes(&byte, 1) != 1)
    return "OpenSSL has no random numbers";
  ERR_clear_error();
  return "";
}

}  // namespace ravelin::proxy
