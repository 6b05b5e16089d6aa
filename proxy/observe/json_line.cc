#include "proxy/observe/json_line.h"

#include <iterator>

namespace ravelin::proxy {

void append_counts(std::string& out, VerbCounts counts) {
  JsonLine object(out);
  for (size_t i = 0; i < counts.size() && i < std::size(kVerbNames); ++i) {
    if (counts[i].all == 0) continue;
    object.value(kVerbNames[i], [&](std::string& value) {
      value += '[';
      append_number(value, counts[i].taken);
      value += ',';
      append_number(value, counts[i].all);
      value += ']';
    });
  }
  object.end_object();
}

}  // namespace ravelin::proxy
