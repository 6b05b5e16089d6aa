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

constexpr CheckDef kRelayDomain = define_rule<RelayDomain>("relay_domain", Stage::Rcpt);
const RegisterCheck registered{kRelayDomain};

}  // namespace
}  // namespace ravelin::proxy
