// Lists as the program uses them: those of files appended, domains in lower case.
#pragma once

#include "proxy/config/config.h"
#include "proxy/config/document.h"
#include "proxy/config/report.h"

namespace ravelin::proxy {

// Faults: files that cannot be read, bad entries in them (reported as that file's own line), and a
// domain that two routes name.
void complete_lists(const Value& root, Config& config, Report& report);

}  // namespace ravelin::proxy
