#include "tests/bench/drill/tally.h"

#include <algorithm>
#include <utility>

namespace ravelin::drill {
namespace {

// Three figures of an enhanced code, each below 4096, behind step and reply code.
uint64_t reply_key(Step step, const Reply& reply) {
  uint64_t key = static_cast<uint64_t>(step) << 56 | static_cast<uint64_t>(reply.code) << 44;
  uint64_t part = 0;
  int shift = 24;
  for (const char c : reply.enhanced) {
    if (c != '.') {
      part = part * 10 + static_cast<uint64_t>(c - '0');
      continue;
    }
    key |= (part & 0xfff) << shift;
    shift -= 12;
    part = 0;
  }
  if (!reply.enhanced.empty()) key |= part & 0xfff;
  return key;
}

}  // namespace

const char* name_of(Phase phase) {
  static constexpr const char* kNames[] = {"warm-up", "before", "load", "after"};
  return kNames[static_cast<size_t>(phase)];
}

const char* name_of(Step step) {
  static constexpr const char* kNames[] = {"unasked", "greeting", "EHLO", "STARTTLS",
                                           "MAIL",    "RCPT",     "DATA", "text",
                                           "RSET",    "NOOP",     "QUIT"};
  return kNames[static_cast<size_t>(step)];
}

const char* name_of(End end) {
  static constexpr const char* kNames[] = {"no_socket", "refused", "wordless",
                                           "told",      "cut",     "silence"};
  return kNames[static_cast<size_t>(end)];
}

std::string describe(Step step, const Reply& reply) { return reply_name(reply_key(step, reply)); }

std::string reply_name(uint64_t key) {
  std::string name = name_of(static_cast<Step>(key >> 56));
  name += ' ' + std::to_string(key >> 44 & 0xfff);
  if ((key & 0xfffffffff) != 0)
    name += ' ' + std::to_string(key >> 24 & 0xfff) + '.' + std::to_string(key >> 12 & 0xfff) +
            '.' + std::to_string(key & 0xfff);
  return name;
}

Group::Group(std::string name, bool good, const Loop& loop, const Scene& scene)
    : name_(std::move(name)), good_(good), loop_(loop), scene_(scene) {}

Second& Group::second() {
  if (!scene_.clock_runs) return unclocked_;
  const auto number = static_cast<size_t>((loop_.now() - scene_.began).count());
  while (seconds_.size() <= number) {
    seconds_.emplace_back();
    seconds_.back().open = static_cast<uint32_t>(open_);
  }
  return seconds_[number];
}

void Group::sample() {
  second().open = static_cast<uint32_t>(open_);
  now().peak = std::max(now().peak, open_);
}

void Group::on_opened() {
  Second& series = second();  // seconds without an event before this one have the number of before
  ++open_;
  ++series.opened;
  ++now().opened;
  sample();
}

void Group::on_closed() {
  Second& series = second();
  --open_;
  series.open = static_cast<uint32_t>(open_);
}

void Group::on_end(End end) {
  ++now().ends[static_cast<size_t>(end)];
  ++second().lost;
}

void Group::on_reply(Step step, const Reply& reply) {
  PhaseCounts& counts = now();
  ++counts.replies[reply_key(step, reply)];
  if (step == Step::Greeting && reply.positive()) ++counts.greeted;
  if (step == Step::Text && reply.positive()) {
    ++second().messages;
    if (!good_) ++counts.messages.accepted;
  }
  if (step != Step::Rcpt) return;
  Second& series = second();
  const size_t which = reply.positive() ? 0 : reply.later() ? 1 : 2;
  ++counts.rcpt[which];
  ++(which == 0 ? series.rcpt_accepted : which == 1 ? series.rcpt_deferred : series.rcpt_refused);
}

}  // namespace ravelin::drill
