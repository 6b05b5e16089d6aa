// Pieces that the printed sample and the printed documents share.
#pragma once

#include <string>
#include <string_view>

#include "proxy/config/param.h"

namespace ravelin::proxy {

std::string_view first_sentence(std::string_view doc);
// Said of rows that are fixed at start.
inline constexpr char kFixed[] = " A change needs a restart.";
std::string full_doc(const Param& row);  // with that
// |text| in lines of at most |width| bytes with |prefix| before each; ends with a line end.
std::string wrapped(std::string_view text, std::string_view prefix, size_t width);

}  // namespace ravelin::proxy
