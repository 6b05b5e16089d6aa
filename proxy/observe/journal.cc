#include "proxy/observe/journal.h"

namespace ravelin::proxy {

std::string id_text(Id id) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text(12, '0');
  for (size_t i = text.size(); i-- > 0; id >>= 4) text[i] = kHex[id & 15];
  return text;
}

}  // namespace ravelin::proxy
