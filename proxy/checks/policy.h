// What a configuration says about clients and mail, made ready for use: the checks, the lists.
// Immutable; shared by all threads, and kept by each dialog from its start to its end.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/checks/access.h"
#include "proxy/checks/check.h"
#include "proxy/checks/early_talker.h"
#include "proxy/checks/greylist_exceptions.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

struct PolicyCheck {
  const CheckDef* def = nullptr;
  std::unique_ptr<const Check> check;
};

class Policy {
 public:
  explicit Policy(std::shared_ptr<const Config> config);

  const Config& config() const { return *config_; }
  bool shadow() const { return config_->mode == Mode::Shadow; }

  std::span<const PolicyCheck> checks(Stage stage) const {
    return checks_[static_cast<size_t>(stage)];
  }
  // Every new connection, before it has a place: is it allow-listed, denied, or neither?
  // |by_hand| may be null.
  Access access(const dns::IpAddress& client, const AccessList* by_hand = nullptr) const {
    return access_.find(client, by_hand);
  }
  // Is a bare LF from this client taken as CRLF?
  bool normalises(const dns::IpAddress& client) const;
  // Does a connection from |peer| begin with a PROXY header?
  bool is_balancer(const dns::IpAddress& peer) const { return balancers_.contains(peer); }
  // May |peer| say for whom it speaks?
  bool is_front(const dns::IpAddress& peer) const { return fronts_.contains(peer); }
  // Is it wanted what |client| would send, if all of it is refused anyhow?
  bool captures(const dns::IpAddress& client) const { return captured_.contains(client); }
  const EarlyTalkerSettings& early_talker() const { return early_talker_; }
  const GreylistExceptions& greylist_exceptions() const { return exceptions_; }

  // Replies that say our name, built once.
  const smtp::Reply& greeting() const { return greeting_; }
  const smtp::Reply& helo() const { return helo_; }
  const smtp::Reply& bye() const { return bye_; }

 private:
  const std::shared_ptr<const Config> config_;
  std::array<std::vector<PolicyCheck>, kStages> checks_;
  const AccessList access_;
  const CidrSet normalised_;
  const CidrSet balancers_;
  const CidrSet fronts_;
  const CidrSet captured_;
  const EarlyTalkerSettings early_talker_;
  const GreylistExceptions exceptions_;
  const smtp::Reply greeting_;
  const smtp::Reply helo_;
  const smtp::Reply bye_;
};

}  // namespace ravelin::proxy
