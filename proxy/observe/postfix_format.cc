// Lines that look like Postfix's own, because mail admins already have the readers: pflogsumm,
// fail2ban, logwatch, mailgraph. The shapes, down to the order of the fields, are theirs; the
// number in [ ] is the dialog's serial, so that grouping by it works although there is one process.
#include <algorithm>
#include <array>
#include <utility>

#include "proxy/observe/escape.h"
#include "proxy/observe/line_format.h"
#include "proxy/observe/log_text.h"
#include "proxy/observe/stamp.h"

namespace ravelin::proxy {
namespace {

using smtp::Verb;

// The order in which Postfix counts them on the disconnect line; fail2ban looks for auth= behind
// counters without a '/', so it stands early.
constexpr Verb kCounted[] = {Verb::Helo,    Verb::Ehlo,     Verb::Starttls, Verb::Auth, Verb::Mail,
                             Verb::Rcpt,    Verb::Data,     Verb::Bdat,     Verb::Rset, Verb::Noop,
                             Verb::Vrfy,    Verb::Etrn,     Verb::Expn,     Verb::Help, Verb::Quit,
                             Verb::Xclient, Verb::Xforward, Verb::Unknown};

void append_count(std::string& out, std::string_view name, const VerbCount& count) {
  out += ' ';
  out += name;
  out += '=';
  append_number(out, count.taken);
  if (count.taken == count.all && count.all != 0) return;
  out += '/';
  append_number(out, count.all);
}

// "unknown[192.0.2.1]"
void append_client(std::string& out, const DialogInfo& dialog) {
  if (dialog.name.empty()) {
    out += "unknown";
  } else {
    append_host(out, dialog.name);
  }
  out += '[';
  out += dialog.client.address.to_string();
  out += ']';
}

void append_path(std::string& out, std::string_view key, const smtp::Address& address) {
  out += key;
  out += "=<";
  append_angle(out, address.local);
  if (!address.domain.empty()) {
    out += '@';
    append_angle(out, address.domain);
  }
  out += '>';
}

// What a reply's first line says beyond |prefix|, which the log line has already.
std::string_view without(std::string_view line, std::string_view prefix) {
  if (prefix.empty() || line.substr(0, prefix.size()) != prefix) return line;
  line.remove_prefix(prefix.size());
  return line.substr(0, 2) == ": " ? line.substr(2) : line;
}

// |text| in which a backend may be quoted: up to "said:" it is ours, and names the backend; behind
// it anybody may speak. |own| is the client's address.
void append_quoting(std::string& out, std::string_view text, std::string_view own = {}) {
  const auto said = std::min(text.find(" said: "), text.size());
  append_text(out, text.substr(0, said));
  append_words(out, text.substr(said), own);
}

// What a reply of ours says beyond the subject and the reason, in one line and without the id.
std::string detail_of(const Refusal& refusal, std::string_view& id) {
  std::string detail;
  const auto& lines = refusal.reply.lines;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (i + 1 == lines.size()) id = take_id(line);
    if (i == 0) {
      line = without(line, '<' + std::string(refusal.subject) + '>');
      if (line.starts_with(' ')) line.remove_prefix(1);
      line = without(line, refusal.reason);
    }
    if (!detail.empty() && !line.empty()) detail += ' ';
    detail += line;
  }
  return detail;
}

// "Recipient address rejected: Greylisted, ..."; "Relay access denied"; "Service unavailable;
// Client host [...] blocked using ...". The id comes behind a comma: a reader that counts by reason
// stops there. |own| is the client's address.
void append_reason(std::string& out, const Refusal& refusal, std::string_view own) {
  append_text(out, refusal.reason);
  std::string_view id;
  const auto ours = detail_of(refusal, id);
  const auto detail = refusal.backend_said.empty() ? std::string_view(ours) : refusal.backend_said;
  const bool goes_on = detail.starts_with(';') || detail.starts_with(',');
  if (!refusal.reason.empty() && !detail.empty() && !goes_on) out += ": ";
  if (refusal.backend_said.empty()) {
    append_words(out, detail, own);
  } else {
    append_quoting(out, detail, own);
  }
  // A message's id stands at the front.
  if (!id.empty() && refusal.transaction == 0) out.append(", id ").append(id);
}

// "; from=<a> to=<b> proto=ESMTP helo=<c>": each only if it was said.
void append_tail(std::string& out, const DialogInfo& dialog, const Refusal& refusal) {
  out += ';';
  if (refusal.sender != nullptr) append_path(out, " from", *refusal.sender);
  if (refusal.recipient != nullptr) append_path(out, " to", *refusal.recipient);
  out += dialog.esmtp ? " proto=ESMTP" : " proto=SMTP";
  if (dialog.helo.empty()) return;
  out += " helo=<";
  append_angle(out, dialog.helo);
  out += '>';
}

class PostfixFormat final : public LineFormat {
 public:
  PostfixFormat(const LineFormatOptions& options, const Clock& clock)
      : clock_(clock),
        stamp_(options.rfc3339 && options.head != LineHead::Syslog ? StampStyle::Rfc3339
                                                                   : StampStyle::Traditional),
        pid_(options.pid),
        marks_(line_marks(options)) {
    if (options.head != LineHead::Syslog) {
      append_host(host_, options.hostname);
      host_ += ' ';
    }
    append_angle(name_, options.syslog_name);
  }

