#include "proxy/table_sizes.h"

namespace ravelin::proxy {

std::vector<TableSize> table_sizes(Shared& shared) {
  return {{"greylist tuples", "greylist_tuples", shared.greylist.occupancy()},
          {"clients", "clients", shared.standing.clients()},
          {"networks and organisations", "networks", shared.standing.groups()},
          {"known recipients", "known_recipients", shared.backends.kept_recipients()},
          {"unknown recipients", "unknown_recipients", shared.backends.kept_refusals()},
          {"harvest counts", "harvest_counts", shared.shield.occupancy()},
          {"DNS answers", "dns_answers", shared.dns_cache.occupancy()}};
}

}  // namespace ravelin::proxy
