#include "proxy/config/builtin.h"

namespace ravelin::proxy {

std::vector<const Section*> all_sections() {
  std::vector<const Section*> sections;
  sections.reserve(std::size(kSectionsBeforeChecks) + registered_sections().size() +
                   std::size(kSectionsAfterChecks));
  for (const BuiltinSection* builtin : kSectionsBeforeChecks) sections.push_back(&builtin->section);
  for (const Section* section : registered_sections()) sections.push_back(section);
  for (const BuiltinSection* builtin : kSectionsAfterChecks) sections.push_back(&builtin->section);
  return sections;
}

}  // namespace ravelin::proxy
