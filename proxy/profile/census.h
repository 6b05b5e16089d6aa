// Who was there, and how they behaved, counted from the accounts of dialogs: what an episode's
// report is made of. A source is a client's address (IPv6: its /64). Whoever delivered something in
// that time is no suspect, whatever else it did.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ravelin::proxy {

class Census {
 public:
  static constexpr size_t kMaxSources = 200'000;
  static constexpr size_t kExamples = 10;

  // One account, as DialogRecord or no_place_entry() wrote it, standing for |count| dialogs, the
  // last of which ended at |last_ms|. Best given newest first: what a source did before its first
  // delivery is then known to be a good sender's. What cannot be read is counted as such.
  void add(std::string_view account, uint32_t count, int64_t last_ms);
  // Everything that was counted; at most |sources| addresses are named, who came most first.
  nlohmann::json report(size_t sources) const;
  bool empty() const { return sources_.empty(); }
  // Each suspect and each of their dialog prints, once.
  void each_source(const std::function<void(std::string_view source)>& call) const;
  void each_print(const std::function<void(uint64_t print)>& call) const;

 private:
  // What words were counted for, as numbers in |words_|.
  using Word = uint32_t;
  // How many dialogs of one source had a print, and how they ended, if the source ended them.
  struct Print {
    uint64_t print = 0;
    uint64_t dialogs = 0;
    uint64_t quits = 0;
    uint64_t leaves = 0;  // without QUIT
  };
  struct Source {
    uint64_t dialogs = 0;
    uint64_t no_place = 0;
    uint64_t recipients = 0;  // not accepted
    uint64_t null_senders = 0;
    int64_t seen_ms = 0;   // the beginning of the dialog that was added last
    int64_t first_ms = 0;  // when the first dialog began
    int64_t last_ms = 0;
    bool delivered = false;
    bool merged = false;
    Word country = 0, network = 0, name_class = 0, stack = 0, helo = 0;
    std::vector<uint32_t> gaps_ms{};  // between dialogs, the first few
    std::vector<Print> prints{};      // the first few
  };
  // Of all suspects. A print of dialogs that ended early is the one that most of them had that
  // began like it.
  struct Prints {
    struct Total : Print {
      uint64_t sources = 0;
    };
    std::unordered_map<uint64_t, Total> all;
    std::unordered_map<uint64_t, uint64_t> longer;  // a beginning, and what it is counted as

    uint64_t resolve(uint64_t print) const;
    // What |source| had most, 0 if it said nothing.
    uint64_t of(const Source& source) const;
  };
  struct Counts {
    uint64_t dialogs = 0;
    uint64_t sources = 0;
  };

  Word word(std::string_view text);
  void add_times(const nlohmann::json& dialog, Source& source, uint32_t count, int64_t last_ms);
  void add_looks(const nlohmann::json& dialog, Source& source, uint32_t count);
  void add_event(const nlohmann::json& event, Source& source, uint32_t count);
  void add_recipient(const nlohmann::json& event, Source& source, uint32_t count);
  void look_at(const Source& source, const std::string& from, const std::string& to,
               uint32_t count);
  void add_others(const nlohmann::json& dialog, const Source& source);
  void add_good(const nlohmann::json& event);
  Prints prints() const;
  static nlohmann::json listed(const Prints& prints);
  nlohmann::json by(Word Source::*which) const;
  nlohmann::json retries() const;
  nlohmann::json listed(size_t most, const Prints& prints) const;

  std::unordered_map<std::string, Source> sources_;
  std::vector<std::string> words_{""};
  std::unordered_map<std::string, Word> word_numbers_{{"", 0}};
  uint64_t unread_ = 0;
  uint64_t sources_left_out_ = 0;  // dialogs of them

  // Recipients that were not accepted. Of dialogs that became a count not all are known.
  uint64_t looked_at_ = 0;  // those whose sender and recipient are
  uint64_t repeated_ = 0;   // of them, the same client, sender and recipient as before
  uint64_t questions_ = 0;
  double backend_ms_ = 0;
  std::map<std::string, uint64_t> stopped_by_;
  std::map<std::string, uint64_t> sender_domains_;
  std::map<std::string, uint64_t> patterns_;
  std::vector<std::string> senders_, names_;  // examples
  std::unordered_map<size_t, uint32_t> seen_;
  double randomness_ = 0;  // the sum over those that were looked at

  // And the others.
  uint64_t accepted_ = 0, accepted_known_ = 0, deferred_known_ = 0, messages_ = 0;
};

}  // namespace ravelin::proxy
