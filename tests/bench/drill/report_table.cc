#include <algorithm>
#include <cstdio>

#include "tests/bench/drill/report.h"

namespace ravelin::drill {
namespace {

// The longest line is some 150 octets.
template <class... Values>
void add(std::string& out, const char* format, const Values&... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  out += line;
}

void add_good_row(std::string& out, const Group& group, Phase phase) {
  const MessageCounts& m = group.phase(phase).messages;
  if (m.queued == 0) return;
  const Spread delay = spread(m.delays), attempt = spread(m.attempts);
  add(out, "%-16s %-7s %7llu %8llu %7llu %5llu %8llu %9llu %6llu  %8.0f %8.0f %8.0f  %7.1f %7.1f\n",
      group.name().c_str(), name_of(phase), static_cast<unsigned long long>(m.queued),
      static_cast<unsigned long long>(m.accepted), static_cast<unsigned long long>(m.refused),
      static_cast<unsigned long long>(m.left()), static_cast<unsigned long long>(m.deferred),
      static_cast<unsigned long long>(m.deferrals),
      static_cast<unsigned long long>(m.places_told + m.places_wordless), delay.p50, delay.p99,
      delay.max, attempt.p50, attempt.p99);
}

void add_dialog_row(std::string& out, const Group& group, Phase phase) {
  const PhaseCounts& c = group.phase(phase);
  if (c.opened == 0) return;
  const auto end = [&](End which) {
    return static_cast<unsigned long long>(c.ends[static_cast<size_t>(which)]);
  };
  add(out,
      "%-16s %-7s %8llu %7llu %8llu  %8llu %8llu %8llu  %6llu  %7llu %8llu %6llu %6llu %7llu\n",
      group.name().c_str(), name_of(phase), static_cast<unsigned long long>(c.opened),
      static_cast<unsigned long long>(c.peak), static_cast<unsigned long long>(c.greeted),
      static_cast<unsigned long long>(c.rcpt[0]), static_cast<unsigned long long>(c.rcpt[1]),
      static_cast<unsigned long long>(c.rcpt[2]),
      static_cast<unsigned long long>(c.messages.accepted), end(End::Refused), end(End::Wordless),
      end(End::Told), end(End::Cut), end(End::Silence));
}

// What deferred and refused good mail, most first.
void add_causes(std::string& out, const Group& group) {
  std::map<std::string, uint64_t> causes;
  for (size_t i = 0; i < kPhases; ++i)
    for (const auto& [cause, count] : group.phase(static_cast<Phase>(i)).messages.causes)
      causes[cause] += count;
  for (const auto& [cause, count] : causes)
    add(out, "%-16s put off or refused by \"%s\": %llu\n", group.name().c_str(), cause.c_str(),
        static_cast<unsigned long long>(count));
}

}  // namespace

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[std::min(values.size() - 1,
                           static_cast<size_t>(share * static_cast<double>(values.size())))];
  };
  return {at(0.50), at(0.99), values.back()};
}

std::string report_table(const Report& report) {
  std::string out;
  const auto each = [&](bool good, auto&& row) {
    for (const auto& group : report.groups)
      for (size_t i = 0; group->good() == good && i < kPhases; ++i)
        row(out, *group, static_cast<Phase>(i));
  };
  add(out, "%-16s %-7s %7s %8s %7s %5s %8s %9s %6s  %26s  %15s\n", "good mail", "phase", "queued",
      "accepted", "refused", "left", "deferred", "deferrals", "places", "delay p50/p99/max ms",
      "attempt p50/p99");
  each(true, add_good_row);
  for (const auto& group : report.groups) add_causes(out, *group);
  add(out, "\n%-16s %-7s %8s %7s %8s  %8s %8s %8s  %6s  %7s %8s %6s %6s %7s\n", "dialogs", "phase",
      "opened", "peak", "greeted", "RCPT ok", "later", "refused", "mails", "refused", "wordless",
      "told", "cut", "silence");
  each(true, add_dialog_row);
  each(false, add_dialog_row);
  add(out,
      "\nThe drill itself: %.1f s of CPU in %.1f s, %llu dialogs at most, up to %.0f ms late.\n",
      report.cpu.count(), (report.warm_up + report.elapsed).count(),
      static_cast<unsigned long long>(report.peak), report.lag.count() * 1000);
  uint64_t missing = 0;
  for (const auto& group : report.groups)
    for (size_t i = 0; i < kPhases; ++i)
      missing += group->phase(static_cast<Phase>(i)).ends[static_cast<size_t>(End::NoSocket)];
  if (missing > 0)
    add(out, "%llu dialogs could not begin for want of sockets or ports on this machine.\n",
        static_cast<unsigned long long>(missing));
  if (report.interrupted) out += "Interrupted: the figures end there.\n";
  if (!report.trouble.empty()) out += "Ended early: " + report.trouble + ".\n";
  return out;
}

}  // namespace ravelin::drill
