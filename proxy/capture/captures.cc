#include "proxy/capture/captures.h"

#include <algorithm>
#include <future>
#include <utility>

#include "proxy/observe/json_line.h"
#include "proxy/profile/dialog_print.h"
#include "proxy/state/free_space.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 60s;  // after the directory could not be written
constexpr auto kTrimEvery = 10s;
constexpr size_t kMostPrints = 10'000;  // remembered
constexpr size_t kMostAsking = 8;
// Who is chosen and sends no message asks for addresses only. So often for each message that is
// wanted it hears a yes, within so long.
constexpr uint32_t kWastedEach = 4;
constexpr auto kWastedFor = 1h;

std::string metadata_of(const CapturedMessage& message) {
  std::string out;
  JsonLine line(out);
  const auto& dialog = message.dialog;
  const auto at = std::chrono::floor<std::chrono::milliseconds>(time_of(message.id));
  line.id("id", message.id).id("dialog", dialog.id);
  line.number("time_ms", static_cast<uint64_t>(at.time_since_epoch().count()));
  line.text("client", dialog.client.address.to_string()).number("port", dialog.client.port);
  line.text("name", dialog.name).text("helo", dialog.helo).text("tls", dialog.tls);
  if (message.print != 0) line.text("print", print_text(message.print));
  line.text("rule", kCaptureRuleNames[static_cast<size_t>(message.rule)]);
  line.text("from", message.from);
  line.value("to", [&](std::string& value) {
    value += '[';
    for (const auto& recipient : message.to) {
      value += value.back() == '[' ? "\"" : ",\"";
      append_json_text(value, recipient);
      value += '"';
    }
    value += ']';
  });
  line.number("code", static_cast<uint64_t>(message.refusal.code));
  line.text("status", message.refusal.status()).text("reply", message.refusal.text());
  line.number("size", message.size).number("kept", message.text.size());
  line.flag("whole", message.whole).end();
  return out;
}

}  // namespace

CapturePlace::~CapturePlace() { owner_.give_back(*this); }

Captures::Captures(const Clock& clock, CaptureAlarm alarm)
    : clock_(clock), alarm_(std::move(alarm)), random_(std::random_device{}()) {}

Captures::~Captures() { stop(); }

void Captures::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  running_ = false;
  wake_.notify_all();
  thread_.join();
}

void Captures::start(const std::string& directory) {
  if (directory.empty()) return;
  folder_ = std::make_unique<CaptureFolder>(directory);
  thread_ = std::thread([this] { run(); });
}

void Captures::configure(const CaptureSettings& settings) {
  const std::lock_guard lock(mutex_);
  settings_ = settings;
}

std::unique_ptr<CapturePlace> Captures::choose(bool named, uint64_t print) {
  if (!wanted()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (stats_.degraded && Steady::now() < retry_at_) return nullptr;
  if (stats_.under_way >= settings_.at_once) return nullptr;
  const auto rule = rule_for(named, print);
  if (!rule) return nullptr;
  std::unique_ptr<CapturePlace> place(
      new CapturePlace(*this, *rule, print, static_cast<size_t>(settings_.message_size)));
  ++stats_.under_way;
  if (print != 0 && (prints_.size() < kMostPrints || prints_.contains(print)))
    ++prints_[print].taken;
  return place;
}

std::optional<CaptureRule> Captures::rule_for(bool named, uint64_t print) {
  if (named) return CaptureRule::Source;
  if (settings_.when == CaptureWhen::Episodes && !episode_) return {};
  if (is_room_for(print)) return CaptureRule::Print;
  if (std::bernoulli_distribution(settings_.sample)(random_)) return CaptureRule::Sample;
  return {};
}

bool Captures::is_room_for(uint64_t print) {
  const auto wanted = settings_.first_per_print;
  if (print == 0 || wanted == 0) return false;
  const auto found = prints_.find(print);
  if (found == prints_.end()) return prints_.size() < kMostPrints;
  auto& known = found->second;
  if (Steady::now() - known.wasted_at > kWastedFor) known.wasted = 0;
  return known.taken < wanted && known.wasted < wanted * kWastedEach;
}

void Captures::give_back(const CapturePlace& place) {
  const std::lock_guard lock(mutex_);
  --stats_.under_way;
  if (place.used_) return;
  const auto found = prints_.find(place.print_);
  if (found == prints_.end()) return;
  if (found->second.taken > 0) --found->second.taken;
  ++found->second.wasted;
  found->second.wasted_at = Steady::now();
}

// The place stays taken until the message is on the disk, so what waits is bounded.
void Captures::store(std::unique_ptr<CapturePlace> place, CapturedMessage message) {
  struct Job {
    std::unique_ptr<CapturePlace> place;
    CapturedMessage message;
  };
  auto job = std::make_shared<Job>(Job{std::move(place), std::move(message)});
  post([this, job] {
    write(*job->place, job->message);
    job->place.reset();
  });
}

void Captures::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_all();
}

