// DNS messages by hand, right and wrong.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dns/message.h"
#include "dns/name.h"

namespace ravelin::test {

inline std::string be16(int value) {
  return {static_cast<char>(value >> 8 & 255), static_cast<char>(value & 255)};
}
inline std::string be32(uint32_t value) {
  return be16(static_cast<int>(value >> 16)) + be16(static_cast<int>(value & 0xffff));
}
inline std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Labels as given: no check, so that bad ones can be written too. "" is the root.
inline std::string wire_name(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const auto label = text.substr(0, text.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    text.remove_prefix(label.size() == text.size() ? label.size() : label.size() + 1);
  }
  return wire += '\0';
}

struct WireMessage {
  int id = 0;
  int flags = 0x8180;  // an answer, recursion desired and available
  std::string question_name;
  int question_type = 1;
  int questions = 1;
  std::string answers, authority, additional;
  int answer_count = 0, authority_count = 0, additional_count = 0;

  static WireMessage answer_to(std::string name, dns::RrType type) {
    WireMessage message;
    message.question_name = std::move(name);
    message.question_type = static_cast<int>(type);
    return message;
  }
  WireMessage& rcode(int value) {
    flags = (flags & ~15) | value;
    return *this;
  }
  WireMessage& truncate() {
    flags |= 0x0200;
    return *this;
  }
  static std::string record(std::string_view owner, dns::RrType type, std::string_view data,
                            uint32_t ttl) {
    return wire_name(owner) + be16(static_cast<int>(type)) + be16(1) + be32(ttl) +
           be16(static_cast<int>(data.size())) + std::string(data);
  }
  WireMessage& add(std::string_view owner, dns::RrType type, std::string_view data,
                   uint32_t ttl = 300) {
    answers += record(owner, type, data, ttl);
    ++answer_count;
    return *this;
  }
  WireMessage& a(std::string_view owner, std::string_view bytes, uint32_t ttl = 300) {
    return add(owner, dns::RrType::A, bytes, ttl);
  }
  WireMessage& ptr(std::string_view owner, std::string_view target, uint32_t ttl = 300) {
    return add(owner, dns::RrType::Ptr, wire_name(target), ttl);
  }
  WireMessage& cname(std::string_view owner, std::string_view target, uint32_t ttl = 300) {
    return add(owner, dns::RrType::Cname, wire_name(target), ttl);
  }
  WireMessage& soa(std::string_view zone, uint32_t ttl, uint32_t minimum) {
    const auto data =
        wire_name("ns") + wire_name("root") + be32(1) + be32(2) + be32(3) + be32(4) + be32(minimum);
    authority += record(zone, dns::RrType::Soa, data, ttl);
    ++authority_count;
    return *this;
  }

  std::string bytes() const {
    return be16(id) + be16(flags) + be16(questions) + be16(answer_count) + be16(authority_count) +
           be16(additional_count) + wire_name(question_name) + be16(question_type) + be16(1) +
           answers + authority + additional;
  }
};

}  // namespace ravelin::test
