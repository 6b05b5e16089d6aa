// Mailboxes and domains in commands.                     RFC 5321 §4.1.2, RFC 6531 §3.3
#pragma once

#include <string>
#include <string_view>

namespace ravelin::smtp {

// local-part@domain. |local| is in its shortest form: quotes only where they are needed (RFC 5321
// §4.1.2: "a"@x and a@x are one mailbox). |domain| is lower case, or an address literal with its
// brackets as sent. Both empty: the null reverse-path. Only the domain empty: <postmaster>.
struct Address {
  std::string local;
  std::string domain;

  bool null() const { return local.empty() && domain.empty(); }
  bool utf8() const;              // some byte above 127: needs SMTPUTF8
  std::string to_string() const;  // "local@domain", "postmaster", or ""; fit for a command
  std::string path() const;       // "<local@domain>"

  bool operator==(const Address&) const = default;
};

// RFC 1123 §2.1, RFC 5321 §4.1.2: letters, digits and inner hyphens in labels of 1 to 63 octets,
// 255 in all; no last dot. |of_mail|: what stands behind "@" in the field may have underscores
// besides, and U-labels (RFC 6531 §3.3), by their bytes.
bool is_domain(std::string_view text, bool of_mail = false);
// "[192.0.2.1]", "[IPv6:2001:db8::1]"; general address literals are refused.   RFC 5321 §4.1.3
bool is_address_literal(std::string_view text);
// A domain with at least one dot whose last label is not all digits.
bool is_fqdn(std::string_view text);

std::string to_lower(std::string_view text);  // ASCII only

}  // namespace ravelin::smtp
