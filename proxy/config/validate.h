// What no single row can say: values that contradict each other.
#pragma once

#include "proxy/config/config.h"
#include "proxy/config/document.h"
#include "proxy/config/report.h"

namespace ravelin::proxy {

// |root| is what |config| was read from: places come from there. A default never contradicts: only
// what somebody wrote is a fault.
void validate(const Value& root, const Config& config, Report& report);

}  // namespace ravelin::proxy
