#include "proxy/observe/dialog_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "proxy/observe/json_line.h"
#include "proxy/state/fnv.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxEvents = 32 * 1024;  // octets of JSON
constexpr size_t kEventBytes = 700;       // more than nearly all have
constexpr size_t kLongPair = 400;         // a sender and a recipient

void append_reply(JsonLine& line, const smtp::Reply& reply, const RecordOptions& options) {
  line.number("code", static_cast<uint64_t>(reply.code));
  if (reply.enhanced.present()) line.text("status", reply.status());
  if (!options.hash_addresses) line.text("reply", reply.text());
}

void append_said(JsonLine& line, std::string_view said, const RecordOptions& options) {
  if (!said.empty() && !options.hash_addresses) line.text("backend_said", said);
}

void append_results(std::string& out, std::span<const CheckResult> results) {
  out += '[';
  for (const auto& result : results) {
    if (out.back() != '[') out += ',';
    JsonLine line(out);
    line.text("check", result.check);
    if (!result.test.empty()) line.text("test", result.test);
    line.text("said", result.outcome);
    line.text("saw", result.saw);
    line.millis("ms", result.took).end_object();
  }
  out += ']';
}

void append_recipients(std::string& out, const Delivered& delivered, const RecordOptions& options) {
  constexpr std::string_view kFates[] = {"sent", "bounced", "deferred"};
  out += '[';
  for (size_t i = 0; i < delivered.recipients.size(); ++i) {
    if (out.back() != '[') out += ',';
    JsonLine line(out);
    line.text("to", recorded_address(delivered.recipients[i].to_string(), options));
    const auto* const fate = i < delivered.fates.size() ? &delivered.fates[i] : nullptr;
    line.text("fate", kFates[fate == nullptr ? 0 : static_cast<size_t>(fate->kind)]);
    if (fate != nullptr) append_said(line, fate->said, options);
    line.end_object();
  }
  out += ']';
}

std::string sender_of(const smtp::Address* sender, const RecordOptions& options) {
  return sender == nullptr ? "" : recorded_address(sender->to_string(), options);
}

}  // namespace

std::string recorded_address(std::string_view address, const RecordOptions& options) {
  if (!options.hash_addresses || address.empty()) return std::string(address);
  const auto at = std::min(address.rfind('@'), address.size());
  const auto hash = Hasher(options.key).add(address.substr(0, at)).finish();
  return fmt::format("~{:08x}{:08x}{}", hash.words[0], hash.words[1], address.substr(at));
}

namespace {

// Cuts |name| and the string behind it, with its quotes, off |text|; "" if it is not there.
std::string_view take_string(std::string_view& text, std::string_view name) {
  const auto at = text.find(name);
  if (at == text.npos) return {};
  text.remove_prefix(at + name.size());
  size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (text.empty() || text.front() != '"' || end >= text.size()) return {};
  const auto found = text.substr(0, end + 1);
  text.remove_prefix(end + 1);
  return found;
}

}  // namespace

// Looked for in the text and not parsed: dialogs by the thousands become a count each second, and
// each of them is looked at. A quote inside of a string has a backslash, so no client can say this.
void each_recipient(std::string_view account,
                    const std::function<void(std::string_view, std::string_view)>& each) {
  constexpr std::string_view kRcpt = R"({"what":"rcpt",)";
  for (auto at = account.find(kRcpt); at != account.npos; at = account.find(kRcpt)) {
    account.remove_prefix(at + kRcpt.size());
    const auto from = take_string(account, R"("from":)");
    const auto to = take_string(account, R"("to":)");
    if (from.empty() || to.empty()) return;
    if (from.size() + to.size() <= kLongPair) each(from, to);
  }
}

// One event under way, behind the others: it is put down whole or not at all.
class DialogRecord::Event {
 public:
  Event(DialogRecord& record, std::string_view what, dns::Time now)
      : record_(record), piece_{record.events_, record.events_.size()} {
    auto& text = record.events_;
    text.reserve(kEventBytes);
    if (!text.empty()) text += ',';
    line_.emplace(text);
    line_->text("what", what).millis("at_ms", now - record.began_);
    identify(what);
  }
  JsonLine& line() { return *line_; }
  // What makes this dialog like others, or not.
  void identify(std::string_view text) { alike_.text(text); }
  void identify(const smtp::Reply& reply) { alike_.mix(static_cast<uint64_t>(reply.code)); }
  void keep() {
    line_->end_object();
    record_.alike_ = Fnv(record_.alike_).mix(alike_.value()).value();
    piece_.kept = record_.events_.size() <= kMaxEvents;
    if (!piece_.kept) ++record_.left_out_;
  }

 private:
  // Takes back what was written, also if there was no memory for the rest of it.
  struct Piece {
    std::string& text;
    const size_t begin;
    bool kept = false;
    ~Piece() {
      if (!kept) text.resize(begin);
    }
  };

  DialogRecord& record_;
  Piece piece_;
  std::optional<JsonLine> line_;
  Fnv alike_;
};

