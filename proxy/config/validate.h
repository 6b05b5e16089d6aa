// What no single row can say: list files, values that contradict each other, double domains.
#pragma once

#include "proxy/config/config.h"
#include "proxy/config/document.h"
#include "proxy/config/report.h"

namespace ravelin::proxy {

// |root| is what |config| was read from: places come from there.
void validate(const Value& root, Config& config, Report& report);

}  // namespace ravelin::proxy
