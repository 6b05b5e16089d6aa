#include "proxy/profile/origin.h"

#include <new>
#include <utility>

#include "proxy/config/report.h"
#include "proxy/config/root.h"
#include "proxy/profile/origin_file.h"

namespace ravelin::proxy {
namespace {

// Where this process may write, also in a chroot and after root was given up: beside the state.
std::string scratch_directory(const Config& config) {
  const auto slash = config.state.path.rfind('/');
  return seen_here(slash == std::string::npos ? "/tmp" : config.state.path.substr(0, slash));
}

std::unique_ptr<const OriginFile> open_one(std::string_view row, const std::string& path,
                                           OriginKind kind, const std::string& scratch,
                                           std::vector<std::string>& warnings) {
  if (path.empty()) return nullptr;
  std::string fault;
  try {
    auto file = OriginFile::open(path, kind, scratch);
    if (file) return *std::move(file);
    fault = file.error();
  } catch (const std::bad_alloc&) {  // what is nice to have does not end a reload
    fault = "no memory for it";
  }
  warnings.push_back(std::string(row) + ": " + quoted(path) + ": " + fault +
                     "; origins are not known by it");
  return nullptr;
}

}  // namespace

Origins::Origins() = default;
Origins::~Origins() = default;

std::shared_ptr<const Origins> Origins::open(const Config& config,
                                             std::vector<std::string>& warnings) {
  const std::shared_ptr<Origins> origins(new Origins);
  const auto scratch = scratch_directory(config);
  origins->country_ =
      open_one("origin.country", config.origin.country, OriginKind::Country, scratch, warnings);
  origins->asn_ = open_one("origin.asn", config.origin.asn, OriginKind::Asn, scratch, warnings);
  return origins;
}

Origin Origins::lookup(const dns::IpAddress& address) const {
  Origin origin;
  if (country_) country_->look_up(address, origin);
  if (asn_) asn_->look_up(address, origin);
  return origin;
}

}  // namespace ravelin::proxy
