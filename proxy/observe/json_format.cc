// Each event as one JSON object on one line: for machines. Names of fields never change their
// meaning; readers must expect more of them.
#include <algorithm>
#include <array>

#include "proxy/observe/json_line.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/stamp.h"

namespace ravelin::proxy {
namespace {

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::Info:
      return "info";
    case Severity::Warning:
      return "warning";
    case Severity::Fatal:
      return "fatal";
  }
  return "info";
}

std::string joined(const smtp::Reply& reply) {
  std::string text;
  for (const auto& line : reply.lines) {
    if (!text.empty()) text += ' ';
    text += line;
  }
  return text;
}

class JsonFormat final : public LineFormat {
 public:
  JsonFormat(const LineFormatOptions& options, const Clock& clock)
      : clock_(clock), host_(options.hostname), pid_(options.pid), marks_(line_marks(options)) {}

  void connected(std::string& out, const DialogInfo& dialog) const override {
    begin(out, "connect", dialog).end();
  }

  void disconnected(std::string& out, const DialogInfo& dialog, VerbCounts counts) const override {
    auto line = begin(out, "disconnect", dialog);
    line.value("commands", [&](std::string& value) { append_counts(value, counts); }).end();
  }

  void refused(std::string& out, const DialogInfo& dialog, const Refusal& refusal) const override {
    auto line = begin(out, "refuse", dialog);
    if (refusal.transaction != 0) line.id("id", refusal.transaction);
    line.text("stage", refusal.stage).flag("shadow", refusal.shadow);
    append_reply(line, refusal.reply);
    line.text("subject", refusal.subject).text("reason", refusal.reason);
    line.text("backend_said", refusal.backend_said);
    line.address("sender", refusal.sender).address("recipient", refusal.recipient).end();
  }

  void delivered(std::string& out, const DialogInfo& dialog,
                 const Delivered& delivered) const override {
    auto line = begin(out, "deliver", dialog);
    line.id("id", delivered.transaction).address("sender", &delivered.sender);
    line.value("recipients", [&](std::string& value) { append_taken(value, delivered); });
    if (std::any_of(delivered.fates.begin(), delivered.fates.end(), not_taken))
      line.value("not_taken", [&](std::string& value) { append_not_taken(value, delivered); });
    line.number("size", delivered.size);
    line.text("message_id", bare_message_id(delivered.message_id));
    line.text("relay", delivered.relay).text("said", delivered.said);
    line.millis("before_ms", delivered.before).millis("setup_ms", delivered.setup);
    line.millis("transfer_ms", delivered.transfer).flag("client_gone", delivered.client_gone).end();
  }

  void decided(std::string& out, const DialogInfo& dialog,
               const Decision& decision) const override {
    auto line = begin(out, "decide", dialog);
    line.id("id", decision.transaction != 0 ? decision.transaction : dialog.id);
    line.address("sender", decision.sender).text("recipient", decision.recipient);
    line.text("standing", decision.standing).text("greylist", decision.greylist);
    line.text("checks", decision.checks).text("verify", decision.verify);
    line.text("verdict", decision.verdict);
    append_reply(line, decision.reply);
    line.millis("took_ms", decision.took).end();
  }

  void ended(std::string& out, const DialogInfo& dialog, std::string_view what,
             std::string_view after) const override {
    begin(out, "end", dialog).text("what", what).text("after", after).end();
  }

  void secured(std::string& out, const DialogInfo& dialog, const Secured& tls) const override {
    auto line = begin(out, "tls", dialog);
    line.text("version", tls.version).text("cipher", tls.cipher);
    line.number("bits", static_cast<uint64_t>(tls.bits)).text("server_name", tls.server_name);
    line.flag("resumed", tls.resumed).end();
  }

  void not_secured(std::string& out, const DialogInfo& dialog,
                   std::string_view trouble) const override {
    begin(out, "tls_failed", dialog).text("trouble", trouble).end();
  }

  void pregreet(std::string& out, const DialogInfo& dialog, size_t bytes,
                std::chrono::nanoseconds after, std::string_view text) const override {
    auto line = begin(out, "pregreet", dialog);
    line.number("bytes", bytes).millis("after_ms", after).text("text", text).end();
  }

  void no_place(std::string& out, const dns::Endpoint& client,
                std::string_view limit) const override {
    auto line = begin(out, "no_place");
    line.text("client", client.address.to_string()).number("port", client.port);
    line.text("limit", limit).end();
  }

  void message(std::string& out, Severity severity, std::string_view text) const override {
    auto line = begin(out, "message", severity);
    line.text("severity", severity_name(severity)).number("pid", pid_).text("text", text).end();
  }

 private:
  JsonLine begin(std::string& out, std::string_view event,
                 Severity severity = Severity::Info) const {
    out += marks_[static_cast<size_t>(severity)];
    JsonLine line(out);
    line.value("time", [&](std::string& value) {
      value += '"';
      stamp_.append(value, clock_.wall());
      value += '"';
    });
    line.text("host", host_).text("event", event);
    return line;
  }

  JsonLine begin(std::string& out, std::string_view event, const DialogInfo& dialog) const {
    auto line = begin(out, event);
    line.id("dialog", dialog.id).number("serial", dialog.serial);
    line.text("client", dialog.client.address.to_string()).number("port", dialog.client.port);
    line.text("name", dialog.name).text("helo", dialog.helo);
    line.text("proto", dialog.esmtp ? "ESMTP" : "SMTP").text("tls", dialog.tls);
    return line;
  }

  static void append_reply(JsonLine& line, const smtp::Reply& reply) {
    line.number("code", static_cast<uint64_t>(reply.code));
    line.value("status", [&](std::string& value) {
      value += '"';
      append_status(value, reply);
      value += '"';
    });
    line.text("reply", joined(reply));
  }

  static bool not_taken(const RecipientFate& fate) {
    return fate.kind != RecipientFate::Kind::Sent;
  }

  static void append_taken(std::string& out, const Delivered& delivered) {
    out += '[';
    for (size_t i = 0; i < delivered.recipients.size(); ++i) {
      if (!delivered.fates.empty() && not_taken(delivered.fates[i])) continue;
      if (out.back() != '[') out += ',';
      out += '"';
      append_json_text(out, address_text(&delivered.recipients[i]));
      out += '"';
    }
    out += ']';
  }

  // [{"recipient":"b@d","fate":"bounced","status":"5.2.2","said":"..."}]
  static void append_not_taken(std::string& out, const Delivered& delivered) {
    out += '[';
    for (size_t i = 0; i < delivered.fates.size(); ++i) {
      const auto& fate = delivered.fates[i];
      if (!not_taken(fate)) continue;
      if (out.back() != '[') out += ',';
      JsonLine object(out);
      object.address("recipient", &delivered.recipients[i]);
      object.text("fate", fate.kind == RecipientFate::Kind::Bounced ? "bounced" : "deferred");
      object.text("status", fate.status).text("said", fate.said).end_object();
    }
    out += ']';
  }

  const Clock& clock_;
  const Stamp stamp_{StampStyle::Rfc3339};
  const std::string host_;
  const uint32_t pid_;
  const std::array<std::string, 3> marks_;
};

}  // namespace

std::shared_ptr<const LineFormat> make_json_format(const LineFormatOptions& options,
                                                   const Clock& clock) {
  return std::make_shared<JsonFormat>(options, clock);
}

}  // namespace ravelin::proxy
