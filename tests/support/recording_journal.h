// Keeps what happened, one line an event.
#pragma once

#include <new>
#include <string>
#include <vector>

#include "proxy/observe/journal.h"

namespace ravelin::test {

class RecordingJournal final : public proxy::Journal {
 public:
  std::vector<std::string> lines;
  std::vector<proxy::Cause> causes;  // of refusals
  bool no_memory = false;            // delivered() and message() throw

  // Does some line begin with |prefix|? How many do?
  size_t count(std::string_view prefix) const {
    size_t found = 0;
    for (const auto& line : lines) found += line.starts_with(prefix) ? 1 : 0;
    return found;
  }
  bool has(std::string_view part) const {
    for (const auto& line : lines) {
      if (line.find(part) != line.npos) return true;
    }
    return false;
  }

  void connected(const proxy::DialogInfo& dialog) override {
    lines.push_back("connect " + (dialog.name.empty() ? "unknown" : dialog.name));
  }
  void disconnected(const proxy::DialogInfo&, proxy::VerbCounts counts) override {
    std::string line = "disconnect";
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i].all == 0) continue;
      line.append(" ").append(smtp::verb_name(static_cast<smtp::Verb>(i))).append("=");
      line += std::to_string(counts[i].taken) + "/" + std::to_string(counts[i].all);
    }
    lines.push_back(line);
  }
  void refused(const proxy::DialogInfo&, const proxy::Refusal& refusal) override {
    std::string line = refusal.shadow ? "reject_warning " : "reject ";
    causes.push_back(refusal.cause);
    line.append(refusal.stage).append(" ").append(std::to_string(refusal.reply.code));
    line.append(" ").append(refusal.reply.status()).append(" <").append(refusal.subject);
    line.append("> ").append(refusal.reason).append("; ").append(refusal.reply.text());
    if (refusal.sender) line += " from=" + refusal.sender->path();
    if (refusal.recipient) line += " to=" + refusal.recipient->path();
    lines.push_back(line);
  }
  void delivered(const proxy::DialogInfo&, const proxy::Delivered& mail) override {
    if (no_memory) throw std::bad_alloc();
    lines.push_back("delivered from=" + mail.sender.path() +
                    " nrcpt=" + std::to_string(mail.recipients.size()) +
                    " size=" + std::to_string(mail.size) + (mail.client_gone ? " gone" : ""));
    for (const auto& fate : mail.fates)
      lines.back() += " " + std::string(1, "sbd"[static_cast<size_t>(fate.kind)]) + fate.status;
  }
  void decided(const proxy::DialogInfo&, const proxy::Decision& decision) override {
    std::string line = "decision rcpt=";
    line.append(decision.recipient).append(" standing=").append(decision.standing);
    line.append(" greylist=").append(decision.greylist).append(" checks=").append(decision.checks);
    line.append(" verify=").append(decision.verify).append(" verdict=").append(decision.verdict);
    lines.push_back(line);
  }
  void ended(const proxy::DialogInfo&, std::string_view what, std::string_view after) override {
    lines.push_back(std::string(what) + " after " + std::string(after));
  }
  void secured(const proxy::DialogInfo&, const proxy::Secured& tls) override {
    lines.push_back("secured " + std::string(tls.version));
  }
  void not_secured(const proxy::DialogInfo&, std::string_view trouble) override {
    lines.push_back("not secured: " + std::string(trouble));
  }
  void pregreet(const proxy::DialogInfo&, size_t bytes, std::chrono::nanoseconds,
                std::string_view text) override {
    lines.push_back("pregreet " + std::to_string(bytes) + " " + std::string(text));
  }
  void no_place(const dns::Endpoint&, std::string_view limit) override {
    lines.push_back("no place: " + std::string(limit));
  }
  void message(proxy::Severity, std::string_view text) override {
    if (no_memory) throw std::bad_alloc();
    lines.push_back("message " + std::string(text));
  }
};

}  // namespace ravelin::test
