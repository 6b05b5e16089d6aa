// Fills a Config from a parsed text: walks the tables, finds the row of each key.
#pragma once

#include <string>
#include <vector>

#include "proxy/config/builtin.h"
#include "proxy/config/document.h"
#include "proxy/config/report.h"

namespace ravelin::proxy {

// Defaults first, then what |root| says. Every key that has no row is a fault; so is every row
// without a default that has no key. config.routes has one element per [[route]], also for those
// with faults.
void read_config(const Value& root, Config& config, Report& report);

}  // namespace ravelin::proxy
