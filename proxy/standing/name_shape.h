// What a host name says about how its address is given out.
#pragma once

#include <string>
#include <string_view>

#include "dns/ip.h"

namespace ravelin::proxy {

// |name| (lower case) contains |address|: in decimal (as it is, padded with zeros, or as one
// number), in hexadecimal, forwards or backwards, or three octets of four in a row.
bool contains_address(std::string_view name, const dns::IpAddress& address);

// One of the words of |labels| (lower case; runs of letters) is one that providers use for lines of
// their customers: "dsl", "pool", "dyn", ...
bool has_dynamic_word(std::string_view labels);

// The end of |host| (lower case, no final dot) that was bought from a registry; "" if it is a
// public suffix itself. Other than organisation_of(), who sells names below its own domain is one
// provider
// ("compute.amazonaws.com" is Amazon's). The view points into |host|.
std::string_view provider_domain(const std::string& host);

}  // namespace ravelin::proxy
