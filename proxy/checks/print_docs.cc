#include "proxy/checks/print_docs.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <vector>

#include "proxy/checks/check.h"
#include "proxy/checks/early_talker.h"
#include "smtp/reply.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kHead = R"(# Checks

Printed by `ravelin --print-docs checks` from the checks that are built in.

A check looks at one thing that a client is or says. Checks run in the order of this page, stage
after stage, and each setting takes one of these actions:

| action | what it does |
|---|---|
| `off` | the check does not run and asks the DNS nothing |
| `note` | what was found stands in the decision line of the log, nothing else; but an early talker loses standing, and a null MX is refused |
| `greylist` | marks the client as suspicious: it is greylisted under `greylist.apply_to = "suspicious"`, too; a passed tuple or a client with standing is never delayed |
| `defer` | the client hears 450 and may come again |
| `reject` | the client hears 5xx and should not |

- **When.** A refusal is held back until RCPT, so that its log line has sender and recipient. Of several
  the hardest is said. Only an early talker, a denied client and a foreign recipient hear it at once.
- **Who is exempt.** Mail to postmaster and abuse of a domain of ours passes every check. A client on
  the allow list skips the checks of the connection. No address is exempt by itself, not even loopback.
- **The DNS.** An answer that does not come, or is broken, never counts against a client; all questions
  of a dialog share the time of `dns.timeout`.
- **Shadow mode.** With `mode = "shadow"` nobody is refused by checks, greylisting or `deny` (also
  `ravelinctl deny add`): this is only logged, as `reject_warning:`. Relay domains, `[harvest]`, `[limits]`
  and `[pressure]` hold as ever.
- **In the log.** The decision line of a recipient names what was found and what it was worth:
  `checks=rdns:greylist,helo.literal:greylist`.

Greylisting, limits and the lists under `[access]` are not checks: see
[parameters.md](parameters.md).
)";
constexpr std::string_view kStageNames[] = {"the connection, before the greeting", "EHLO or HELO",
                                            "MAIL", "RCPT"};

// The early talker is no registered check, because nothing starts it; for the reader it is one.
std::vector<const CheckDef*> documented() {
  const auto registered = registered_checks();
  std::vector<const CheckDef*> all(registered.begin(), registered.end());
  const auto behind = [](const CheckDef* a, const CheckDef* b) {
    return std::tie(a->stage, a->name) < std::tie(b->stage, b->name);
  };
  all.insert(std::upper_bound(all.begin(), all.end(), &kEarlyTalker, behind), &kEarlyTalker);
  return all;
}

std::string settings_of(const CheckDef& def) {
  if (def.section.params.empty()) return "It is a rule: it always holds and has no settings.\n";
  std::string text = "Settings: `[" + std::string(def.section.path) +
                     "]`\n\n| key | default | meaning |\n|---|---|---|\n";
  for (const auto& param : def.section.params)
    text += "| `" + std::string(param.name) + "` | `" + std::string(param.default_value) + "` | " +
            std::string(param.doc) + " |\n";
  return text;
}

std::string signs_of(const CheckDef& def) {
  if (def.signs.empty()) return {};
  std::string text = "\n| found, in the log | reply with `reject` |\n|---|---|\n";
  for (const Sign* sign : def.signs) {
    const auto reply = refusal_of({sign, Action::Reject});
    text += "| `" + std::string(def.name) + (sign->test.empty() ? "" : ".") +
            std::string(sign->test) + "` | `" + std::to_string(reply.code) + ' ' + reply.status() +
            ' ' + reply.text() + "` |\n";
  }
  return text;
}

}  // namespace

std::string print_check_docs() {
  std::string text(kHead);
  for (const CheckDef* def : documented()) {
    text += "\n## " + std::string(def->name) + "\n\n" + std::string(def->section.doc);
    text += "\n\nStage: " + std::string(kStageNames[static_cast<size_t>(def->stage)]) + ". ";
    text += settings_of(*def) + signs_of(*def);
  }
  return text;
}

}  // namespace ravelin::proxy
