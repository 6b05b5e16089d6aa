// What the listener knows of a client that got a place.
#pragma once

#include <cstdint>

#include "dns/ip.h"
#include "proxy/checks/access.h"
#include "proxy/observe/journal.h"
#include "proxy/overload/places.h"
#include "proxy/standing/standing.h"

namespace ravelin::proxy {

struct Arrival {
  dns::Endpoint client;
  Id id = 0;
  uint32_t serial = 0;
  Access access = Access::None;
  Grade grade = Grade::Unknown;
  Places::Place place;
  uint32_t listener = 0;       // which of listen.smtp
  bool introduced = false;     // by a balancer, whose connection it is
  bool must_secure = false;    // TLS is required there
  bool may_introduce = false;  // it may say for whom it speaks (access.xclient_from)
};

}  // namespace ravelin::proxy