  void connected(std::string& out, const DialogInfo& dialog) const override {
    begin(out, "smtpd", dialog.serial);
    out += "connect from ";
    append_client(out, dialog);
    out += '\n';
  }

  void disconnected(std::string& out, const DialogInfo& dialog, VerbCounts counts) const override {
    begin(out, "smtpd", dialog.serial);
    out += "disconnect from ";
    append_client(out, dialog);
    VerbCount total;
    for (const auto verb : kCounted) {
      const auto index = static_cast<size_t>(verb);
      if (index >= counts.size() || counts[index].all == 0) continue;
      append_count(out, kVerbNames[index], counts[index]);
      total.taken += counts[index].taken;
      total.all += counts[index].all;
    }
    append_count(out, "commands", total);
    out += '\n';
  }

  void refused(std::string& out, const DialogInfo& dialog, const Refusal& refusal) const override {
    begin(out, "smtpd", dialog.serial);
    if (refusal.transaction != 0) {
      append_id(out, refusal.transaction);
    } else {
      out += "NOQUEUE";
    }
    out += refusal.shadow ? ": reject_warning: " : ": reject: ";
    append_angle(out, refusal.stage);
    out += " from ";
    append_client(out, dialog);
    out += ": ";
    append_number(out, static_cast<uint64_t>(refusal.reply.code));
    out += ' ';
    if (refusal.reply.enhanced.present()) {
      append_status(out, refusal.reply);
      out += ' ';
    }
    if (!refusal.subject.empty()) {
      out += '<';
      append_angle(out, refusal.subject);
      out += ">: ";
    }
    append_reason(out, refusal, dialog.client.address.to_string());
    append_tail(out, dialog, refusal);
    out += '\n';
  }

  void delivered(std::string& out, const DialogInfo& dialog,
                 const Delivered& delivered) const override {
    begin(out, "smtpd", dialog.serial, delivered.transaction);
    out += "client=";
    append_client(out, dialog);
    out += '\n';

    begin(out, "cleanup", dialog.serial, delivered.transaction);
    out += "message-id=<";
    append_angle(out, bare_message_id(delivered.message_id));
    out += ">\n";

    begin(out, "qmgr", dialog.serial, delivered.transaction);
    append_path(out, "from", delivered.sender);
    out += ", size=";
    append_number(out, delivered.size);
    out += ", nrcpt=";
    append_number(out, delivered.recipients.size());
    out += " (queue active)\n";

    for (size_t i = 0; i < delivered.recipients.size(); ++i) {
      const auto* const fate = i < delivered.fates.size() ? &delivered.fates[i] : nullptr;
      sent(out, dialog, delivered, delivered.recipients[i], fate);
    }
    begin(out, "qmgr", dialog.serial, delivered.transaction);
    out += "removed\n";
    if (delivered.client_gone) gone(out, dialog, delivered);
  }

  void decided(std::string& out, const DialogInfo& dialog,
               const Decision& decision) const override {
    begin_line(out);
    out += "ravelin/decision[";
    append_number(out, dialog.serial);
    out += "]: id=";
    append_id(out, decision.transaction != 0 ? decision.transaction : dialog.id);
    out += " rcpt=<";
    append_angle(out, decision.recipient);
    out += '>';
    if (decision.sender != nullptr) append_path(out, " from", *decision.sender);
    append_value(out, "client", dialog.client.address.to_string());
    append_value(out, "standing", decision.standing);
    append_value(out, "greylist", decision.greylist);
    append_value(out, "checks", decision.checks);
    append_value(out, "verify", decision.verify);
    append_value(out, "verdict", decision.verdict);
    out += " code=";
    append_number(out, static_cast<uint64_t>(decision.reply.code));
    out += " took=";
    append_millis(out, decision.took);
    out += "ms\n";
  }

  void ended(std::string& out, const DialogInfo& dialog, std::string_view what,
             std::string_view after) const override {
    begin(out, "smtpd", dialog.serial);
    append_text(out, what);
    if (!after.empty()) out += " after ";
    append_angle(out, after);
    out += " from ";
    append_client(out, dialog);
    out += '\n';
  }

  void secured(std::string& out, const DialogInfo& dialog, const Secured& tls) const override {
    begin(out, "smtpd", dialog.serial);
    out += "Anonymous TLS connection established from ";
    append_client(out, dialog);
    out += ": ";
    append_text(out, tls.version);
    out += " with cipher ";
    append_text(out, tls.cipher);
    // Used, and of the algorithm: the same in all ciphers of today, but readers look for both.
    out += " (";
    append_number(out, static_cast<uint64_t>(tls.bits));
    out += '/';
    append_number(out, static_cast<uint64_t>(tls.bits));
    out += " bits)";
    if (!tls.server_name.empty()) {
      out += " to SNI ";
      append_host(out, tls.server_name);
    }
    if (tls.resumed) out += " resumed";
    out += '\n';
  }

