// What would become of a mail: a dialog without a client. Asks the DNS and looks into the tables as
// a real one would, but writes into none of them, takes no place, counts and logs nothing.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "proxy/session/held_checks.h"
#include "proxy/session/services.h"
#include "proxy/worker.h"

namespace ravelin::proxy {

struct SimulationInput {
  dns::IpAddress client;
  std::string helo;
  smtp::MailCommand mail;
  smtp::RcptCommand rcpt;
  bool ask = false;  // the backend, about the recipient
};

// On a worker's thread, as one of its guests. Its look-ups share one budget (dns.timeout), and a
// backend's answer comes in verify.timeout at the latest, so it ends.
class Simulation final : public dns::Retirable, public CheckRun::Events, public BackendEvents {
 public:
  using Done = std::function<void(nlohmann::json)>;

  // |done| is called once, on that thread, unless the worker ends before.
  static void begin(const WorkerParts& worker, SimulationInput input, Done done);

 private:
  Simulation(const WorkerParts& worker, SimulationInput input, Done done);

  void start();
  void on_name();
  void on_checks_done(CheckRun& run) override;
  void go_on();
  void ask_backend();
  void on_recipient(const RecipientAnswer& answer) override;
  void on_data_ready(const FinalAnswer&) override {}
  void on_room() override {}
  void on_final(const FinalAnswer&) override {}
  void finish(const RecipientAnswer* answer);
  void leave();  // destroyed at the end of the turn

  CheckInput input() const;
  bool allowed() const { return access_ == Access::Allow; }
  bool has_standing() const { return allowed() || grade_ != Grade::Unknown; }
  const Finding* refusal() const;
  nlohmann::json checks() const;
  nlohmann::json greylist() const;
  // The verdict and the reply before a backend is asked; no verdict if it is the backend's.
  struct Verdict {
    std::string word, reply;
  };
  Verdict verdict(const nlohmann::json& greylisted) const;

  Services& services_;
  std::vector<std::shared_ptr<dns::Retirable>>& guests_;
  const std::shared_ptr<const Policy> policy_;
  const SimulationInput wanted_;
  Done done_;
  DialogInfo info_;
  Access access_;
  Grade grade_;
  mutable DialogDns dns_;
  dns::Handle timer_;
  bool started_ = false;
  bool asked_ = false;
  HeldChecks held_;
  std::unique_ptr<CheckRun> at_rcpt_;
  std::vector<Finding> said_at_rcpt_;
  std::unique_ptr<BackendTransaction> backend_;
};

}  // namespace ravelin::proxy
