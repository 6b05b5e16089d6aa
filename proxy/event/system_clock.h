// The machine's clocks.
#pragma once

#include "proxy/event/clock.h"

namespace ravelin::proxy {

class SystemClock final : public Clock {
 public:
  dns::Time boot() const override;
  Wall wall() const override;

  static const SystemClock& instance();
};

}  // namespace ravelin::proxy
