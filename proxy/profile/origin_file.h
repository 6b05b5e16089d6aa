// One database in MaxMind's format, in memory.             maxmind.github.io/MaxMind-DB,
// version 2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "dns/ip.h"
#include "proxy/profile/origin.h"
#include "smtp/expected.h"

namespace ravelin::proxy {

enum class OriginKind : uint8_t { Country, Asn };

class OriginFile {
 public:
  // Every node of the tree is looked at, and every record that it leads to: a damaged database, and
  // one that holds nothing of |kind|, is an error, said in words. |scratch| is a directory that can
  // be written, for a copy that is gone before the call returns.
  static smtp::Expected<std::unique_ptr<const OriginFile>, std::string> open(
      const std::string& path, OriginKind kind, const std::string& scratch);
  ~OriginFile();
  OriginFile(const OriginFile&) = delete;
  OriginFile& operator=(const OriginFile&) = delete;

  // Fills in what the database knows of |address|, and leaves the rest.
  void look_up(const dns::IpAddress& address, Origin& origin) const;

 private:
  struct Database;

  OriginFile(std::unique_ptr<Database> database, OriginKind kind);
  std::string fault() const;  // "" if the database is sound and of use

  const std::unique_ptr<Database> database_;
  const OriginKind kind_;
};

}  // namespace ravelin::proxy
