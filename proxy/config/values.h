// One value of the file into one member of a settings object, as its row says.
#pragma once

#include <string>

#include "proxy/config/document.h"
#include "proxy/config/param.h"
#include "proxy/config/report.h"

namespace ravelin::proxy {

// Faults go to |report|; the member then keeps what it had (a list keeps its good elements).
void read_value(const Param& row, const Value& value, void* settings, Report& report);

// |row| must not be required().
void set_default(const Param& row, void* settings);

// For documents and messages: "1s to 1h", "0 to 256", `one of "enforce", "shadow"`; "" if any will
// do.
std::string describe_range(const Param& row);
// Those that are built: `"enforce", "shadow"`.
std::string choice_names(const Param& row);
// "a duration like \"5m\" ..."
std::string_view describe_kind(ParamKind kind);

}  // namespace ravelin::proxy
