#include "proxy/ctl/commands.h"

#include "proxy/ctl/capture.h"
#include "proxy/ctl/explain.h"
#include "proxy/ctl/report.h"
#include "proxy/ctl/sessions.h"
#include "proxy/ctl/trace.h"
#include "proxy/ctl/xarf.h"

namespace ravelin::proxy {
namespace {

// The daemon reads accounts for up to 45 s, and says then what is missing.
constexpr double kReportPatience = 60;

constexpr Arg kCommon[] = {
    {"--json", "", ArgKind::Flag, "Print the daemon's answer as JSON"},
    {"--socket", "", ArgKind::Text, "The daemon's control socket", false, "/run/ravelin/ctl.sock"},
    {"--timeout", "", ArgKind::Text, "Seconds to wait for the answer, 60 for that of report", false,
     "30"},
};

constexpr Group kGroups[] = {
    {"greylist", "What is remembered of client, sender, recipient"},
    {"standing", "What is remembered of a client"},
    {"allow", "Networks that are let in, for a time; of all entries the longest network decides"},
    {"deny", "Networks that are kept out, for a time, except in shadow mode; see allow"},
    {"limit", "Parameters of [limits], for a time"},
    {"backend", "The mail servers behind us"},
    {"capture", "Messages to nobody that were kept to look at"},
    {"verify", "Answers of backends about recipients"},
    {"breaker", "The guard against backends that forget their recipients"},
};

constexpr Arg kClient = {"--client", "client", ArgKind::Address, "The client's IP address", true};
constexpr Arg kTuple[] = {
    kClient,
    {"--from", "from", ArgKind::Mailbox, "The sender, <> for none", true},
    {"--to", "to", ArgKind::Mailbox, "The recipient", true},
    {"--name", "name", ArgKind::Text,
     "The client's confirmed name, as in the log: its organisation is looked at, too"},
};
constexpr Arg kOneClient[] = {
    {"CLIENT", "client", ArgKind::Address, "The client's IP address", true},
};
constexpr Arg kGrade[] = {
    kOneClient[0],
    {"GRADE", "grade", ArgKind::Choice, "What it is to have", true, "", "passed,good,unknown"},
};
constexpr Arg kExplain[] = {
    {"ID|IP|ADDRESS", "what", ArgKind::Mailbox,
     "An id (from a reply, a log line, a Received line), a client's IP address, or a mail address "
     "or domain",
     true},
    {"--since", "since_s", ArgKind::Duration, "Only what is no older: 30s, 5m, 2h, 7d"},
    {"--limit", "limit", ArgKind::Count, "Dialogs at most, the newest first", false, "20", "", 1,
     1000},
};
constexpr Arg kSources[] = {
    {"--limit", "limit", ArgKind::Count, "Of clients and of networks", false, "10", "", 1, 100},
};
constexpr Arg kReport[] = {
    {"EPISODE", "number", ArgKind::Count, "Its number, as \"episodes\" tells; the latest without",
     false, "", "", 1, 4'294'967'295},
    {"--format", "format", ArgKind::Choice, "As what", false, "text", "text,html,csv,nft,xarf"},
    {"--fresh", "fresh", ArgKind::Flag, "Count anew, also if the episode's report is kept"},
    {"--org", "org", ArgKind::Text, "For xarf: who reports, by name"},
    {"--contact", "contact", ArgKind::Text, "For xarf: where an answer goes, a mail address"},
    {"--domain", "domain", ArgKind::Text, "For xarf: whose; of the address without"},
    {"--by", "by", ArgKind::Choice,
     "For xarf: a report for each /24 and /64, or for each autonomous system that is known", false,
     "", "network,as"},
};
constexpr Arg kSessions[] = {
    {"--client", "client", ArgKind::Network, "Only those of this address or network"},
    {"--limit", "limit", ArgKind::Count, "Dialogs at most, the oldest first", false, "100", "", 1,
     1000},
};
constexpr Arg kKill[] = {
    {"ID", "id", ArgKind::Text, "Of the dialog or of its message, as \"sessions\" lists it", true},
};
constexpr Arg kNetwork = {"CIDR", "network", ArgKind::Network, "An IP address or a network", true};
constexpr Arg kEntry[] = {
    kNetwork,
    {"--for", "for_s", ArgKind::Duration, "How long: 30s, 5m, 2h, 7d", false, "7d"},
    {"--note", "note", ArgKind::Text, "Why, for those who come after"},
};
constexpr Arg kLimit[] = {
    {"NAME", "name", ArgKind::Text, "Of the parameter, as in [limits]", true},
    {"VALUE", "value", ArgKind::Text, "As the configuration writes it: 20, 5m, 25%", true},
    {"--for", "for_s", ArgKind::Duration, "How long: 30s, 5m, 2h, 7d", false, "1h"},
};
constexpr Arg kBackend[] = {
    {"NAME", "name", ArgKind::Text, "As \"backend list\" and the configuration have it", true},
};
constexpr Arg kForget[] = {
    {"ADDRESS|DOMAIN", "what", ArgKind::Mailbox, "Whose", true},
};
constexpr Arg kRoute[] = {
    {"ROUTE", "route", ArgKind::Text, "A route; all of them without"},
};

constexpr Arg kCaptures[] = {
    {"--limit", "limit", ArgKind::Count, "Messages at most, the newest first", false, "20", "", 1,
     1000},
};
constexpr Arg kCapture[] = {
    {"ID", "id", ArgKind::Text, "Of the message, as \"capture list\" and \"explain\" tell", true},
    {"--octets", "octets", ArgKind::Count, "Of its text at most", false, "16384", "", 1, 1'000'000},
};

constexpr Arg kTrace[] = {
    {"--source", "source", ArgKind::Network, "Whose dialogs", true},
    {"--for", "for_s", ArgKind::Duration, "How long, an hour at most", false, "5m"},
};
constexpr Arg kSimulate[] = {
    {"--ip", "ip", ArgKind::Address, "The client's IP address", true},
    {"--helo", "helo", ArgKind::Text, "What it says in EHLO", true},
    {"--from", "from", ArgKind::Mailbox, "The sender, <> for none", true},
    {"--to", "to", ArgKind::Mailbox, "The recipient", true},
    {"--ask", "ask", ArgKind::Flag, "Ask the mail server about the recipient, too"},
};
constexpr Arg kTop[] = {
    {"--once", "once", ArgKind::Flag, "One picture, without a terminal"},
};

constexpr Command kCommands[] = {
    {"status", "status", "What is going on"},
    {"reload", "reload", "Read the configuration again, as a HUP does"},
    {"reopen-logs", "reopen-logs", "Open the log file anew, as a USR1 does"},
    {"stats", "stats", "All counters since the start"},
    {"limits", "limits", "The limits in force"},
    {"sessions", "sessions", "The dialogs that are under way", kSessions, print_sessions},
    {"kill", "kill", "End a dialog, unless its message is with the backend already", kKill},
    {"top", "top", "The figures that move, every second, until q or Ctrl-C", kTop, nullptr,
     Shape::Watch},
    {"trace", "trace", "Living dialogs, line by line, until Ctrl-C", kTrace, print_trace,
     Shape::Feed},
    {"explain", "explain", "Why was it refused, deferred or accepted?", kExplain, explain},
    {"sources", "sources", "Who came most, of the last five to ten minutes", kSources},
    {"episodes", "episodes", "Hard times: when, how bad, why"},
    {"report", "report", "Who it was in hard times, and what stopped them", kReport, report,
     Shape::Once, report_usage, kReportPatience},
    {"simulate", "simulate",
     "What would become of a mail: checks, greylist, standing; not places, [harvest] and the limit "
     "of null senders",
     kSimulate},
    {"greylist show", "greylist.show", "Is this triple known, and how long must it wait?", kTuple},
    {"greylist pass", "greylist.pass", "Let this triple pass from now on", kTuple},
    {"greylist reset", "greylist.reset", "Forget this triple", kTuple},
    {"standing show", "standing.show", "Its grade and its counts", kOneClient},
    {"standing set", "standing.set", "Give it a grade, as if it had earned it", kGrade},
    {"standing reset", "standing.reset", "Forget it", kOneClient},
    {"allow add", "allow.add", "Let a network in", kEntry},
    {"allow del", "allow.del", "Take an entry away", {&kNetwork, 1}},
    {"allow list", "allow.list", "The entries that were made by hand"},
    {"deny add", "deny.add", "Keep a network out; dialogs under way go on, see kill", kEntry},
    {"deny del", "deny.del", "Take an entry away", {&kNetwork, 1}},
    {"deny list", "deny.list", "The entries that were made by hand"},
    {"limit set", "limit.set", "Set one for a time; a reload leaves it, a restart forgets it",
     kLimit},
    {"limit reset", "limit.reset", "Back to what the configuration says", {kLimit, 1}},
    {"backend list", "backend.list", "What is known of each"},
    {"backend drain", "backend.drain", "Nothing new for it; what is under way ends", kBackend},
    {"backend up", "backend.up", "It gets mail again", kBackend},
    {"capture list", "capture.list", "The messages", kCaptures, print_captures},
    {"capture show", "capture.show", "One of them, and what is known of it", kCapture,
     print_capture},
    {"capture rules", "capture.rules", "What is taken, and how much there is"},
    {"verify forget", "verify.forget", "Forget that recipients are unknown", kForget},
    {"breaker show", "breaker.show", "Is it open, and why?", kRoute},
    {"breaker reset", "breaker.reset", "Close it", kRoute},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }
std::span<const Group> groups() { return kGroups; }
std::span<const Arg> common_options() { return kCommon; }

}  // namespace ravelin::proxy
