// How many recipients of a dialog the backend knew, and how many it did not.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/overload/harvest_shield.h"

namespace ravelin::proxy {

class RecipientCounts {
 public:
  void count(Asked as, bool is_unknown) {
    if (as == Asked::Backscatter) {
      if (is_unknown) add(strays_);
    } else {
      add(is_unknown ? unknown_ : known_);
    }
  }
  // Unknown ones that count as errors: none as long as they are less than |share| of all, for old
  // addresses are in every list; but half of all is no list.
  uint32_t errors(double share) const {
    return unknown_ < std::min(share, 0.5) * (unknown_ + known_) ? 0 : unknown_;
  }
  // Those of backscatter: an error of somebody else.
  uint32_t strays() const { return strays_; }

 private:
  static void add(uint32_t& count) { count = std::min(count + 1, uint32_t{1} << 30); }

  uint32_t unknown_ = 0;
  uint32_t known_ = 0;
  uint32_t strays_ = 0;
};

}  // namespace ravelin::proxy
