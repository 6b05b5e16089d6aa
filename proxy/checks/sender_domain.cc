// Can the sender get an answer? Its domain must have an MX or an address (RFC 5321 §5.1); a domain
// that says it takes no mail at all (null MX, RFC 7505) does not send any either.
#include "dns/idn.h"
#include "dns/name.h"
#include "proxy/checks/check_run.h"

namespace ravelin::proxy {
namespace {

struct SenderDomainSettings {
  Action action;
};

constexpr Param kParams[] = {
    action_param<&SenderDomainSettings::action>(
        "action",
        "What to do with a sender whose domain does not exist. With any value but \"off\" a domain "
        "with a null MX (RFC 7505) is refused.",
        "\"defer\""),
};

constexpr Sign kNotFound{.test = "",
                         .enhanced = {1, 8},
                         .reason = "Sender address rejected",
                         .text = "Domain not found"};
// RFC 7505 §4.2: 550 and 5.7.27.
constexpr Sign kNullMx{.test = "null_mx",
                       .enhanced = {7, 27},
                       .reason = "Sender address rejected",
                       .text = "Domain does not send mail (null MX)"};

class SenderDomain final : public Check {
 public:
  using Settings = SenderDomainSettings;
  explicit SenderDomain(const Settings& settings) : settings_(settings) {}

  void start(CheckRun& run) const override {
    if (settings_.action == Action::Off) return run.done();
    // Neither an address literal nor what has no name in DNS: not knowing never counts.
    const auto domain = dns::to_a_labels(run.mail().from.domain);
    if (!dns::is_query_name(domain)) return run.done();
    look_up(run, {dns::Type::Mx, domain});
  }

  // MX first; without one, an address will do: A, then AAAA.
  void on_answer(CheckRun& run, const dns::Question& question,
                 const dns::Answer& answer) const override {
    if (answer.status == dns::Status::TempFail) return run.done();
    if (answer.status == dns::Status::NoName) return run.finish({&kNotFound, settings_.action});
    if (answer.status == dns::Status::Ok) return run.finish(judge(question, answer));
    if (question.type == dns::Type::Mx) return look_up(run, {dns::Type::A, question.name});
    if (question.type == dns::Type::A) return look_up(run, {dns::Type::Aaaa, question.name});
    run.finish({&kNotFound, settings_.action});
  }

 private:
  void look_up(CheckRun& run, const dns::Question& question) const {
    if (const auto now = run.ask(question)) on_answer(run, question, *now);
  }

  // A null MX stands alone (RFC 7505 §3); beside others, which need not be legible, it is a mistake
  // of somebody who has MXs.
  static Verdict judge(const dns::Question& question, const dns::Answer& answer) {
    const bool null_mx = question.type == dns::Type::Mx && !answer.partial &&
                         answer.mx.size() == 1 && answer.mx.front().exchange.empty();
    return null_mx ? Verdict{&kNullMx, Action::Reject} : Verdict::pass();
  }

  const Settings settings_;
};

constexpr const Sign* kSigns[] = {&kNotFound, &kNullMx};
constexpr CheckDef kSenderDomain = define_check<SenderDomain, kParams, kSigns>(
    "checks.sender_domain", Stage::Mail, "The sender's domain: does it exist, does it take mail?");
const RegisterCheck registered{kSenderDomain};

}  // namespace
}  // namespace ravelin::proxy
