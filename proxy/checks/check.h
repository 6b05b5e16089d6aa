// A check looks at what a client is and says, and gives a verdict. One file per check: it states
// its settings, its words and its judgement, and registers itself; nothing else names it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "dns/fcrdns.h"
#include "dns/resolver.h"
#include "proxy/config/config.h"
#include "proxy/config/section.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

class CheckRun;

// When a check has all that it looks at. Checks run in order of stage and name.
enum class Stage : uint8_t { Connect, Helo, Mail, Rcpt };
inline constexpr size_t kStages = 4;

// Something that a check can find: its words in the log and in the reply. Always a constant.
struct Sign {
  std::string_view test;    // "literal" of "helo.literal"; "" if the check has one test only
  smtp::Enhanced enhanced;  // the class digit follows the action
  std::string_view reason;  // "Client host rejected": what readers of logs look for
  std::string_view text;    // "cannot find your hostname"
  int reject_code = 550;    // for Action::Reject
};

// What a check says: nothing found, or a sign and what to do about it.
struct Verdict {
  const Sign* sign = nullptr;  // null: passed
  Action action = Action::Off;
  uint32_t took_us = 0;  // since the check began, look-ups included; the run's to say

  static Verdict pass() { return {}; }
  bool refuses() const { return action == Action::Defer || action == Action::Reject; }
  bool suspicious() const { return action == Action::Greylist; }
};

// The refusal as the client hears it, without an id. Only if verdict.refuses().
smtp::Reply refusal_of(const Verdict& verdict);

// Immutable, and shared by all dialogs of all threads: what belongs to one dialog is in the run.
// Between start() and run.done() a check has one question open at most; the answer says which.
class Check {
 public:
  virtual ~Check() = default;

  // Ends in run.done() (or run.finish()), here or in one of the answers below.
  virtual void start(CheckRun& run) const = 0;
  // To run.ask(), when it did not answer at once.
  virtual void on_answer(CheckRun& run, const dns::Question& question,
                         const dns::Answer& answer) const;
  // To run.await_fcrdns().
  virtual void on_fcrdns(CheckRun& run, const dns::Fcrdns& found) const;
};

// How a check is known. |section| has the path "checks.NAME"; a check that has nothing to set has
// no parameters and no section in the file.
struct CheckDef {
  std::string_view name;
  Stage stage = Stage::Connect;
  // Holds for everybody, in shadow mode too, and is not waited for: the rules of the house, not
  // signs of abuse.
  bool rule = false;
  // Of a rule only |doc| is set.
  Section section;
  std::unique_ptr<const Check> (*make)(const CheckDef& def, const Config& config) = nullptr;
  // All that it can find, for docs/checks.md.
  std::span<const Sign* const> signs = {};
};

inline constexpr std::string_view kCheckPrefix = "checks.";

// |C| has a type Settings and is made from one; |Params| are the rows of its section, |Signs| point
// to what it can find. |path| is "checks.NAME".
template <class C, const auto& Params, const auto& Signs>
constexpr CheckDef define_check(std::string_view path, Stage stage, std::string_view doc) {
  return {path.substr(kCheckPrefix.size()),
          stage,
          false,
          Section{path, doc, std::span<const Param>(Params), &make_settings<typename C::Settings>},
          [](const CheckDef& def, const Config& config) -> std::unique_ptr<const Check> {
            return std::make_unique<C>(config.section<typename C::Settings>(def.section.path));
          },
          Signs};
}

// A rule that cannot be switched off.
template <class C, const auto& Signs>
constexpr CheckDef define_rule(std::string_view name, Stage stage, std::string_view doc) {
  return {name,
          stage,
          true,
          Section{{}, doc, {}, nullptr},
          [](const CheckDef&, const Config&) -> std::unique_ptr<const Check> {
            return std::make_unique<C>();
          },
          Signs};
}

// Static initialisation only. |def| must be static.
class RegisterCheck {
 public:
  explicit RegisterCheck(const CheckDef& def);
};
// In order of stage and name, whatever the order of registration was.
std::span<const CheckDef* const> registered_checks();

}  // namespace ravelin::proxy
