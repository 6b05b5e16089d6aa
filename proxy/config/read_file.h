// Whole files with a bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace ravelin::proxy {

// nullopt, and |error| says why, if |file| cannot be read or has more than |max| bytes. Takes pipes
// too, because `--config <(...)` is one.
std::optional<std::string> read_file(const std::string& file, size_t max, std::string& error);

}  // namespace ravelin::proxy