void DialogRecord::refused(const Refusal& refusal, dns::Time now) {
  Event event(*this, refusal.shadow ? "warned" : "refused", now);
  auto& line = event.line();
  line.text("stage", refusal.stage);
  if (refusal.transaction != 0) line.id("id", refusal.transaction);
  if (refusal.sender != nullptr) line.text("from", sender_of(refusal.sender, options_));
  if (refusal.recipient != nullptr)
    line.text("to", recorded_address(refusal.recipient->to_string(), options_));
  append_reply(line, refusal.reply, options_);
  line.text("reason", refusal.reason);
  append_said(line, refusal.backend_said, options_);
  event.identify(refusal.stage);
  event.identify(refusal.reason);
  event.identify(refusal.reply);
  event.keep();
}

void DialogRecord::decided(const Decision& decision, dns::Time now) {
  Event event(*this, "rcpt", now);
  auto& line = event.line();
  line.id("id", decision.transaction);
  line.text("from", sender_of(decision.sender, options_));
  line.text("to", recorded_address(decision.recipient, options_));
  line.text("standing", decision.standing).text("greylist", decision.greylist);
  line.value("checks", [&](std::string& out) { append_results(out, decision.results); });
  line.text("verify", decision.verify).text("verdict", decision.verdict);
  append_reply(line, decision.reply, options_);
  append_said(line, decision.backend_said, options_);
  if (decision.backend_took.count() > 0) line.millis("backend_ms", decision.backend_took);
  line.millis("took_ms", decision.took);
  const bool null = decision.sender == nullptr || decision.sender->null();
  for (const auto& text : {decision.standing, decision.greylist, decision.verify, decision.verdict,
                           std::string_view(null ? "<>" : "")})
    event.identify(text);
  event.identify(decision.reply);
  event.keep();
  fruitful_ |= decision.reply.positive();
}

void DialogRecord::delivered(const Delivered& delivered, const smtp::Reply& reply, dns::Time now) {
  Event event(*this, "delivered", now);
  auto& line = event.line();
  line.id("id", delivered.transaction).text("from", sender_of(&delivered.sender, options_));
  line.value("recipients", [&](std::string& out) { append_recipients(out, delivered, options_); });
  line.number("size", delivered.size).text("relay", delivered.relay);
  append_reply(line, reply, options_);
  append_said(line, delivered.said, options_);
  line.millis("setup_ms", delivered.setup).millis("transfer_ms", delivered.transfer);
  line.flag("client_gone", delivered.client_gone);
  event.keep();
  fruitful_ = true;
}

void DialogRecord::capturing(std::string_view rule, dns::Time now) {
  Event event(*this, "capturing", now);
  event.line().text("rule", rule);
  event.keep();
}

void DialogRecord::captured(Id transaction, uint64_t size, const smtp::Reply& reply,
                            dns::Time now) {
  Event event(*this, "captured", now);
  event.line().id("id", transaction).number("size", size);
  append_reply(event.line(), reply, options_);
  event.identify(reply);
  event.keep();
}

void DialogRecord::secured(const Secured& tls, dns::Time now) {
  Event event(*this, "tls", now);
  event.line().text("version", tls.version).text("cipher", tls.cipher);
  event.line().flag("resumed", tls.resumed).text("server_name", tls.server_name);
  event.identify(tls.version);
  event.keep();
}

void DialogRecord::pregreet(size_t octets, dns::Time now) {
  Event event(*this, "pregreet", now);
  event.line().number("octets", octets);
  event.keep();
}

void DialogRecord::ended(std::string_view what, std::string_view after) {
  if (!end_.empty()) return;
  end_ = what;
  after_ = after;
}

std::string DialogRecord::text(const DialogInfo& dialog, const DialogOrigin& origin,
                               VerbCounts counts, Wall wall, dns::Time now) const {
  const auto lasted = now - began_;
  const auto began = std::chrono::floor<std::chrono::milliseconds>(
      wall - std::chrono::duration_cast<Wall::duration>(lasted));
  std::string out;
  out.reserve(events_.size() + kEventBytes);
  JsonLine line(out);
  line.id("id", dialog.id);
  line.number("time_ms",
              static_cast<uint64_t>(std::max<int64_t>(0, began.time_since_epoch().count())));
  line.text("client", dialog.client.address.to_string()).number("port", dialog.client.port);
  line.text("name", dialog.name).text("helo", dialog.helo).flag("esmtp", dialog.esmtp);
  line.text("name_class", origin.name_class);
  if (!origin.country.empty()) line.text("country", origin.country);
  if (origin.asn != 0) line.number("asn", origin.asn).text("network", origin.organisation);
  if (!stack_.empty()) line.text("stack", stack_);
  if (print_ != 0) line.text("print", fmt::format("{:016x}", print_));
  line.text("tls", dialog.tls).millis("lasted_ms", lasted);
  line.value("commands", [&](std::string& value) { append_counts(value, counts); });
  line.text("end", end_.empty() ? "closed" : end_).text("after", after_);
  line.value("events", [&](std::string& value) { value.append("[").append(events_).append("]"); });
  if (left_out_ > 0) line.number("left_out", left_out_);
  line.end_object();
  return out;
}

uint64_t DialogRecord::alike(const DialogInfo& dialog) const {
  return Fnv(alike_ ^ Fnv::kBasis).number(print_).text(dialog.helo).text(end_).text(after_).value();
}

}  // namespace ravelin::proxy
