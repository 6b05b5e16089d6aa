// Pieces that the printed sample and the printed documents share.
#pragma once

#include <string>
#include <string_view>

namespace ravelin::proxy {

std::string_view first_sentence(std::string_view doc);
// |text| in lines of at most |width| bytes with |prefix| before each; ends with a line end.
std::string wrapped(std::string_view text, std::string_view prefix, size_t width);

}  // namespace ravelin::proxy
