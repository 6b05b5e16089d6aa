#include "proxy/capture/capture_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <system_error>

#include "proxy/event/fd.h"
#include "proxy/profile/dialog_print.h"
#include "proxy/state/free_space.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kText = ".eml";
constexpr std::string_view kMetadata = ".json";
constexpr size_t kIdLength = 12;
constexpr size_t kMaxMetadata = 1'000'000;  // octets; ours are far shorter

std::string error_text() { return std::generic_category().message(errno); }

// "" or what is wrong. What was written so far stays.
std::string write_file(const std::string& name, std::string_view bytes) {
  const Fd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return name + ": " + error_text();
  while (!bytes.empty()) {
    const auto count = ::write(file.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return name + ": " + error_text();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return "";
}

// The first |most| octets and one more, if there are so many.
std::optional<std::string> read_file(const std::string& name, size_t most) {
  const Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return {};
  std::string bytes(most + 1, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const auto count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {};
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

uint64_t print_of(const std::string& metadata) {
  const auto all = nlohmann::json::parse(metadata, nullptr, false);
  if (!all.is_object() || !all.contains("print") || !all["print"].is_string()) return 0;
  return parse_print(all["print"].get_ref<const std::string&>()).value_or(0);
}

// Of one message, while the directory is read.
struct Halves {
  uint64_t text = 0, metadata = 0;  // octets
  bool has_text = false, has_metadata = false;
};

std::map<Id, Halves> halves_in(const std::string& path) {
  std::map<Id, Halves> all;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    const auto name = file.path().filename().string();
    const auto id = parse_id(std::string_view(name).substr(0, kIdLength));
    const auto ending = std::string_view(name).substr(std::min(kIdLength, name.size()));
    if (!id || (ending != kText && ending != kMetadata)) continue;
    if (!file.is_regular_file() || file.is_symlink()) continue;
    auto& halves = all[*id];
    const auto size = file.file_size();
    if (ending == kText) halves.text = size, halves.has_text = true;
    if (ending == kMetadata) halves.metadata = size, halves.has_metadata = true;
  }
  return all;
}

}  // namespace

std::string CaptureFolder::name(Id id, std::string_view ending) const {
  return path_ + "/" + id_text(id) + std::string(ending);
}

// The metadata is written last: without it a message is a half.
std::string CaptureFolder::open(std::vector<Entry>& found) {
  try {
    for (const auto& [id, halves] : halves_in(path_)) {
      const auto metadata = this->metadata(id);
      if (!halves.has_text || !halves.has_metadata || !metadata)
        remove(id);
      else
        found.push_back({id, halves.text + halves.metadata, print_of(*metadata)});
    }
  } catch (const std::filesystem::filesystem_error& error) {
    return path_ + ": " + error.code().message();
  }
  return "";
}

std::string CaptureFolder::write(Id id, std::string_view metadata, std::string_view text) {
  remove(id);
  auto why = write_file(name(id, kText), text);
  if (why.empty()) why = write_file(name(id, kMetadata), metadata);
  if (!why.empty()) remove(id);
  return why;
}

void CaptureFolder::remove(Id id) {
  for (const auto ending : {kMetadata, kText}) (void)::unlink(name(id, ending).c_str());
}

std::optional<std::string> CaptureFolder::metadata(Id id) const {
  auto bytes = read_file(name(id, kMetadata), kMaxMetadata);
  if (!bytes || !nlohmann::json::accept(*bytes)) return {};
  return bytes;
}

std::unique_ptr<CapturedFile> CaptureFolder::read(Id id, size_t most) const {
  auto known = metadata(id);
  auto text = read_file(name(id, kText), most);
  if (!known || !text) return nullptr;
  const bool cut = text->size() > most;
  if (cut) text->resize(most);
  return std::make_unique<CapturedFile>(CapturedFile{*std::move(known), *std::move(text), cut});
}

}  // namespace ravelin::proxy
