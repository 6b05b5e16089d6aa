// The look-ups of one dialog: one budget of time for all of them, and the client's name.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "dns/fcrdns.h"
#include "dns/resolver.h"

namespace ravelin::proxy {

// The budget is time waited, not time since the connection came: a client that sends its next mail
// after a minute finds the rest of it. When it is spent nothing is asked any more and every
// answer is a TempFail, which counts against nobody. A budget of 0 switches look-ups off.
class DialogDns {
 public:
  // Both must outlive it.
  DialogDns(dns::Resolver& resolver, dns::Reactor& reactor, std::chrono::milliseconds budget)
      : resolver_(resolver), reactor_(reactor), left_(budget) {}

  // As Resolver::ask. Must outlive |query|.
  std::optional<dns::Answer> ask(const dns::Question& question, dns::Handle& query,
                                 dns::Resolver::Callback done);

  // Looks up who |address| is, once. Returns true if that is known now; else |done| is called when
  // it is.
  bool look_up_name(const dns::IpAddress& address, std::function<void()> done);
  // From the beginning, for another client, whose name may be known already.
  void restart(std::chrono::milliseconds budget, std::optional<dns::Fcrdns> name);
  // A client that others come before, until it is said otherwise (dns::Asker).
  void set_stranger(bool stranger) { stranger_ = stranger; }
  // Null until known.
  const dns::Fcrdns* fcrdns() const { return fcrdns_ ? &*fcrdns_ : nullptr; }

  dns::Time now() const { return reactor_.now(); }
  std::chrono::nanoseconds left() const { return left_; }

 private:
  std::chrono::milliseconds limit() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(left_);
  }
  bool spent() const { return limit().count() <= 0; }
  void spend(dns::Time asked);

  dns::Resolver& resolver_;
  dns::Reactor& reactor_;
  // Smaller than it might be, as is all that each idle dialog has; half an hour fits.
  using Budget = std::chrono::duration<int32_t, std::micro>;
  Budget left_;
  bool stranger_ = true;
  dns::Time counted_{};  // waiting before this is paid for: questions at the same time count once
  std::optional<dns::Fcrdns> fcrdns_;
  dns::Handle name_query_;
};

}  // namespace ravelin::proxy
