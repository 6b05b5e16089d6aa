// libmaxminddb maps the file that it opens. A mapped file that somebody truncates, or whose disk
// fails, kills who reads it by SIGBUS, so it gets a copy of our own, and the map of that is
// replaced by memory as soon as it stands. Not memfd_create(): the filter of system calls takes it
// for the first step of running another program, and /proc, where it has a name, is outside of a
// chroot.
#include "proxy/profile/origin_file.h"

#include <fcntl.h>
#include <maxminddb.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "proxy/config/read_file.h"
#include "proxy/observe/utf8.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kLargest = 512'000'000;  // octets; the largest that are sold have 400 MB
constexpr size_t kLongestName = 64;       // octets of an organisation

std::string system_error(int error) { return std::generic_category().message(error); }

// --- the copy
// --------------------------------------------------------------------------------------

// A file under a name of its own, until the end of the scope.
class ScratchFile {
 public:
  ScratchFile(const std::string& directory, std::string_view bytes)
      : path_(directory + "/origin-XXXXXX") {
    fd_ = mkostemp(path_.data(), O_CLOEXEC);
    error_ = fd_ < 0 ? errno : 0;
    while (error_ == 0 && !bytes.empty()) {
      const auto size = write(fd_, bytes.data(), bytes.size());
      if (size < 0)
        error_ = errno;
      else
        bytes.remove_prefix(static_cast<size_t>(size));
    }
  }
  ~ScratchFile() {
    if (fd_ < 0) return;
    close(fd_);
    unlink(path_.c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  int error() const { return error_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
  int error_;
};

// Puts memory with the same |bytes| in the place of the file's map.
bool replace_map(const MMDB_s& database, std::string_view bytes) {
  auto* const at = const_cast<uint8_t*>(database.file_content);
  if (static_cast<size_t>(database.file_size) != bytes.size() ||
      mmap(at, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
           0) == MAP_FAILED)
    return false;
  std::memcpy(at, bytes.data(), bytes.size());
  return mprotect(at, bytes.size(), PROT_READ) == 0;
}

// --- records
// -----------------------------------------------------------------------------------------

// The first of |paths| that leads to a value of |record|.
template <size_t N>
std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s record,
                                          const char* const* const (&paths)[N]) {
  for (const auto* path : paths) {
    MMDB_entry_data_s data{};
    if (MMDB_aget_value(&record, &data, path) == MMDB_SUCCESS && data.has_data) return data;
  }
  return {};
}

std::string_view text_of(const std::optional<MMDB_entry_data_s>& data) {
  if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data->utf8_string, data->data_size};
}

// MaxMind's names, and those of others who use the format.
constexpr const char* kIsoCode[] = {"country", "iso_code", nullptr};
constexpr const char* kRegistered[] = {"registered_country", "iso_code", nullptr};
constexpr const char* kCountryCode[] = {"country_code", nullptr};
constexpr const char* kCountry[] = {"country", nullptr};
constexpr const char* const* kCountryPaths[] = {kIsoCode, kRegistered, kCountryCode, kCountry};
constexpr const char* kNumber[] = {"autonomous_system_number", nullptr};
constexpr const char* kAsn[] = {"asn", nullptr};
constexpr const char* const* kAsnPaths[] = {kNumber, kAsn};
constexpr const char* kOrganisation[] = {"autonomous_system_organization", nullptr};
constexpr const char* kAsName[] = {"as_name", nullptr};
constexpr const char* const* kOrganisationPaths[] = {kOrganisation, kAsName};

std::string country_of(std::string_view text) {
  const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  return text.size() == 2 && capital(text[0]) && capital(text[1]) ? std::string(text) : "";
}

// A number, or "AS64496".
uint32_t asn_of(const std::optional<MMDB_entry_data_s>& data) {
  if (data && data->type == MMDB_DATA_TYPE_UINT32) return data->uint32;
  if (data && data->type == MMDB_DATA_TYPE_UINT16) return data->uint16;
  auto text = text_of(data);
  if (!text.starts_with("AS") || text.size() > 12) return 0;
  uint64_t number = 0;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
}

// Whoever made the database, its words go to logs and pages: plain characters only.
std::string clean(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto next = first_utf8(text);
    const bool plain = next.size > 0 && is_plain(next.value);
    const auto octets = plain ? text.substr(0, next.size) : "?";
    if (result.size() + octets.size() > kLongestName) break;
    result += octets;
    text.remove_prefix(next.size > 0 ? next.size : 1);
  }
  return result;
}

