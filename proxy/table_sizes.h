// All that grows with those who come, and its bounds.
#pragma once

#include <vector>

#include "dns/occupancy.h"
#include "proxy/shared.h"

namespace ravelin::proxy {

struct TableSize {
  const char* name;  // for people: "greylist tuples"
  const char* word;  // for programs: "greylist_tuples"
  dns::Occupancy its;
};
std::vector<TableSize> table_sizes(Shared& shared);

}  // namespace ravelin::proxy
