#include "proxy/state/free_space.h"

#include <filesystem>
#include <system_error>

namespace ravelin::proxy {

std::optional<uint64_t> free_space(const std::string& directory) {
  std::error_code error;
  const auto space = std::filesystem::space(directory.empty() ? "." : directory, error);
  if (error) return {};
  return space.available;
}

}  // namespace ravelin::proxy
