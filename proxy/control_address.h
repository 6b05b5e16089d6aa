// Mail addresses in control requests.
#pragma once

#include <optional>
#include <string_view>

#include "smtp/address.h"

namespace ravelin::proxy {

// As Verifier::canonicalise(): U-labels become A-labels.
std::optional<smtp::Address> parse_recipient(std::string_view given);
std::optional<smtp::Address> parse_sender(std::string_view given);  // "" and "<>": the null sender

}  // namespace ravelin::proxy
