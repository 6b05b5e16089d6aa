// Is the recipient ours? A front line takes mail for its own domains and for nobody else: this rule
// holds for every client, in every mode.
#include "proxy/checks/check_run.h"

namespace ravelin::proxy {
namespace {

constexpr Sign kRelay{.test = "",
                      .enhanced = {7, 1},
                      .reason = "Relay access denied",
                      .text = "",
                      .reject_code = 554};

class RelayDomain final : public Check {
 public:
  void start(CheckRun& run) const override {
    if (run.serves(run.rcpt().to.domain)) return run.done();
    run.finish({&kRelay, Action::Reject});
  }
};

constexpr const Sign* kSigns[] = {&kRelay};
constexpr CheckDef kRelayDomain = define_rule<RelayDomain, kSigns>(
    "relay_domain", Stage::Rcpt,
    "The recipient's domain: is it one of those that the routes serve? Open relays are abused "
    "within hours, so nothing switches this off: no list, no standing, no shadow mode.");
const RegisterCheck registered{kRelayDomain};

}  // namespace
}  // namespace ravelin::proxy
