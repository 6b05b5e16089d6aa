#include "proxy/simulation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/session/greylist_scope.h"
#include "smtp/replies.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

// Whatever was lost for want of memory on the way: nobody waits for it any more.
constexpr std::chrono::minutes kLongest{2};

constexpr std::string_view kAccess[] = {"none", "allowed", "denied"};
constexpr std::string_view kGrades[] = {"unknown", "passed", "good"};

std::string line_of(const smtp::Reply& reply) {
  return std::to_string(reply.code) + ' ' + reply.status() + ' ' + reply.text();
}

const char* word_of(const smtp::Reply& reply) {
  if (reply.positive()) return "accept";
  return reply.permanent() ? "reject" : "defer";
}

}  // namespace

void Simulation::begin(const WorkerParts& worker, SimulationInput input, Done done) {
  std::shared_ptr<Simulation> made(new Simulation(worker, std::move(input), std::move(done)));
  worker.guests.push_back(made);
  made->start();
}

Simulation::Simulation(const WorkerParts& worker, SimulationInput input, Done done)
    : services_(worker.services),
      guests_(worker.guests),
      policy_(worker.published.policy),
      wanted_(std::move(input)),
      done_(std::move(done)),
      access_(policy_->access(wanted_.client, worker.published.by_hand.get())),
      grade_(services_.standing.grade(wanted_.client)),
      dns_(services_.resolver, services_.reactor, policy_->config().dns.timeout) {
  info_.client.address = wanted_.client;
  info_.helo = wanted_.helo;
  info_.esmtp = true;
}

CheckInput Simulation::input() const {
  return {info_, *policy_, services_.verifier, dns_, &wanted_.mail, &wanted_.rcpt};
}

// All stages at once: whatever the first one finds, the others are shown too.
void Simulation::start() {
  timer_ = services_.reactor.timer(kLongest, [this] { leave(); });
  if (dns_.look_up_name(wanted_.client, [this] { on_name(); })) on_name();
  if (!allowed()) held_.run(Stage::Connect, input(), *this);
  held_.run(Stage::Helo, input(), *this);
  held_.run(Stage::Mail, input(), *this);
  at_rcpt_ = std::make_unique<CheckRun>(Stage::Rcpt, input(), *this);
  if (at_rcpt_->start()) {
    said_at_rcpt_ = at_rcpt_->findings();
    at_rcpt_.reset();
  }
  started_ = true;
  go_on();
}

void Simulation::on_name() {
  if (dns_.fcrdns()->confirmed()) info_.name = dns_.fcrdns()->name;
  held_.on_fcrdns();
  go_on();
}

// The run is on the stack: it is destroyed at the end of the turn.
void Simulation::on_checks_done(CheckRun& run) {
  if (run.stage() == Stage::Rcpt) {
    said_at_rcpt_ = run.findings();
    services_.reactor.retire(std::shared_ptr<CheckRun>(std::move(at_rcpt_)));
  } else {
    services_.reactor.retire(std::shared_ptr<CheckRun>(held_.take_over(run)));
  }
  go_on();
}

void Simulation::go_on() {
  if (!started_ || !dns_.fcrdns() || !held_.settled() || at_rcpt_ || asked_) return;
  asked_ = true;
  const bool ours = services_.verifier.serves(wanted_.rcpt.to.domain);
  wanted_.ask&& ours ? ask_backend() : finish(nullptr);
}

void Simulation::ask_backend() {
  const ClientIdentity client{.address = info_.client,
                              .name = info_.name,
                              .name_unsure = dns_.fcrdns()->status == dns::Fcrdns::Status::DontKnow,
                              .helo = info_.helo,
                              .esmtp = true,
                              .known = has_standing()};
  backend_ = services_.verifier.begin(wanted_.mail, client, "SIMULATION", *this);
  backend_->recipient(wanted_.rcpt);
}

// Called from below: the transaction goes at the end of the turn, with all of us.
void Simulation::on_recipient(const RecipientAnswer& answer) { finish(&answer); }

