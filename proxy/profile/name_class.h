// What a client's reverse name says about the line or machine behind it. A guess for reports, never
// a reason to refuse mail: names are made by people.
#pragma once

#include <cstdint>
#include <string_view>

#include "dns/ip.h"

namespace ravelin::proxy {

enum class NameClass : uint8_t {
  None,     // there is no name
  Dynamic,  // dial-up, DSL, cable, mobile: one of a provider's many customers
  Generic,  // a server or a static line, named after its address or number by who let it
  Named,    // by somebody who meant this machine: a mail service, a company, a person
};
inline constexpr std::string_view kNameClassNames[] = {"none", "dynamic", "generic", "named"};

// |name| as DNS has it, any case, with or without its final dot; "" for none. Confirmed or not: an
// attacker may call his own addresses what he likes, but not those of the PCs that he has taken.
NameClass name_class(std::string_view name, const dns::IpAddress& address);

}  // namespace ravelin::proxy
