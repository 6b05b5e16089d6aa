// Internationalised domain names: what they are called in DNS.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ravelin::dns {

// |domain| (UTF-8) with its U-labels as A-labels ("bücher.example" -> "xn--bcher-kva.example"), in
// lower case; what is ASCII already comes back as it is, whatever it be. nullopt if it has no such
// form, or if that would be longer than DNS takes. Thread-safe.       RFC 5890 §2.3.2.1, UTS 46
std::optional<std::string> to_a_labels(std::string_view domain);

}  // namespace ravelin::dns