const Finding* Simulation::refusal() const {
  const auto* const here = refusing(said_at_rcpt_);
  if (here != nullptr && here->check->rule) return here;
  if (is_role_mailbox(wanted_.rcpt.to) || policy_->shadow()) return nullptr;
  const auto* const held = refusing(held_.said());
  if (held == nullptr || here == nullptr) return held != nullptr ? held : here;
  return here->verdict.action > held->verdict.action ? here : held;
}

json Simulation::checks() const {
  json all = json::array();
  for (const auto* const said : {&held_.said(), &said_at_rcpt_}) {
    for (const auto& [check, verdict] : *said) {
      auto name = std::string(check->name);
      if (verdict.sign != nullptr && !verdict.sign->test.empty())
        name.append(".").append(verdict.sign->test);
      all.push_back({{"check", name},
                     {"says", outcome_name(verdict)},
                     {"took_s", static_cast<double>(verdict.took_us) / 1e6}});
    }
  }
  return all;
}

json Simulation::greylist() const {
  const bool doubtful = suspicious(held_.said()) || suspicious(said_at_rcpt_);
  const auto& to = wanted_.rcpt.to;
  const auto& from = wanted_.mail.from;
  const auto scope = greylist_scope(
      *policy_, {wanted_.client, info_.name, has_standing(), from, to, doubtful, true});
  if (scope != GreylistAnswer::Ask) return {{"state", greylist_answer_name(scope)}};
  const auto organisation =
      info_.name.empty() ? std::string() : organisation_of(info_.name, wanted_.client);
  const auto shown = services_.greylist.show({wanted_.client, organisation, from, to});
  if (!shown) return {{"state", "first"}, {"defers", true}};
  return {{"state", greylist_answer_name(greylist_answer(shown->result.kind))},
          {"defers", shown->result.deferred()},
          {"left_s", shown->result.left.count()},
          {"age_s", shown->age.count()}};
}

Simulation::Verdict Simulation::verdict(const json& greylisted) const {
  if (access_ == Access::Deny && !policy_->shadow())
    return {"reject", line_of(refusal_of({&kAccessDenied, Action::Reject}))};
  if (const auto* const finding = refusal()) {
    const auto reply = refusal_of(finding->verdict);
    return {word_of(reply), line_of(reply)};
  }
  if (greylisted.value("defers", false) && !policy_->shadow()) {
    const auto left = std::chrono::seconds(greylisted.value("left_s", int64_t{0}));
    const auto delay = std::chrono::ceil<std::chrono::seconds>(policy_->config().greylist.delay);
    return {"defer", line_of(smtp::replies::greylisted(left.count() > 0 ? left : delay))};
  }
  return {};
}

// May be on the stack of whatever we asked: we go at the end of the turn.
void Simulation::finish(const RecipientAnswer* answer) {
  const auto greylisted = greylist();
  auto [word, reply] = verdict(greylisted);
  json result = {{"client", wanted_.client.to_string()},
                 {"name", info_.name},
                 {"access", kAccess[static_cast<size_t>(access_)]},
                 {"standing", kGrades[static_cast<size_t>(grade_)]},
                 {"checks", checks()},
                 {"greylist", greylisted}};
  if (answer != nullptr) result["backend"] = line_of(answer->reply);
  if (word.empty() && answer != nullptr) {
    word = word_of(answer->reply);
    reply = line_of(answer->reply);
  }
  result["verdict"] = word.empty() ? "the backend decides" : word;
  if (!reply.empty()) result["reply"] = reply;
  leave();
  done_(std::move(result));
}

void Simulation::leave() {
  const auto mine = std::find_if(guests_.begin(), guests_.end(),
                                 [this](const auto& guest) { return guest.get() == this; });
  if (mine == guests_.end()) return;
  services_.reactor.retire(std::move(*mine));
  guests_.erase(mine);
}

}  // namespace ravelin::proxy