  void not_secured(std::string& out, const DialogInfo& dialog,
                   std::string_view trouble) const override {
    begin(out, "smtpd", dialog.serial);
    out += "SSL_accept error from ";
    append_client(out, dialog);
    out += ": ";
    append_words(out, trouble);
    out += '\n';
  }

  void pregreet(std::string& out, const DialogInfo& dialog, size_t bytes,
                std::chrono::nanoseconds after, std::string_view text) const override {
    static constexpr size_t kShown = 100;  // octets, as Postfix has it
    begin(out, "smtpd", dialog.serial);
    out += "PREGREET ";
    append_number(out, bytes);
    out += " after ";
    append_delay(out, after);
    out += " from ";
    append_endpoint(out, dialog.client);
    out += ": ";
    append_words(out, text.substr(0, kShown));
    out += '\n';
  }

  // As every refusal at CONNECT; the code is one that bans nobody.
  void no_place(std::string& out, const dns::Endpoint& client,
                std::string_view limit) const override {
    begin(out, "smtpd", 0);
    out += "NOQUEUE: reject: CONNECT from unknown[";
    out += client.address.to_string();
    out += "]: 421 4.7.0 Too many connections: limit ";
    append_angle(out, limit);
    out += "; proto=SMTP\n";
  }

  // master is who speaks for the whole of Postfix; pflogsumm lists its messages apart, and its
  // switch that silences smtpd's warnings does not touch them.
  void message(std::string& out, Severity severity, std::string_view text) const override {
    begin(out, "master", pid_, 0, severity);
    if (severity == Severity::Warning) out += "warning: ";
    if (severity == Severity::Fatal) out += "fatal: ";
    append_quoting(out, text);
    out += '\n';
  }

 private:
  void begin_line(std::string& out, Severity severity = Severity::Info) const {
    out += marks_[static_cast<size_t>(severity)];
    stamp_.append(out, clock_.wall());
    out += ' ';
    out += host_;
  }

  void begin(std::string& out, std::string_view program, uint32_t number, Id id = 0,
             Severity severity = Severity::Info) const {
    begin_line(out, severity);
    out += name_;
    out += '/';
    out += program;
    out += '[';
    append_number(out, number);
    out += "]: ";
    if (id == 0) return;
    append_id(out, id);
    out += ": ";
  }

  static void append_value(std::string& out, std::string_view key, std::string_view value) {
    out += ' ';
    out += key;
    out += '=';
    if (value.empty()) out += '-';
    append_angle(out, value);
  }

  static void append_endpoint(std::string& out, const dns::Endpoint& client) {
    out += '[';
    out += client.address.to_string();
    out += "]:";
    append_number(out, client.port);
  }

  // There is no queue: the time in it, the second of the delays, is 0. |fate| null: as all.
  void sent(std::string& out, const DialogInfo& dialog, const Delivered& delivered,
            const smtp::Address& recipient, const RecipientFate* fate) const {
    static constexpr std::string_view kStatuses[] = {"sent", "bounced", "deferred"};
    const bool taken = fate == nullptr || fate->kind == RecipientFate::Kind::Sent;
    const std::string_view said = fate == nullptr ? delivered.said : fate->said;
    begin(out, "smtp", dialog.serial, delivered.transaction);
    append_path(out, "to", recipient);
    out += ", relay=";
    append_text(out, delivered.relay);
    out += ", delay=";
    append_delay(out, delivered.before + delivered.setup + delivered.transfer);
    out += ", delays=";
    append_delay(out, delivered.before);
    out += "/0/";
    append_delay(out, delivered.setup);
    out += '/';
    append_delay(out, delivered.transfer);
    out += ", dsn=";
    out += taken ? delivered_status(said) : std::string_view(fate->status);
    out += ", status=";
    out += fate == nullptr ? kStatuses[0] : kStatuses[static_cast<size_t>(fate->kind)];
    out += " (";
    if (taken) {
      append_words(out, said);
    } else {
      append_quoting(out, said);
    }
    out += ")\n";
  }

  // The client never heard our 250 and will send the message again (RFC 1047): whoever searches
  // for the reason of a duplicate finds it here.
  void gone(std::string& out, const DialogInfo& dialog, const Delivered& delivered) const {
    begin(out, "smtpd", dialog.serial, delivered.transaction);
    out += "delivered, but ";
    append_client(out, dialog);
    out += " had gone before our reply: it may send the message again\n";
  }

  const Clock& clock_;
  const Stamp stamp_;
  const uint32_t pid_;
  const std::array<std::string, 3> marks_;
  std::string host_;  // and a space, or nothing
  std::string name_;
};

}  // namespace

std::shared_ptr<const LineFormat> make_postfix_format(const LineFormatOptions& options,
                                                      const Clock& clock) {
  return std::make_shared<PostfixFormat>(options, clock);
}

}  // namespace ravelin::proxy
