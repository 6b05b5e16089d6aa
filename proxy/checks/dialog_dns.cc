#include "proxy/checks/dialog_dns.h"

#include <algorithm>
#include <utility>

namespace ravelin::proxy {

std::optional<dns::Answer> DialogDns::ask(const dns::Question& question, dns::Handle& query,
                                          dns::Resolver::Callback done) {
  if (spent()) return dns::Answer{};  // TempFail
  const auto asked = reactor_.now();
  return resolver_.ask(question, {dns::Trust::Theirs, stranger_}, limit(), query,
                       [this, asked, done = std::move(done)](const dns::Answer& found) {
                         spend(asked);
                         done(found);
                       });
}

bool DialogDns::look_up_name(const dns::IpAddress& address, std::function<void()> done) {
  if (fcrdns_) return true;
  if (spent()) {
    fcrdns_.emplace();
    return true;
  }
  const auto asked = reactor_.now();
  fcrdns_ = dns::look_up_fcrdns(
      resolver_, reactor_, address, limit(), name_query_,
      [this, asked, done = std::move(done)](const dns::Fcrdns& found) {
        spend(asked);
        fcrdns_ = found;
        // An idle dialog need not keep what it has no use for.
        const auto over = std::move(name_query_);
        done();
      },
      stranger_);
  return fcrdns_.has_value();
}

void DialogDns::restart(std::chrono::milliseconds budget, std::optional<dns::Fcrdns> name) {
  left_ = budget;
  fcrdns_ = std::move(name);
  name_query_ = nullptr;
}

void DialogDns::spend(dns::Time asked) {
  const auto now = reactor_.now();
  const auto waited = now - std::max(asked, counted_);
  left_ -= std::chrono::duration_cast<Budget>(
      std::clamp(waited, std::chrono::nanoseconds(0), std::chrono::nanoseconds(left_)));
  counted_ = now;
}

}  // namespace ravelin::proxy
