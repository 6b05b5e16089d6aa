#include "proxy/metrics.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <set>
#include <vector>

#include "proxy/table_sizes.h"
#include "proxy/tls_settings.h"

namespace ravelin::proxy {
namespace {

// All that a page is made from, looked up once.
struct Seen {
  Daemon& daemon;
  const std::shared_ptr<const Config> config = daemon.config();
  Shared& shared = daemon.shared();
  const JournalCounters journal = daemon.journal();
  const WorkerCounts counts = daemon.counts();
  const ProcessNow process = daemon.process();
  const std::vector<Backend::Snapshot> backends = shared.backends.snapshot();
  const std::vector<TableSize> tables = table_sizes(shared);
  const HistoryStats history = shared.history.stats();
  const CaptureStats captures = shared.captures.stats();
  const StoreStats store = shared.store ? shared.store->stats() : StoreStats{};
};

// One row is one metric, and all there is to say about it.
struct Metric {
  std::string_view name;
  MetricType type;
  std::string_view labels;  // for the documentation: "", or their names
  std::string_view help;
  void (*fill)(MetricsText& out, const Seen& seen);
};

constexpr auto kCounter = MetricType::Counter;
constexpr auto kGauge = MetricType::Gauge;
constexpr auto kHistogram = MetricType::Histogram;

template <class Words, class Counts>
void add_each(MetricsText& out, std::string_view label, const Words& words, const Counts& counts) {
  for (size_t i = 0; i < std::size(counts); ++i) out.add({{label, words[i]}}, uint64_t{counts[i]});
}

template <class Map>
void add_map(MetricsText& out, std::string_view label, const Map& map) {
  for (const auto& [name, count] : map) out.add({{label, fmt::format("{}", name)}}, count);
}

double seconds_of(std::chrono::system_clock::time_point since_1970) {
  return std::chrono::duration<double>(since_1970.time_since_epoch()).count();
}

template <auto Member>
void of_journal(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.journal.*Member});
}
template <auto Member>
void of_tally(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.counts.tally.*Member});
}
template <auto Member>
void of_dns(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.counts.dns.*Member});
}
template <auto Member>
void of_history(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.history.*Member});
}
template <auto Member>
void of_captures(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.captures.*Member});
}
template <auto Member>
void of_store(MetricsText& out, const Seen& seen) {
  out.add(uint64_t{seen.store.*Member});
}
template <auto Member>
void of_backends(MetricsText& out, const Seen& seen) {
  for (const auto& one : seen.backends) out.add({{"backend", one.name}}, uint64_t{one.*Member});
}
template <auto Member>
void of_tables(MetricsText& out, const Seen& seen) {
  for (const auto& one : seen.tables) out.add({{"table", one.word}}, uint64_t{one.its.*Member});
}

