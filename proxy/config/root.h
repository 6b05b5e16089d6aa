// File names under another root directory. The configuration names files as they are seen from
// outside, whoever reads it: --check, a reload, an administrator. Once the process has made a
// directory its root, these names need translation, and this is the only place that knows it.
#pragma once

#include <string>
#include <string_view>

namespace ravelin::proxy {

// |directory| has become "/". Once, before other threads run: it is as global as the call itself.
void set_root(std::string directory);

// |path| as this process must name it. What is not below the root, or not absolute, stays as it is.
std::string seen_here(std::string_view path);

// Absolute, without "." or ".." or empty parts, and not "/" itself.
bool is_plain_path(std::string_view path);
bool is_below(std::string_view path, std::string_view directory);

}  // namespace ravelin::proxy
