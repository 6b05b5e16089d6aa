// The checks of one stage for one dialog: runs them one after another and is all that a check sees
// of the world. No sockets, no configuration.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "proxy/backend/verifier.h"
#include "proxy/checks/check.h"
#include "proxy/checks/dialog_dns.h"
#include "proxy/checks/policy.h"
#include "proxy/observe/journal.h"
#include "smtp/command.h"

namespace ravelin::proxy {

// What one check said.
struct Finding {
  const CheckDef* check = nullptr;
  Verdict verdict;
};

// What there is to look at. Everything must outlive the run.
struct CheckInput {
  const DialogInfo& dialog;
  const Policy& policy;
  const Verifier& verifier;
  DialogDns& dns;
  const smtp::MailCommand* mail = nullptr;  // from Stage::Mail on
  const smtp::RcptCommand* rcpt = nullptr;  // at Stage::Rcpt
};

class CheckRun : public dns::Retirable {
 public:
  class Events {
   public:
    // The last check has spoken. The run must not be destroyed in here, but can be retired.
    virtual void on_checks_done(CheckRun& run) = 0;

   protected:
    ~Events() = default;
  };

  // |events| must outlive it. Destroying it ends the question that is open.
  CheckRun(Stage stage, const CheckInput& input, Events& events);
  CheckRun(const CheckRun&) = delete;
  CheckRun& operator=(const CheckRun&) = delete;

  // True: all checks have spoken, and on_checks_done() is not called. False: it will be.
  bool start();
  bool over() const { return over_; }
  Stage stage() const { return stage_; }
  const std::vector<Finding>& findings() const { return findings_; }
  // The owner tells that DialogDns knows the client's name now.
  void on_fcrdns();

  // For checks: the facts.
  const dns::IpAddress& client() const { return input_.dialog.client.address; }
  std::string_view helo() const { return input_.dialog.helo; }
  std::string_view hostname() const { return input_.policy.config().hostname; }
  const smtp::MailCommand& mail() const { return *input_.mail; }
  const smtp::RcptCommand& rcpt() const { return *input_.rcpt; }
  bool serves(std::string_view domain) const { return input_.verifier.serves(domain); }

  // For checks: questions. The answer comes now by value, or later to the check, never both.
  std::optional<dns::Answer> ask(const dns::Question& question);
  const dns::Fcrdns* fcrdns() const { return input_.dns.fcrdns(); }
  void await_fcrdns() { awaits_name_ = true; }

  // For checks: what was found (any number of signs), and the end of the check.
  void found(const Verdict& verdict);
  void done() { done_ = true; }
  void finish(const Verdict& verdict) {
    if (verdict.sign) found(verdict);
    done();
  }

 private:
  const PolicyCheck& current() const { return checks_[at_]; }
  void on_answer(const dns::Question& question, const dns::Answer& answer);
  void begin();
  void note(Verdict verdict);
  bool proceed();
  void go_on();

  const Stage stage_;
  bool awaits_name_ = false;
  bool done_ = false;  // the current check
  bool spoke_ = false;
  bool over_ = false;
  const CheckInput input_;
  Events& events_;
  const std::span<const PolicyCheck> checks_;
  size_t at_ = 0;
  dns::Time began_{};  // the current check
  dns::Handle query_;
  std::vector<Finding> findings_;
};

}  // namespace ravelin::proxy