bool Captures::ask(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable() || asking_ >= kMostAsking) return false;
    ++asking_;
  }
  post([this, job = std::move(job)] {
    job();
    const std::lock_guard lock(mutex_);
    --asking_;
  });
  return true;
}

bool Captures::list(size_t limit, std::function<void(std::vector<std::string>)> done) {
  return ask([this, limit, done = std::move(done)] {
    std::vector<std::string> all;
    for (auto one = index_.rbegin(); one != index_.rend() && all.size() < limit; ++one)
      if (auto metadata = folder_->metadata(one->first)) all.push_back(*std::move(metadata));
    done(std::move(all));
  });
}

bool Captures::show(Id id, size_t most, std::function<void(std::unique_ptr<CapturedFile>)> done) {
  return ask([this, id, most, done = std::move(done)] {
    done(index_.contains(id) ? folder_->read(id, most) : nullptr);
  });
}

void Captures::settle() {
  if (!thread_.joinable()) return;
  const auto done = std::make_shared<std::promise<void>>();
  post([done] { done->set_value(); });
  done->get_future().wait();
}

CaptureStats Captures::stats() const {
  const std::lock_guard lock(mutex_);
  auto stats = stats_;
  stats.prints = prints_.size();
  return stats;
}

void Captures::run() {
  read_folder();
  auto trim_at = Steady::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_for(lock, kTrimEvery, [this] { return stop_ || !jobs_.empty(); });
    auto jobs = std::exchange(jobs_, {});
    const bool last = stop_ && jobs.empty();
    lock.unlock();
    for (auto& job : jobs) {
      job();
      job = nullptr;  // with what it holds
    }
    if (last) return;
    if (Steady::now() >= trim_at) {
      trim();
      trim_at = Steady::now() + kTrimEvery;
    }
    lock.lock();
  }
}

// What is there from before counts as taken of its habits.
void Captures::read_folder() {
  std::vector<CaptureFolder::Entry> found;
  const auto why = folder_->open(found);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : found) {
      index_[entry.id] = entry;
      stats_.bytes += entry.bytes;
      if (entry.print != 0 && prints_.size() < kMostPrints) ++prints_[entry.print].taken;
    }
    stats_.messages = index_.size();
  }
  if (!why.empty()) trouble(why);
  running_ = true;
}

void Captures::write(CapturePlace& place, const CapturedMessage& message) {
  CaptureSettings settings;
  {
    const std::lock_guard lock(mutex_);
    settings = settings_;
  }
  const auto metadata = metadata_of(message);
  auto why = disk_is_full(settings) ? "less than capture.disk_free is left on the disk"
                                    : folder_->write(message.id, metadata, message.text);
  if (!why.empty()) return trouble(why);
  const CaptureFolder::Entry entry{message.id, metadata.size() + message.text.size(),
                                   place.print()};
  bool recovered = false;
  {
    const std::lock_guard lock(mutex_);
    place.used_ = true;
    auto& known = index_[message.id];  // a clock that was set back may give an id twice
    stats_.bytes += entry.bytes - known.bytes;
    forget_print(known.print);
    known = entry;
    stats_.messages = index_.size();
    ++stats_.stored;
    recovered = std::exchange(stats_.degraded, false);
  }
  if (recovered) alarm_("capture: messages are kept again");
  trim();
}

// Others need the disk more.
bool Captures::disk_is_full(const CaptureSettings& settings) {
  const auto space = free_space(folder_->path());
  return space && *space < settings.disk_free;
}

void Captures::trouble(const std::string& why) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.lost;
    first = !std::exchange(stats_.degraded, true);
    retry_at_ = Steady::now() + kPause;
  }
  if (first) alarm_("capture: no messages are kept (" + why + "): mail is not touched by that");
}

// The oldest go: for their age, or for there are too many.
void Captures::trim() {
  const auto now = clock_.wall();
  std::vector<Id> gone;
  {
    const std::lock_guard lock(mutex_);
    const auto is_too_much = [&](Id oldest) {
      return index_.size() > settings_.messages || stats_.bytes > settings_.size ||
             now - time_of(oldest) > settings_.keep;
    };
    while (!index_.empty() && is_too_much(index_.begin()->first)) {
      const auto entry = index_.begin()->second;
      index_.erase(index_.begin());
      stats_.bytes -= entry.bytes;
      forget_print(entry.print);
      gone.push_back(entry.id);
    }
    stats_.messages = index_.size();
    std::erase_if(prints_, [&](const auto& one) {
      return one.second.taken == 0 && Steady::now() - one.second.wasted_at > kWastedFor;
    });
  }
  for (const auto id : gone) folder_->remove(id);
}

// With mutex_ held.
void Captures::forget_print(uint64_t print) {
  const auto found = prints_.find(print);
  if (found == prints_.end()) return;
  if (found->second.taken > 0) --found->second.taken;
}

}  // namespace ravelin::proxy
