#include "proxy/session/held_checks.h"

#include <algorithm>
#include <utility>

namespace ravelin::proxy {

void HeldChecks::run(Stage stage, const CheckInput& input, CheckRun::Events& events) {
  if (input.policy.checks(stage).empty()) return;
  auto run = std::make_unique<CheckRun>(stage, input, events);
  if (run->start()) return keep(*run);
  running_[static_cast<size_t>(stage)] = std::move(run);
}

std::unique_ptr<CheckRun> HeldChecks::take_over(CheckRun& run) {
  keep(run);
  return std::exchange(running_[static_cast<size_t>(run.stage())], nullptr);
}

void HeldChecks::keep(const CheckRun& run) {
  said_.insert(said_.end(), run.findings().begin(), run.findings().end());
}

void HeldChecks::forget(Stage stage) {
  for (auto i = static_cast<size_t>(stage); i < kStages; ++i) running_[i].reset();
  std::erase_if(said_, [stage](const Finding& finding) { return finding.check->stage >= stage; });
}

bool HeldChecks::settled() const {
  return std::none_of(running_.begin(), running_.end(),
                      [](const auto& run) { return run != nullptr; });
}

// A run that ends here gives up its place in running_, but is not destroyed before it returns.
void HeldChecks::on_fcrdns() {
  for (auto& run : running_) {
    if (run) run->on_fcrdns();
  }
}

const Finding* refusing(const std::vector<Finding>& said) {
  const Finding* worst = nullptr;
  for (const auto& finding : said) {
    if (!finding.verdict.refuses()) continue;
    if (!worst || finding.verdict.action > worst->verdict.action) worst = &finding;
  }
  return worst;
}

bool suspicious(const std::vector<Finding>& said) {
  return std::any_of(said.begin(), said.end(),
                     [](const Finding& finding) { return finding.verdict.suspicious(); });
}

std::string_view outcome_name(const Verdict& verdict) {
  return verdict.sign != nullptr ? kActionNames[static_cast<size_t>(verdict.action)] : "pass";
}

void append_findings(const std::vector<Finding>& said, std::string& out) {
  for (const auto& finding : said) {
    if (!out.empty()) out += ',';
    out += finding.check->name;
    const auto* sign = finding.verdict.sign;
    if (sign && !sign->test.empty()) out.append(".").append(sign->test);
    out += ':';
    out += outcome_name(finding.verdict);
  }
}

}  // namespace ravelin::proxy
