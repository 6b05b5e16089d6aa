// The organisational domain of a client, where its name speaks for an organisation at all.
#include <libpsl.h>

#include "proxy/standing/greylist.h"
#include "proxy/standing/name_shape.h"

namespace ravelin::proxy {
namespace {

// The list of the distribution where it is newer than the library's own: it is updated, the library
// is not. Read once, at first use; shared by all threads, which is safe for look-ups.
const psl_ctx_t* public_suffixes() {
  static const psl_ctx_t* const list = psl_latest(nullptr);  // kept: threads may outlive statics
  return list != nullptr ? list : psl_builtin();
}

std::string host_name(std::string_view name) {
  std::string result(name);
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  if (result.ends_with('.')) result.pop_back();
  return result;
}

}  // namespace

std::string_view provider_domain(const std::string& host) {
  const auto* list = public_suffixes();
  if (list == nullptr) return {};
  // No suffix of the list has more labels; a client's name may have a hundred.
  size_t at = host.size();
  for (int labels = 0; labels < 7 && at != host.npos && at > 0; ++labels)
    at = host.rfind('.', at - 1);
  at = at == host.npos || at == 0 ? 0 : at + 1;
  std::string_view domain;
  while (true) {
    if (psl_is_public_suffix2(list, host.c_str() + at, PSL_TYPE_ICANN) != 0) return domain;
    domain = std::string_view(host).substr(at);
    const auto dot = host.find('.', at);
    if (dot == host.npos) return domain;
    at = dot + 1;
  }
}

std::string organisation_of(std::string_view name, const dns::IpAddress& address) {
  const auto host = host_name(name);
  const auto* list = public_suffixes();
  if (host.empty() || list == nullptr) return {};
  const auto* domain = psl_registrable_domain(list, host.c_str());
  if (domain == nullptr) return {};  // a public suffix itself

  // The words are looked for to the left of the domain: "dyn.com" is a company.
  const std::string_view organisation(domain);  // the end of |host|
  const auto labels = std::string_view(host).substr(0, host.size() - organisation.size());
  if (contains_address(host, address) || has_dynamic_word(labels)) return {};
  return std::string(organisation);
}

}  // namespace ravelin::proxy
