// Where an address is: the country and the network's owner, by databases in MaxMind's format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dns/ip.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

class OriginFile;

struct Origin {
  std::string country{};       // ISO 3166-1: two capital letters; "" if not known
  uint32_t asn = 0;            // of the autonomous system; 0 if not known
  std::string organisation{};  // that has it; printable UTF-8 of at most 64 octets

  bool operator==(const Origin&) const = default;
};

// Immutable: shared by all threads as shared_ptr<const Origins>, and replaced as a whole by a
// reload.
class Origins {
 public:
  // Reads the databases that |config| names, into memory: whatever happens to the files later is
  // seen at the next reload only. One that cannot be used is as if it was not named, and one line
  // in |warnings| says why. Takes up to a second for the largest databases: for the main thread.
  static std::shared_ptr<const Origins> open(const Config& config,
                                             std::vector<std::string>& warnings);
  ~Origins();
  Origins(const Origins&) = delete;
  Origins& operator=(const Origins&) = delete;

  // From any thread; about a microsecond, no file is read.
  Origin lookup(const dns::IpAddress& address) const;

 private:
  Origins();

  std::unique_ptr<const OriginFile> country_;  // null if there is none
  std::unique_ptr<const OriginFile> asn_;
};

}  // namespace ravelin::proxy
