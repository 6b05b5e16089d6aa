#include "dns/idn.h"

#include <idn2.h>

#include <algorithm>
#include <memory>
#include <new>

namespace ravelin::dns {

std::optional<std::string> to_a_labels(std::string_view domain) {
  if (std::none_of(domain.begin(), domain.end(), [](char c) { return c & 0x80; }))
    return std::string(domain);
  // The library would stop there.
  if (domain.find('\0') != domain.npos) return {};
  char* text = nullptr;
  const int outcome =
      idn2_to_ascii_8z(std::string(domain).c_str(), &text, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(text, idn2_free);
  if (outcome == IDN2_MALLOC) throw std::bad_alloc();
  if (outcome != IDN2_OK) return {};
  return std::string(text);
}

}  // namespace ravelin::dns
