#include "proxy/config/root.h"

#include <utility>

namespace ravelin::proxy {
namespace {

std::string root;

}  // namespace

void set_root(std::string directory) { root = std::move(directory); }

std::string seen_here(std::string_view path) {
  return std::string(root.empty() || !is_below(path, root) ? path : path.substr(root.size()));
}

bool is_plain_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() + 1 && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

}  // namespace ravelin::proxy
