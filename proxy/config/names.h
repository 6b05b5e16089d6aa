// What to say about a name that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/config/section.h"

namespace ravelin::proxy {

// How a section is written: "[limits]", "[[route]]", "the top of the file".
std::string section_title(std::string_view path);
// With its preposition: "in [limits]", "at the top of the file".
std::string in_section(std::string_view path);

// One-line messages, with "did you mean" where something is near. |path| is the section that |key|
// stands in; for a section, |path| is its own.
std::string unknown_key(std::string_view path, std::string_view key,
                        std::span<const Section* const> sections);
std::string unknown_section(std::string_view path, std::span<const Section* const> sections);

// Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other.
size_t edit_distance(std::string_view from, std::string_view to);

}  // namespace ravelin::proxy
