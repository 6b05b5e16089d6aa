#include "dns/idn.h"

#include <idn2.h>

#include <algorithm>
#include <memory>
#include <new>

namespace ravelin::dns {

std::string to_a_labels(std::string_view domain) {
  std::string given(domain);
  if (std::none_of(domain.begin(), domain.end(), [](char c) { return c & 0x80; })) return given;
  if (domain.find('\0') != domain.npos) return given;  // where the library would stop
  char* text = nullptr;
  const int outcome = idn2_to_ascii_8z(given.c_str(), &text, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, void (*)(void*)> owner(text, idn2_free);
  if (outcome == IDN2_MALLOC) throw std::bad_alloc();
  return outcome == IDN2_OK ? std::string(text) : given;
}

}  // namespace ravelin::dns
