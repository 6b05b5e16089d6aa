// What the main thread tells the workers, at start and at each reload.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/checks/policy.h"
#include "proxy/config/config.h"
#include "proxy/observe/dialog_record.h"
#include "proxy/profile/origin.h"

namespace ravelin::proxy {

// Dialogs keep the policy that they began under; the limits are read at each use.
struct Published {
  std::shared_ptr<const Policy> policy;
  Limits limits{};   // of the configuration
  Limits pressed{};  // what holds for clients without standing
  uint32_t places =
      0;  // the total that is in force: limits.sessions, or what file descriptors allow
  std::shared_ptr<const Origins> origins{};  // null: none
  std::optional<RecordOptions> recording{};  // nothing: dialogs are not put down
};

}  // namespace ravelin::proxy
