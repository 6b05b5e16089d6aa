#include "proxy/checks/print_docs.h"

#include <string_view>

#include "proxy/checks/check.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kHead = R"(# Checks

Printed by `ravelin --print-docs checks`. Checks run in this order. What a check finds is held until
RCPT, so that the log has sender and recipient; limits, the deny list and early talk are answered at
once. A DNS fault never counts against a client.

| action | what it does |
|---|---|
| `off` | the check does not run |
| `note` | stands in the decision line of the log, nothing else |
| `greylist` | marks the client as suspicious; never delays a passed tuple or a client with standing |
| `defer` | 4xx |
| `reject` | 5xx |
)";
constexpr std::string_view kStageNames[] = {"connection", "EHLO or HELO", "MAIL", "RCPT"};

std::string settings_of(const CheckDef& def) {
  if (def.section.params.empty()) return "It always holds and has no settings.\n";
  std::string text = "`[" + std::string(def.section.path) + "]`\n\n| key | default | |\n|---|---|---|\n";
  for (const auto& param : def.section.params)
    text += "| `" + std::string(param.name) + "` | `" + std::string(param.default_value) + "` | " +
            std::string(param.doc) + " |\n";
  return text;
}

}  // namespace

std::string print_check_docs() {
  std::string text(kHead);
  for (const CheckDef* def : registered_checks()) {
    text += "\n## " + std::string(def->name) + "\n\n";
    text += "Looks at the " + std::string(kStageNames[static_cast<size_t>(def->stage)]) + ". ";
    if (!def->section.doc.empty()) text += std::string(def->section.doc) + ' ';
    text += settings_of(*def);
  }
  return text;
}

}  // namespace ravelin::proxy
