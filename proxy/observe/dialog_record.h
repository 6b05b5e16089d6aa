// What happened in one dialog and why, put down as it goes, in JSON: the ring, history.db,
// `explain` and the dashboard all have it from here. Everything that a client said is escaped, and
// all of it is bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dns/reactor.h"
#include "proxy/event/clock.h"
#include "proxy/observe/journal.h"
#include "proxy/state/hash.h"

namespace ravelin::proxy {

// How dialogs are put down; the same for all.
struct RecordOptions {
  // Local parts are replaced by a keyed hash, and texts that may quote them are left out.
  bool hash_addresses = false;
  HashKey key{};
};

// |address| ("user@example.com", "" for the null sender) as it is put down: as it is, or as
// "~0123456789abcdef@example.com".
std::string recorded_address(std::string_view address, const RecordOptions& options);

// Calls |each| for each RCPT that the text of a DialogRecord has, with its sender and recipient as
// they stand in it: JSON strings with their quotes, of at most 400 octets together.
void each_recipient(std::string_view account,
                    const std::function<void(std::string_view from, std::string_view to)>& each);

// Where a client is, as far as that is known.
struct DialogOrigin {
  std::string_view name_class;  // "dynamic", "generic", "named", "none"
  std::string country;          // "DE"
  uint32_t asn = 0;
  std::string organisation;
};

class DialogRecord {
 public:
  // |began|: Reactor::now() when the client came.
  DialogRecord(dns::Time began, const RecordOptions& options) : began_(began), options_(options) {}

  // Each throws std::bad_alloc and has then put down nothing. |now| is of Reactor::now().
  void refused(const Refusal& refusal, dns::Time now);
  void decided(const Decision& decision, dns::Time now);
  void delivered(const Delivered& delivered, const smtp::Reply& reply, dns::Time now);
  // Its recipients hear 250 from here on, although they are refused; |rule| is a constant.
  void capturing(std::string_view rule, dns::Time now);
  // The message was kept to look at, |size| octets came, and the client heard |reply|.
  void captured(Id transaction, uint64_t size, const smtp::Reply& reply, dns::Time now);
  void secured(const Secured& tls, dns::Time now);
  void pregreet(size_t octets, dns::Time now);
  // How it ended: "timeout", "lost connection"; a constant. The first word counts.
  void ended(std::string_view what, std::string_view after);

  // Who it seems to be: a constant, and a number for its habits.
  void set_stack(std::string_view stack) { stack_ = stack; }
  void set_print(uint64_t print) { print_ = print; }

  // The whole of it as one JSON object. |wall| and |now| are the same moment.
  std::string text(const DialogInfo& dialog, const DialogOrigin& origin, VerbCounts counts,
                   Wall wall, dns::Time now) const;
  // Dialogs with the same number were alike, but for their times, ids, senders (the null sender is
  // not like others) and recipients.
  uint64_t alike(const DialogInfo& dialog) const;
  // Did anything come of it, for somebody?
  bool fruitful() const { return fruitful_; }

 private:
  class Event;

  const dns::Time began_;
  const RecordOptions options_;
  std::string events_;     // JSON objects, with commas between
  uint32_t left_out_ = 0;  // events for which there was no room
  bool fruitful_ = false;
  uint64_t alike_ = 0;
  uint64_t print_ = 0;
  std::string_view stack_;
  std::string_view end_;
  std::string_view after_;
};

}  // namespace ravelin::proxy
