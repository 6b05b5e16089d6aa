// Domain names: as text (what people and dialogs use) and as they stand in a DNS message.
//
// Names arrive from strangers. Text that has passed is_host_name() is safe in logs, headers and
// replies; no other name is ever put there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ravelin::dns {

// Letters, digits and hyphens; labels of 1 to 63 that neither begin nor end with a hyphen; 253 in
// all; no last dot; the last label not all digits, so that "192.0.2.1" is no name.
//                                                               RFC 1123 §2.1, RFC 952
// No underscore: it is legal in DNS, but no host has one (RFC 8552 reserves it).
bool is_host_name(std::string_view text);

// Whether it makes sense to look |text| up: as above, but an underscore or hyphen anywhere, because
// mail domains and CNAME targets with one exist.
bool is_query_name(std::string_view text);

// Lower case (ASCII only), without one last dot: the form in which names are compared and kept.
std::string canonical_name(std::string_view text);

// A name in wire format (RFC 1035 §3.1) without compression, in lower case, the root label
// included: equal names have equal bytes, whatever their labels contain.
using WireName = std::string;

// |text| must be a query name.
WireName to_wire(std::string_view text);

// Reads the name at |at| of |message| and moves |at| behind it. nullopt if it leaves the message,
// is longer than 255 bytes, has a reserved label type, or does not compress strictly backwards
// (RFC 1035 §4.1.4: "a prior occurance"), which is what makes a loop impossible.
std::optional<WireName> read_name(std::span<const uint8_t> message, size_t& at);

// The canonical text of |name| if that is a host name, else "". The root is not a host name.
std::string host_name_of(const WireName& name);

}  // namespace ravelin::dns
