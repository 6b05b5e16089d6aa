// The interface of DNS look-ups. Who asks knows nothing of c-ares, caches or threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dns/ip.h"
#include "dns/reactor.h"

namespace ravelin::dns {

enum class Type : uint8_t { A, Aaaa, Ptr, Mx };

// "No" and "don't know" are never mixed up: a TempFail (SERVFAIL, REFUSED, timeout, a broken or
// truncated answer, no memory) must not count against anybody.
enum class Status : uint8_t {
  Ok,        // at least one record of the type asked for
  NoName,    // NXDOMAIN: the name does not exist
  NoData,    // the name exists, but has no record of this type
  TempFail,  // we don't know
};

struct MxRecord {
  uint16_t preference = 0;
  std::string exchange;  // "" for the null MX (RFC 7505)
  bool operator==(const MxRecord&) const = default;
};

// Names come without the last dot and in lower case. Names that are not host names
// (dns/name.h) are left out of |names|; an exchange that is not one makes its record left out.
struct Answer {
  Status status = Status::TempFail;
  std::vector<IpAddress> addresses;  // A, Aaaa
  std::vector<std::string> names;    // Ptr
  std::vector<MxRecord> mx;          // Mx, best preference first
  // There was more: broken records, those beyond the bounds (dns/answer.h), exchanges that are no
  // host names. What is not found here may be there, then.
  bool partial = false;
};

struct Question {
  Type type = Type::A;
  std::string name;  // for Ptr the reverse name (IpAddress::reverse_name)
  bool operator==(const Question&) const = default;
};

// Who chose the name that is asked for: names under a client's control use a channel of their own,
// so that what their servers do cannot delay or break other look-ups.
enum class Trust : uint8_t { Ours, Theirs };

// For whom it is asked: a stranger's question leaves a quarter of those that may be on their way at
// once to others. A question without a stranger is written as its Trust alone.
struct Asker {
  constexpr Asker(Trust of, bool is_stranger = false) : trust(of), stranger(is_stranger) {}
  Trust trust;
  bool stranger;
};

// One per thread. The cache behind it is shared by all threads.
class Resolver {
 public:
  using Callback = std::function<void(const Answer&)>;

  virtual ~Resolver() = default;

  // Answers now by value (from the cache), or later through |done|, never both. In the second case
  // |query| owns the question: destroying it ends it, and |done| is called at the end of a loop
  // turn, never from inside a C library's callback. |limit| bounds the wait; when it has passed,
  // the answer is TempFail. The question itself may go on, for the cache and for others.
  virtual std::optional<Answer> ask(const Question& question, Asker asker,
                                    std::chrono::milliseconds limit, Handle& query,
                                    Callback done) = 0;
};

}  // namespace ravelin::dns
