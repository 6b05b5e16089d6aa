// Does a local part look as if a person or an office had chosen it, or a random generator? And
// which of them are alike? For reports: one address proves nothing, the mean over a crowd's does.
#pragma once

#include <string>
#include <string_view>

namespace ravelin::proxy {

// How probably a machine has drawn |local_part| from its letters and digits at random, if
// beforehand both were equally likely: 0 a word or name, 1 random, 0.5 nothing can be said (too
// short, digits only, no ASCII). Letters are compared with how names and offices of Latin script
// are spelled, so random syllables pass for names, and initials for random. Only the first 64
// octets are looked at.
double randomness(std::string_view local_part);

// The form of |local_part|, for grouping: a run of letters is "a", of digits "9", of other than
// ASCII "u", of letters and digits in turns (more than one change) "x"; what stands between them
// stays, and what does not print is "?". "anna.smith77" is "a.a9", "k3jx09q" is "x". At most 32
// octets of ASCII; "~" at the end stands for what is cut off.
std::string local_pattern(std::string_view local_part);

}  // namespace ravelin::proxy
