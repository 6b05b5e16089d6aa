#include "proxy/state/broken_file.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <new>
#include <vector>

namespace ravelin::proxy {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKept = 3;
constexpr const char* kSideFiles[] = {"-wal", "-journal", "-shm"};

std::string stamp(Wall wall) {
  const auto time = std::chrono::system_clock::to_time_t(wall);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return text;
}

bool is_side_file(const std::string& name) {
  return std::any_of(std::begin(kSideFiles), std::end(kSideFiles),
                     [&](const char* end) { return name.ends_with(end); });
}

void remove_oldest(const fs::path& path) try {
  const auto prefix = path.filename().string() + ".broken-";
  std::vector<std::string> found;  // the names sort by time
  std::error_code error;
  fs::directory_iterator entry(path.parent_path().empty() ? "." : path.parent_path(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.starts_with(prefix) && !is_side_file(name)) found.push_back(entry->path().string());
  }
  std::sort(found.begin(), found.end());
  for (size_t i = 0; i + kKept < found.size(); ++i) {
    fs::remove(found[i], error);
    for (const auto* end : kSideFiles) fs::remove(found[i] + end, error);
  }
} catch (const std::bad_alloc&) {  // they go another time
  return;
}

}  // namespace

std::optional<std::string> move_aside(const std::string& path, Wall wall) {
  const auto base = path + ".broken-" + stamp(wall);
  std::error_code error;
  auto name = base;
  for (int i = 2; fs::exists(name, error) && i < 100; ++i) name = base + '-' + std::to_string(i);

  const bool there = fs::exists(fs::symlink_status(path, error));
  if (there) fs::rename(path, name, error);
  if (there && error) return {};
  // A log that stayed behind would be played into the new file.
  for (const auto* end : kSideFiles) {
    if (!fs::exists(path + end, error)) continue;
    fs::rename(path + end, name + end, error);
    if (error) return {};
  }
  if (there) remove_oldest(path);
  return there ? name : std::string();
}

}  // namespace ravelin::proxy
