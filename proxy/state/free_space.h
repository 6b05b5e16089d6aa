// How much is left on a disk, for those who stop before it is full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ravelin::proxy {

// Octets that we may still write where |directory| is ("" is where we are); nothing if that is not
// known.
std::optional<uint64_t> free_space(const std::string& directory);

}  // namespace ravelin::proxy
