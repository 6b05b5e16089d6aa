// What a host name says about how its address is given out.
#pragma once

#include <string_view>

#include "dns/ip.h"

namespace ravelin::proxy {

// |name| (lower case) contains |address|: in decimal (as it is, padded with zeros, or as one
// number), in hexadecimal, forwards or backwards, or three octets of four in a row.
bool contains_address(std::string_view name, const dns::IpAddress& address);

// One of the words of |labels| (lower case; runs of letters) is one that providers use for lines of
// their customers: "dsl", "pool", "dyn", ...
bool has_dynamic_word(std::string_view labels);

}  // namespace ravelin::proxy
