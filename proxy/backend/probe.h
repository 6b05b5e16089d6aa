// A duty carried out: one MAIL and RCPT that belongs to no dialog, on a connection of its own, that
// counts for nobody's standing.
#pragma once

#include "proxy/backend/attempt.h"
#include "proxy/backend/duties.h"

namespace ravelin::proxy {

class BackendWorker;

class Probe final : Attempt::Owner {
 public:
  Probe(BackendWorker& worker, Duty duty);
  ~Probe();

  void start();
  void check(Time now);  // gives up after a while
  bool done() const { return done_; }

 private:
  void on_outcome(Outcome outcome) noexcept override;
  void conclude(bool accepted, bool answered) noexcept;

  BackendWorker& worker_;
  const Duty duty_;
  const smtp::MailCommand mail_;  // from <>, as bounces come: refused by nobody for its sender
  smtp::RcptCommand rcpt_;
  Attempt attempt_;
  Time started_{};
  bool done_ = false;
};

}  // namespace ravelin::proxy
