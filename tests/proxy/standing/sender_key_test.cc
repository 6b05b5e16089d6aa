#include <catch2/catch.hpp>

#include "proxy/standing/greylist.h"

using namespace ravelin;
using proxy::normalise_sender;

TEST_CASE("per-message parts of a sender are made equal") {
  struct Row {
    const char* local;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"alice", "alice@x.example"},
      {"Alice", "alice@x.example"},
      {"bounce-12345-67", "bounce-#-#@x.example"},
      {"list2", "list#@x.example"},
      {"list-bounces+bob=home.example", "list-bounces@x.example"},
      {"+odd", "+odd@x.example"},  // nothing before it: kept
      {"SRS0=HhHh=TT=other.example=alice", "other.example=alice@x.example"},
      {"srs0+abcd=5K=other.example=alice", "other.example=alice@x.example"},
      {"SRS1=XyXy=fwd.example==HhHh=TT=other.example=alice", "other.example=alice@x.example"},
      {"SRS0=broken", "srs#=broken@x.example"},
      {"prvs=2345abcdef=alice", "alice@x.example"},
      {"prvs=2345abcdef", "prvs=#@x.example"},
      {"0102018f5c6d7e8f-1a2b3c4d-000000", "#-#-#@x.example"},
      {"bounces-9f8e7d6c5b4a", "bounces-#@x.example"},
      {"facade", "facade@x.example"},  // hexadecimal, but a word
      {"deadbeefcafe", "deadbeefcafe@x.example"},
      {"user1name2", "user#name#@x.example"},
  }));
  CAPTURE(row.local);
  CHECK(normalise_sender({row.local, "x.example"}) == row.want);
}

TEST_CASE("a null sender is nobody else") {
  CHECK(normalise_sender({}) == "@");
  CHECK(normalise_sender({"", "x.example"}) != normalise_sender({}));
}
