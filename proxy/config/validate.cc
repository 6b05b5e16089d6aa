#include "proxy/config/validate.h"

namespace ravelin::proxy {

void validate(const Value& root, Config& config, Report& report) {
  if (config.routes.empty() && !root.find("route"))
    report.error({}, "no [[route]]: at least one with domains and backends is needed");
}

}  // namespace ravelin::proxy
