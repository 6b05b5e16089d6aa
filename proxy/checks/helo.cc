// Is the name that the client gives itself one that a mail server would have?  RFC 5321 §4.1.1.1,
// §2.3.5. Real servers get many of these wrong, so most tests only make a client suspicious.
#include <algorithm>
#include <string>

#include "dns/name.h"
#include "proxy/checks/check_run.h"

namespace ravelin::proxy {
namespace {

struct HeloSettings {
  Action syntax;
  Action own_name;
  Action literal;
  Action not_fqdn;
  Action unresolvable;
  Action ptr_mismatch;
};

constexpr Param kParams[] = {
    action_param<&HeloSettings::syntax>(
        "syntax", "A name that is neither a host name nor an address literal.", "\"reject\""),
    action_param<&HeloSettings::own_name>("own_name", "Our own hostname, from somebody else.",
                                          "\"reject\""),
    action_param<&HeloSettings::literal>(
        "literal", "An address literal, \"[192.0.2.1]\", where a server would have a name.",
        "\"greylist\""),
    action_param<&HeloSettings::not_fqdn>("not_fqdn", "A name without a domain.", "\"greylist\""),
    action_param<&HeloSettings::unresolvable>(
        "unresolvable", "A name without address or MX in DNS.", "\"greylist\""),
    action_param<&HeloSettings::ptr_mismatch>(
        "ptr_mismatch", "Another name than the confirmed one of the address.", "\"note\""),
};

// The phrases are those that log readers such as fail2ban look for.
constexpr std::string_view kReason = "Helo command rejected";
constexpr Sign kSyntax{"syntax", {5, 2}, kReason, "Invalid name", 501};
constexpr Sign kOwnName{"own_name", {7, 1}, kReason, "You are not me", 550};
constexpr Sign kLiteral{"literal", {7, 1}, kReason, "need a name, not an address", 550};
constexpr Sign kNotFqdn{"not_fqdn", {5, 2}, kReason, "need fully-qualified hostname", 504};
constexpr Sign kUnresolvable{"unresolvable", {7, 1}, kReason, "Host not found", 550};
constexpr Sign kPtrMismatch{
    "ptr_mismatch", {7, 1}, kReason, "Host name differs from that of the address", 550};

// Underscores are in too many names of honest machines to call them an error.
bool is_name(std::string_view helo) {
  std::string name(helo);
  std::replace(name.begin(), name.end(), '_', 'x');
  return smtp::is_domain(name) && !dns::IpAddress::parse(name);
}

class Helo final : public Check {
 public:
  using Settings = HeloSettings;
  explicit Helo(const Settings& settings) : settings_(settings) {}

  void start(CheckRun& run) const override {
    if (smtp::is_address_literal(run.helo())) return run.finish({&kLiteral, settings_.literal});
    // The last dot of a name as DNS has it is no fault: some servers take theirs from there.
    auto name = dns::canonical_name(run.helo());
    if (!is_name(name)) return run.finish({&kSyntax, settings_.syntax});
    if (name == smtp::to_lower(run.hostname())) return run.finish({&kOwnName, settings_.own_name});
    if (name.find('.') == name.npos) return run.finish({&kNotFqdn, settings_.not_fqdn});
    if (settings_.unresolvable == Action::Off) return compare(run);
    look_up(run, {dns::Type::A, std::move(name)});
  }

  // An address, or an MX: some give the name of their mail domain.
  void on_answer(CheckRun& run, const dns::Question& question,
                 const dns::Answer& answer) const override {
    using dns::Status, dns::Type;
    if (answer.status == Status::NoData && question.type == Type::A)
      return look_up(run, {Type::Aaaa, question.name});
    if (answer.status == Status::NoData && question.type == Type::Aaaa)
      return look_up(run, {Type::Mx, question.name});
    if (answer.status == Status::NoName || answer.status == Status::NoData)
      run.found({&kUnresolvable, settings_.unresolvable});
    compare(run);
  }

  void on_fcrdns(CheckRun& run, const dns::Fcrdns& found) const override {
    // Without a confirmed name there is nothing to compare with: that is for the check of rdns.
    if (found.confirmed() && found.name != dns::canonical_name(run.helo()))
      run.found({&kPtrMismatch, settings_.ptr_mismatch});
    run.done();
  }

 private:
  void look_up(CheckRun& run, const dns::Question& question) const {
    if (const auto now = run.ask(question)) on_answer(run, question, *now);
  }
  void compare(CheckRun& run) const {
    if (settings_.ptr_mismatch == Action::Off) return run.done();
    if (const auto* now = run.fcrdns()) return on_fcrdns(run, *now);
    run.await_fcrdns();
  }

  const Settings settings_;
};

constexpr const Sign* kSigns[] = {&kSyntax,  &kOwnName,      &kLiteral,
                                  &kNotFqdn, &kUnresolvable, &kPtrMismatch};
constexpr CheckDef kHelo = define_check<Helo, kParams, kSigns>("checks.helo", Stage::Helo,
                                                               "The name given in HELO or EHLO.");
const RegisterCheck registered{kHelo};

}  // namespace
}  // namespace ravelin::proxy
