#include "proxy/checks/policy.h"

#include <utility>

#include "smtp/replies.h"

namespace ravelin::proxy {

Policy::Policy(std::shared_ptr<const Config> config)
    : config_(std::move(config)),
      access_(config_->access),
      normalised_(config_->access.normalise_line_endings),
      balancers_(config_->access.proxy_from),
      fronts_(config_->access.xclient_from),
      captured_(config_->capture.sources),
      early_talker_(config_->section<EarlyTalkerSettings>(kEarlyTalkerPath)),
      exceptions_(config_->greylist),
      greeting_(smtp::replies::greeting(config_->hostname)),
      helo_(250, config_->hostname),
      bye_(smtp::replies::bye(config_->hostname)) {
  for (const auto* def : registered_checks()) {
    checks_[static_cast<size_t>(def->stage)].push_back({def, def->make(*def, *config_)});
  }
}

bool Policy::normalises(const dns::IpAddress& client) const {
  return config_->relay.line_endings == LineEndings::Normalise || normalised_.contains(client);
}

}  // namespace ravelin::proxy