// Whether |record| had anything of |kind|.
bool read_record(const MMDB_entry_s& record, OriginKind kind, Origin& origin) {
  if (kind == OriginKind::Country) {
    origin.country = country_of(text_of(value_at(record, kCountryPaths)));
    return !origin.country.empty();
  }
  origin.asn = asn_of(value_at(record, kAsnPaths));
  origin.organisation = clean(text_of(value_at(record, kOrganisationPaths)));
  return origin.asn != 0;
}

}  // namespace

struct OriginFile::Database {
  MMDB_s file{};
  bool open = false;

  ~Database() {
    if (open) MMDB_close(&file);
  }
};

OriginFile::OriginFile(std::unique_ptr<Database> database, OriginKind kind)
    : database_(std::move(database)), kind_(kind) {}
OriginFile::~OriginFile() = default;

smtp::Expected<std::unique_ptr<const OriginFile>, std::string> OriginFile::open(
    const std::string& path, OriginKind kind, const std::string& scratch) {
  std::string error;
  const auto bytes = read_file(path, kLargest, error);
  if (!bytes) return error;

  const ScratchFile copy(scratch, *bytes);
  if (copy.error() != 0)
    return "no copy can be made in " + scratch + ": " + system_error(copy.error());
  auto database = std::make_unique<Database>();
  const int status = MMDB_open(copy.path().c_str(), MMDB_MODE_MMAP, &database->file);
  if (status != MMDB_SUCCESS) return std::string("no database: ") + MMDB_strerror(status);
  database->open = true;
  if (!replace_map(database->file, *bytes)) return std::string("no memory for it");

  std::unique_ptr<const OriginFile> file(new OriginFile(std::move(database), kind));
  if (auto fault = file->fault(); !fault.empty()) return fault;
  return file;
}

// By number, not from the root down: each node once, whatever leads to it.
std::string OriginFile::fault() const {
  const auto& file = database_->file;
  bool of_use = false;
  for (uint32_t i = 0; i < file.metadata.node_count; ++i) {
    MMDB_search_node_s node{};
    if (MMDB_read_node(&file, i, &node) != MMDB_SUCCESS) return "the database is damaged";
    for (const auto& [type, entry] : {std::pair(node.left_record_type, node.left_record_entry),
                                      std::pair(node.right_record_type, node.right_record_entry)}) {
      if (type == MMDB_RECORD_TYPE_INVALID) return "the database is damaged";
      if (type != MMDB_RECORD_TYPE_DATA) continue;
      MMDB_entry_data_s data{};
      MMDB_entry_s record = entry;
      const char* const whole[] = {nullptr};
      if (MMDB_aget_value(&record, &data, whole) != MMDB_SUCCESS) return "the database is damaged";
      Origin origin;
      of_use = of_use || read_record(entry, kind_, origin);
    }
  }
  if (of_use) return "";
  return kind_ == OriginKind::Country ? "the database knows no countries"
                                      : "the database knows no autonomous systems";
}

void OriginFile::look_up(const dns::IpAddress& address, Origin& origin) const {
  sockaddr_storage room;
  address.to_sockaddr(0, room);
  int error = MMDB_SUCCESS;
  const auto found =
      MMDB_lookup_sockaddr(&database_->file, reinterpret_cast<const sockaddr*>(&room), &error);
  if (error == MMDB_SUCCESS && found.found_entry) read_record(found.entry, kind_, origin);
}

}  // namespace ravelin::proxy
