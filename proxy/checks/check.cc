#include "proxy/checks/check.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <tuple>
#include <vector>

namespace ravelin::proxy {
namespace {

// Checks of other files register before main(), in no known order: the list must be made by whoever
// comes first.
std::vector<const CheckDef*>& checks() {
  static std::vector<const CheckDef*> list;
  return list;
}

}  // namespace

void Check::on_answer(CheckRun&, const dns::Question&, const dns::Answer&) const {
  assert(!"an answer for a check that asked nothing");
}

void Check::on_fcrdns(CheckRun&, const dns::Fcrdns&) const {
  assert(!"a name for a check that did not wait for it");
}

RegisterCheck::RegisterCheck(const CheckDef& def) {
  if (!def.section.params.empty()) RegisterSection section(def.section);
  const auto place = std::upper_bound(
      checks().begin(), checks().end(), &def, [](const CheckDef* a, const CheckDef* b) {
        return std::tie(a->stage, a->name) < std::tie(b->stage, b->name);
      });
  checks().insert(place, &def);
}

std::span<const CheckDef* const> registered_checks() { return checks(); }

// 450 and not 451 for a deferral: the cause is the client's, and log readers may count it. Our own
// trouble never looks like this.
smtp::Reply refusal_of(const Verdict& verdict) {
  assert(verdict.refuses() && verdict.sign);
  const auto& sign = *verdict.sign;
  const int code = verdict.action == Action::Defer ? 450 : sign.reject_code;
  std::string text(sign.reason);
  if (!sign.text.empty()) text.append(": ").append(sign.text);
  return {code, sign.enhanced, std::move(text)};
}

}  // namespace ravelin::proxy