constexpr Metric kMetrics[] = {
    {"ravelin_build_info", kGauge, "version", "Always 1; the version is the label.",
     [](auto& out, const Seen&) {
       out.add({{"version", RAVELIN_VERSION}}, uint64_t{1});
     }},
    {"ravelin_workers", kGauge, "", "Threads that hold dialogs.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.daemon.workers()}); }},

    {"ravelin_sessions", kGauge, "", "Dialogs that are open.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.shared.places.in_use()}); }},
    {"ravelin_sessions_peak", kGauge, "", "The most dialogs that were open at a time.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.shared.places.peak()}); }},
    {"ravelin_sessions_limit", kGauge, "", "Dialogs that may be open.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.daemon.places()}); }},
    {"ravelin_sessions_by_phase", kGauge, "phase",
     "Dialogs by what they wait for, as the last second's look at them saw it.",
     [](auto& out, const Seen& seen) {
       add_each(out, "phase", Session::kPhaseNames, seen.counts.phases);
     }},
    {"ravelin_connections_total", kCounter, "", "Connections, with those that got no place.",
     of_tally<&TallySums::arrivals>},
    {"ravelin_new_sources_total", kCounter, "",
     "Connections of clients without standing that were not seen for a while.",
     of_tally<&TallySums::new_sources>},
    {"ravelin_dialogs_total", kCounter, "", "Connections that became a dialog.",
     of_journal<&JournalCounters::connects>},
    {"ravelin_dialogs_ended_early_total", kCounter, "how",
     "Dialogs that did not end in order: lost, timed out, too many errors.",
     [](auto& out, const Seen& seen) { add_map(out, "how", seen.journal.ended); }},
    {"ravelin_no_place_total", kCounter, "limit", "Connections without a place, by the limit.",
     [](auto& out, const Seen& seen) { add_map(out, "limit", seen.journal.no_places_by_limit); }},
    {"ravelin_early_talkers_total", kCounter, "", "Clients that talked before the greeting.",
     of_journal<&JournalCounters::pregreets>},

    {"ravelin_refused_total", kCounter, "reason",
     "Refusals, temporary ones and connections without a place among them, by what is to blame.",
     [](auto& out, const Seen& seen) {
       add_each(out, "reason", kCauseNames, seen.journal.refused_by_cause);
     }},
    {"ravelin_rejects_total", kCounter, "stage, reason, code",
     "The same, told apart by stage and reply code, too (rare codes are 4xx and 5xx); what has not "
     "happened yet is not there.",
     [](auto& out, const Seen& seen) {
       for (const auto& one : seen.journal.refused_alike)
         out.add({{"stage", one.stage},
                  {"reason", kCauseNames[static_cast<size_t>(one.cause)]},
                  {"code", one.code}},
                 one.count);
     }},
    {"ravelin_refused_in_shadow_total", kCounter, "", "Refusals that shadow mode only wrote down.",
     of_journal<&JournalCounters::warned>},

    {"ravelin_recipients_total", kCounter, "verdict", "Recipients (RCPT) that were decided on.",
     [](auto& out, const Seen& seen) {
       add_each(out, "verdict", kVerdictWords, seen.journal.decided_by_verdict);
     }},
    {"ravelin_greylist_total", kCounter, "result", "The same, by what the greylist said.",
     [](auto& out, const Seen& seen) {
       add_each(out, "result", kGreylistWords, seen.journal.decided_by_greylist);
     }},
    {"ravelin_verifications_total", kCounter, "result", "The same, by what the backend said.",
     [](auto& out, const Seen& seen) {
       add_each(out, "result", kVerifyWords, seen.journal.decided_by_verify);
     }},
    {"ravelin_verification_seconds", kHistogram, "",
     "What backends took to answer for a recipient, with the wait for a connection.",
     [](auto& out, const Seen& seen) { out.add(seen.counts.verifications); }},
    {"ravelin_stranger_transactions_total", kCounter, "",
     "Transactions (MAIL) of clients without standing.", of_tally<&TallySums::mails>},
    {"ravelin_stranger_null_senders_total", kCounter, "", "Of these, with the null sender.",
     of_tally<&TallySums::null_senders>},

    {"ravelin_messages_total", kCounter, "",
     "Messages that a backend took, for some of their recipients at least.",
     of_journal<&JournalCounters::messages>},
    {"ravelin_message_recipients_total", kCounter, "",
     "Their recipients, without those that a backend (LMTP) refused at the end.",
     of_journal<&JournalCounters::recipients>},
    {"ravelin_message_bytes_total", kCounter, "", "Their text.",
     of_journal<&JournalCounters::bytes>},
    {"ravelin_message_clients_gone_total", kCounter, "",
     "Messages taken whose client had gone before it could hear so; it will send them again.",
     of_journal<&JournalCounters::clients_gone>},

    {"ravelin_tls_handshakes_total", kCounter, "result", "TLS handshakes with clients.",
     [](auto& out, const Seen& seen) {
       out.add({{"result", "done"}}, seen.journal.secured);
       out.add({{"result", "failed"}}, seen.journal.not_secured);
     }},

    {"ravelin_tls_certificate_not_after_seconds", kGauge, "file",
     "When each certificate of tls.certificates expires, since 1970.",
     [](auto& out, const Seen& seen) {
       std::set<std::string_view> files;  // one may be named twice
       for (const auto& one : tls_settings(*seen.config).loaded)
         if (files.insert(one.file).second)
           out.add({{"file", one.file}}, seconds_of(one.not_after));
     }},

    {"ravelin_dns_query_seconds", kHistogram, "", "What questions to DNS servers took.",
     [](auto& out, const Seen& seen) { out.add(seen.counts.dns.took); }},
    {"ravelin_dns_cached_total", kCounter, "", "Questions that the cache answered.",
     of_dns<&dns::QuerySums::cached>},
    {"ravelin_dns_failed_total", kCounter, "", "Questions to servers without a usable answer.",
     of_dns<&dns::QuerySums::failed>},
    {"ravelin_dns_not_asked_total", kCounter, "",
     "Questions that were not sent because too many were on their way.",
     of_dns<&dns::QuerySums::refused>},

    {"ravelin_backend_up", kGauge, "backend", "1 if the backend answers, 0 if it is down.",
     [](auto& out, const Seen& seen) {
       for (const auto& one : seen.backends)
         out.add({{"backend", one.name}}, uint64_t{one.down ? 0U : 1U});
     }},
    {"ravelin_backend_connections", kGauge, "backend", "Connections to it that are open.",
     of_backends<&Backend::Snapshot::open>},
    {"ravelin_backend_idle_connections", kGauge, "backend", "Of these, in the pool, unused.",
     of_backends<&Backend::Snapshot::idle>},
    {"ravelin_backend_tied_connections", kGauge, "backend",
     "Of these, kept for a transaction with accepted recipients.",
     of_backends<&Backend::Snapshot::ties>},
    {"ravelin_backend_connections_limit", kGauge, "backend",
     "Connections that it may see (route.connections).", of_backends<&Backend::Snapshot::cap>},
    {"ravelin_backend_waiting", kGauge, "backend", "Those who wait for a connection to it.",
     of_backends<&Backend::Snapshot::waiting>},
    {"ravelin_backend_connects_total", kCounter, "backend", "Connections that were made.",
     of_backends<&Backend::Snapshot::connects>},
    {"ravelin_backend_connect_failures_total", kCounter, "backend",
     "Connections that could not be made.", of_backends<&Backend::Snapshot::connect_failures>},
    {"ravelin_backend_questions_total", kCounter, "backend", "Recipients that it was asked for.",
     of_backends<&Backend::Snapshot::questions>},
    {"ravelin_backend_refusals_total", kCounter, "backend", "Of these, refused.",
     of_backends<&Backend::Snapshot::refusals>},
    {"ravelin_backend_messages_total", kCounter, "backend", "Messages that it took.",
     of_backends<&Backend::Snapshot::messages>},
    {"ravelin_backend_secured_total", kCounter, "backend", "Connections to it with TLS.",
     of_backends<&Backend::Snapshot::secured>},
    {"ravelin_breaker_open", kGauge, "route",
     "1 while its breaker is open: no recipient is believed to be unknown.",
     [](auto& out, const Seen& seen) {
       for (const auto& one : seen.shared.backends.breakers())
         out.add({{"route", one.route}}, uint64_t{one.state == Breaker::State::Open ? 1U : 0U});
     }},

    {"ravelin_pressure_level", kGauge, "", "0 calm, 1 busy, 2 attack, 3 siege.",
     [](auto& out, const Seen& seen) {
       out.add(static_cast<uint64_t>(seen.daemon.pressure().level));
     }},
    {"ravelin_loop_lag_seconds", kHistogram, "",
     "How late workers came to what was due, ten times a second each.",
     [](auto& out, const Seen& seen) { out.add(seen.counts.lags); }},

    {"ravelin_log_lines_total", kCounter, "",
     "Lines written to the log, to file and syslog together.", of_journal<&JournalCounters::lines>},
    {"ravelin_log_dropped_lines_total", kCounter, "",
     "Lines lost: file or syslog could not take them.", of_journal<&JournalCounters::dropped>},
    {"ravelin_log_held_back_lines_total", kCounter, "",
     "Lines beyond log.flood, summed up instead.", of_journal<&JournalCounters::flooded>},
    {"ravelin_warnings_total", kCounter, "", "Warnings for the operator in the log.",
     of_journal<&JournalCounters::warnings>},

    {"ravelin_state_degraded", kGauge, "",
     "1 if what is remembered cannot be written; memory carries on.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.store.degraded ? 1U : 0U}); }},
    {"ravelin_state_rows_written_total", kCounter, "", "Rows written to state.db.",
     of_store<&StoreStats::rows>},
    {"ravelin_state_write_failures_total", kCounter, "", "Writes to it that failed.",
     of_store<&StoreStats::failures>},
    {"ravelin_state_pending_rows", kGauge, "", "Rows that wait to be written.",
     of_store<&StoreStats::pending>},
    {"ravelin_history_degraded", kGauge, "", "1 if history.db cannot be written.",
     [](auto& out, const Seen& seen) { out.add(uint64_t{seen.history.degraded ? 1U : 0U}); }},
    {"ravelin_history_dialogs", kGauge, "", "Dialogs that are kept in memory.",
     of_history<&HistoryStats::entries>},
    {"ravelin_history_bytes", kGauge, "", "What they take.", of_history<&HistoryStats::bytes>},
    {"ravelin_history_rows_written_total", kCounter, "", "Rows written to history.db.",
     of_history<&HistoryStats::written>},
    {"ravelin_history_merged_dialogs_total", kCounter, "",
     "Dialogs like others that became a count.", of_history<&HistoryStats::merged>},
    {"ravelin_history_lost_dialogs_total", kCounter, "", "Dialogs that could not be written.",
     of_history<&HistoryStats::lost>},

    {"ravelin_captured_messages_total", kCounter, "", "Messages that were kept to look at.",
     of_captures<&CaptureStats::stored>},
    {"ravelin_capture_failures_total", kCounter, "", "Of those to keep, not written.",
     of_captures<&CaptureStats::lost>},
    {"ravelin_capture_messages", kGauge, "", "Messages in capture.directory.",
     of_captures<&CaptureStats::messages>},
    {"ravelin_capture_bytes", kGauge, "", "What they take.", of_captures<&CaptureStats::bytes>},

    {"ravelin_table_entries", kGauge, "table", "Entries of what grows with those who come.",
     of_tables<&dns::Occupancy::entries>},
    {"ravelin_table_entries_limit", kGauge, "table", "Entries that it may have.",
     of_tables<&dns::Occupancy::limit>},
    {"ravelin_table_bytes", kGauge, "table", "Memory that it takes.",
     of_tables<&dns::Occupancy::bytes>},

    {"ravelin_process_cpu_seconds_total", kCounter, "", "Processor time, the kernel's included.",
     [](auto& out, const Seen& seen) { out.add(seen.process.cpu_s); }},
    {"ravelin_process_resident_memory_bytes", kGauge, "", "Memory in use.",
     [](auto& out, const Seen& seen) { out.add(seen.process.resident); }},
    {"ravelin_process_open_fds", kGauge, "", "File descriptors that are open.",
     [](auto& out, const Seen& seen) { out.add(seen.process.descriptors); }},
    {"ravelin_process_max_fds", kGauge, "", "File descriptors that may be open.",
     [](auto& out, const Seen& seen) { out.add(seen.process.most_descriptors); }},
    {"ravelin_process_start_time_seconds", kGauge, "", "When the process started, since 1970.",
     [](auto& out, const Seen& seen) { out.add(seconds_of(seen.process.started)); }},
};

template <class Words>
std::string words_of(std::string_view label, const Words& words) {
  auto line = fmt::format("- `{}`:", label);
  for (const auto& word : words) line += fmt::format(" `{}`", word);
  return line + '\n';
}

// The words that a label may have, where there is a list of them.
std::string label_docs() {
  return "\nThe labels that say one of a few words:\n\n" + words_of("phase", Session::kPhaseNames) +
         words_of("reason", kCauseNames) + words_of("stage", kStageWords) +
         words_of("verdict", kVerdictWords) +
         words_of("result` of `ravelin_greylist_total", kGreylistWords) +
         words_of("result` of `ravelin_verifications_total", kVerifyWords);
}

constexpr std::string_view kHead =
    "# Metrics\n\n"
    "Printed by `ravelin --print-docs metrics`; a test compares.\n\n"
    "With `admin.http` set, `/metrics` there has them in Prometheus' text form. The listener is "
    "for\n"
    "this machine only; from another one, scrape through a tunnel or an agent beside Ravelin.\n"
    "Counters begin at 0 when the process starts. Histograms are in seconds, their buckets are "
    "the\n"
    "same in all of them. No address of a client is in any metric. logs.md says how they go with\n"
    "the log, the curves and `history.db`.\n\n"
    "`etc/prometheus-rules.yml` has alerts made from them, `etc/grafana-dashboard.json` a "
    "dashboard.\n\n"
    "| metric | type | labels | meaning |\n|---|---|---|---|\n";

}  // namespace

std::string metrics_text(Daemon& daemon) {
  const Seen seen{daemon};
  MetricsText out;
  for (const auto& metric : kMetrics) {
    out.begin(metric.name, metric.type, metric.help);
    metric.fill(out, seen);
  }
  return out.text();
}

std::string print_metrics_docs() {
  std::string out(kHead);
  for (const auto& metric : kMetrics) {
    const auto labels = metric.labels.empty() ? "" : fmt::format("`{}`", metric.labels);
    out += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, metric_type_name(metric.type),
                       labels, metric.help);
  }
  return out + label_docs();
}

}  // namespace ravelin::proxy
