// What the checks of a dialog have said, and those that are still at it. Nothing is refused when a
// check finds something: it is held until RCPT, so that the log has sender and recipient. That
// gives the look-ups the time of several round trips, and only RCPT waits for what is not answered
// yet.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "proxy/checks/check_run.h"

namespace ravelin::proxy {

class HeldChecks {
 public:
  // Runs the checks of |stage|, in place of what that stage said before. |input| as CheckRun.
  void run(Stage stage, const CheckInput& input, CheckRun::Events& events);
  // As events.on_checks_done() got it. The run itself must still be retired: it is on the stack.
  std::unique_ptr<CheckRun> take_over(CheckRun& run);
  // Forgets |stage| and those after it, what they said and what they wait for.
  void forget(Stage stage);

  bool settled() const;
  void on_fcrdns();
  void add(const Finding& finding) { said_.push_back(finding); }
  const std::vector<Finding>& said() const { return said_; }

 private:
  void keep(const CheckRun& run);

  std::array<std::unique_ptr<CheckRun>, kStages> running_;
  std::vector<Finding> said_;
};

// The hardest of what was said that refuses; null if nothing does.
const Finding* refusing(const std::vector<Finding>& said);
bool suspicious(const std::vector<Finding>& said);
// "pass", or the action.
std::string_view outcome_name(const Verdict& verdict);
// "rdns:note,helo.literal:greylist,sender_domain:pass", appended.
void append_findings(const std::vector<Finding>& said, std::string& out);

}  // namespace ravelin::proxy
