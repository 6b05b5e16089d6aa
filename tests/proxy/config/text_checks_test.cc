#include <catch2/catch.hpp>

#include "proxy/config/param.h"

namespace ravelin::proxy {
namespace {

struct Row {
  TextCheck check;
  std::string text;
  bool fine;
};

void check_row(const Row& row) {
  CAPTURE(row.text);
  CHECK((row.check(row.text) == nullptr) == row.fine);
}

TEST_CASE("Names") {
  const std::string label63(63, 'a');
  const auto row = GENERATE_COPY(values<Row>({
      {check_hostname, "mx.example.net", true},
      {check_hostname, "localhost", true},
      {check_hostname, "xn--bcher-kva.example", true},
      {check_hostname, "1and1.example", true},
      {check_hostname, label63 + ".example", true},
      {check_hostname, label63 + "a.example", false},
      {check_hostname, label63 + '.' + label63 + '.' + label63 + '.' + std::string(61, 'a'), true},
      {check_hostname, label63 + '.' + label63 + '.' + label63 + '.' + std::string(62, 'a'), false},
      {check_hostname, "", false},
      {check_hostname, ".example", false},
      {check_hostname, "example.", false},
      {check_hostname, "a..example", false},
      {check_hostname, "-a.example", false},
      {check_hostname, "a-.example", false},
      {check_hostname, "a_b.example", false},
      {check_hostname, "192.0.2.1", false},
      {check_hostname, "[192.0.2.1]", false},
      {check_hostname,
       "b\xc3\xbc"
       "cher.example",
       false},
      {check_hostname, "a b.example", false},
      {check_hostname, std::string("a\0b", 3), false},
      {check_domain, "example.com", true},
      {check_domain, ".example.com", true},
      {check_domain, ".", false},
      {check_domain, "..example.com", false},
      {check_domain, "*.example.com", false},
      {check_domain, "@example.com", false},
  }));
  check_row(row);
}

TEST_CASE("Addresses, networks and ports") {
  const auto row = GENERATE(values<Row>({
      {check_cidr, "192.0.2.1", true},
      {check_cidr, "192.0.2.0/24", true},
      {check_cidr, "2001:db8::/32", true},
      {check_cidr, "0.0.0.0/0", true},
      {check_cidr, "192.0.2.1/24", false},
      {check_cidr, "192.0.2.0/33", false},
      {check_cidr, "192.0.2", false},
      {check_cidr, "example.com", false},
      {check_endpoint, "0.0.0.0:25", true},
      {check_endpoint, "[::]:25", true},
      {check_endpoint, "192.0.2.1", false},
      {check_endpoint, "192.0.2.1:0", false},
      {check_endpoint, "192.0.2.1:65536", false},
      {check_endpoint, ":::25", false},
      {check_endpoint, "localhost:25", false},
      {check_host_port, "mail.internal:25", true},
      {check_host_port, "mail_server:25", true},
      {check_host_port, "192.0.2.1:25", true},
      {check_host_port, "[2001:db8::1]:25", true},
      {check_host_port, "mail.internal", false},
      {check_host_port, "mail.internal:", false},
      {check_host_port, "mail.internal:0", false},
      {check_host_port, "mail.internal:025", false},
      {check_host_port, "mail.internal:65536", false},
      {check_host_port, "mail.internal:99999999999", false},
      {check_host_port, "mail.internal:smtp", false},
      {check_host_port, ":25", false},
      {check_host_port, "192.0.2.300:25", false},
      {check_host_port, "2001:db8::1:25", false},
      {check_dns_server, "127.0.0.1", true},
      {check_dns_server, "127.0.0.1:5353", true},
      {check_dns_server, "::1", true},
      {check_dns_server, "[::1]:5353", true},
      {check_dns_server, "localhost", false},
      {check_dns_server, "127.0.0.1:0", false},
  }));
  check_row(row);
}

TEST_CASE("Entries of lists, codes, paths") {
  const auto row = GENERATE(values<Row>({
      {check_mailbox, "user@example.com", true},
      {check_mailbox, "a#b@example.com", true},
      {check_mailbox, "user@", false},
      {check_mailbox, "@example.com", false},
      {check_mailbox, "user", false},
      {check_mailbox, "us er@example.com", false},
      {check_mailbox, "<user@example.com>", false},
      {check_mailbox, "a@b@example.com", false},
      {check_mailbox, std::string(64, 'u') + "@example.com", true},
      {check_mailbox, std::string(65, 'u') + "@example.com", false},
      {check_mailbox_pattern, "user@example.com", true},
      {check_mailbox_pattern, "user@", true},
      {check_mailbox_pattern, "@example.com", true},
      {check_mailbox_pattern, "@", false},
      {check_mailbox_pattern, "example.com", false},
      {check_client_pattern, "192.0.2.0/24", true},
      {check_client_pattern, "mail.example.com", true},
      {check_client_pattern, ".example.com", true},
      {check_client_pattern, "192.0.2.1/24", false},
      {check_no_user_code, "5.4.1", true},
      {check_no_user_code, "5.123.123", true},
      {check_no_user_code, "4.4.1", false},
      {check_no_user_code, "5.4", false},
      {check_no_user_code, "5..1", false},
      {check_no_user_code, "5.4.1.1", false},
      {check_no_user_code, "5.1234.1", false},
      {check_no_user_code, "550", false},
      {check_word, "postfix", true},
      {check_word, "post fix", false},
      {check_word, "post\nfix", false},
      {check_socket_path, "/run/ravelin/ctl.sock", true},
      {check_socket_path, "/" + std::string(106, 'a'), true},
      {check_socket_path, "/" + std::string(107, 'a'), false},
      {check_socket_path, "ctl.sock", false},
      {check_loopback, "127.0.0.1:9025", true},
      {check_loopback, "127.3.2.1:9025", true},
      {check_loopback, "[::1]:9025", true},
      {check_loopback, "0.0.0.0:9025", false},
      {check_loopback, "[::]:9025", false},
      {check_loopback, "192.0.2.1:9025", false},
      {check_loopback, "[2001:db8::1]:9025", false},
      {check_loopback, "127.0.0.1:0", false},
      {check_loopback, "localhost:9025", false},
  }));
  check_row(row);
}

}  // namespace
}  // namespace ravelin::proxy
