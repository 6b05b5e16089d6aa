#include "smtp/reply.h"

#include <catch2/catch.hpp>

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;

TEST_CASE("A reply on the wire has its code on each line, and the class digit of the code") {
  CHECK(to_wire({250, "mx.example"}) == "250 mx.example\r\n");
  CHECK(to_wire({550, Enhanced{1, 1}, "User unknown"}) == "550 5.1.1 User unknown\r\n");
  CHECK(to_wire({250, Enhanced{0, 0}, ""}) == "250 2.0.0 \r\n");
  Reply several{451, Enhanced{7, 1}, "one"};
  several.lines.push_back("two");
  several.lines.push_back("");
  CHECK(to_wire(several) == "451-4.7.1 one\r\n451-4.7.1 two\r\n451 4.7.1 \r\n");
}

TEST_CASE("append_wire goes behind what is there") {
  std::string out = "before ";
  append_wire({221, "bye"}, out);
  CHECK(out == "before 221 bye\r\n");
}

TEST_CASE("A reply line is never longer than 512 octets") {
  const std::string wire = to_wire({550, Enhanced{1, 1}, std::string(1000, 'x')});
  CHECK(wire.size() == 512);
  CHECK(wire.substr(509) == "x\r\n");
}

TEST_CASE("Parts of a reply") {
  Reply reply{452, Enhanced{5, 3}, "a"};
  reply.lines.push_back("");
  reply.lines.push_back("b");
  CHECK(reply.status() == "4.5.3");
  CHECK(reply.text() == "a b");
  CHECK(Reply(354, "go").status().empty());
  CHECK(reply.transient());
  CHECK_FALSE(reply.positive());
  CHECK(Reply(354, "go").positive());
  CHECK(Reply(550, "no").permanent());
}

TEST_CASE("sanitise leaves printable ASCII and single spaces") {
  CHECK(sanitise("User  unknown") == "User unknown");
  CHECK(sanitise(" \t a\r\n250 forged \n") == "a 250 forged");
  CHECK(sanitise("\x1b[31mred\x7f\0"sv) == "?[31mred??");
  CHECK(sanitise("\xc3\xa9") == "??");
  CHECK(sanitise("") == "");
  CHECK(sanitise("abcdef", 3) == "abc");
  CHECK(sanitise("ab cdef", 3) == "ab");
  CHECK(sanitise("abc", 0) == "");
}

}  // namespace
}  // namespace ravelin::smtp
