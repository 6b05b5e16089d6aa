// Internationalised domain names: what they are called in DNS.
#pragma once

#include <string>
#include <string_view>

namespace ravelin::dns {

// |domain| (UTF-8) with its U-labels as A-labels ("bücher.example" -> "xn--bcher-kva.example"), in
// lower case. What is ASCII already comes back as it is, whatever it be; so does what has no such
// form, or one that is longer than DNS takes. Thread-safe.            RFC 5890 §2.3.2.1, UTS 46
std::string to_a_labels(std::string_view domain);

}  // namespace ravelin::dns
