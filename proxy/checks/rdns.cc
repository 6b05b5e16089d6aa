// Has the client's address a name that leads back to that address? Its absence is a sign, not
// proof, so the default only greylists; a DNS fault never counts.                    RFC 8601 §3
#include "proxy/checks/check_run.h"

namespace ravelin::proxy {
namespace {

struct RdnsSettings {
  Action action;
};

constexpr Param kParams[] = {
    action_param<&RdnsSettings::action>(
        "action", "What to do with a client whose address has no confirmed name.", "\"greylist\""),
};

// 7.25: "Reverse DNS validation failed", RFC 7372 §3.3.
constexpr Sign kNoName{.test = "",
                       .enhanced = {7, 25},
                       .reason = "Client host rejected",
                       .text = "cannot find your hostname"};
constexpr Sign kMismatch{.test = "",
                         .enhanced = {7, 25},
                         .reason = "Client host rejected",
                         .text = "cannot find your hostname: no name leads back to your address"};

class Rdns final : public Check {
 public:
  using Settings = RdnsSettings;
  explicit Rdns(const Settings& settings) : settings_(settings) {}

  void start(CheckRun& run) const override {
    if (settings_.action == Action::Off) return run.done();
    if (const auto* now = run.fcrdns()) return run.finish(judge(*now));
    run.await_fcrdns();
  }
  void on_fcrdns(CheckRun& run, const dns::Fcrdns& found) const override {
    run.finish(judge(found));
  }

 private:
  Verdict judge(const dns::Fcrdns& found) const {
    using Status = dns::Fcrdns::Status;
    if (found.status == Status::None) return {&kNoName, settings_.action};
    if (found.status == Status::Mismatch) return {&kMismatch, settings_.action};
    return Verdict::pass();
  }

  const Settings settings_;
};

constexpr const Sign* kSigns[] = {&kNoName, &kMismatch};
constexpr CheckDef kRdns = define_check<Rdns, kParams, kSigns>(
    "checks.rdns", Stage::Connect, "Reverse DNS: a name for the address that leads back to it.");
const RegisterCheck registered{kRdns};

}  // namespace
}  // namespace ravelin::proxy
