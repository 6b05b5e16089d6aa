// A client's whole dialog: real session, checks, greylist and standing over a memory stream; a fake
// backend and DNS that the script makes say anything at any time. Custody: what the client hears of
// its messages is what the backend said.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/client_model.h"
#include "fuzz/script.h"
#include "proxy/session/harness.h"
#include "support/temp_dir.h"

namespace ravelin::fuzz {
namespace {

using test::Harness;

// What the first octet of an input chooses.
enum Kind : uint8_t {
  kGreylist = 1,
  kPause = 2,
  kShadow = 4,
  kNormalise = 8,
  kOffers = 16,  // everything that a backend may offer, and STARTTLS
  kTight = 32,   // few errors, short waits, small messages; a STARTTLS that is offered is a must
  kNoName = 64,
  kGood = 128,  // allow-listed
};

std::shared_ptr<const proxy::Config> config_of(uint8_t kind) {
  static std::array<std::shared_ptr<const proxy::Config>, 256> known;
  if (known[kind]) return known[kind];
  std::string toml = "[checks.early_talker]\npause = '";
  toml += (kind & kPause) != 0 ? "2s'\n" : "0s'\n";
  if ((kind & kGreylist) != 0) toml += "[greylist]\ndelay = '1m'\n";
  if ((kind & kNormalise) != 0) toml += "[relay]\nline_endings = 'normalise'\n";
  if ((kind & kTight) != 0) {
    toml += "[limits]\nerrors = 3\njunk_commands = 5\ncommand_timeout = '20s'\n";
    toml += "data_timeout = '10s'\nhandshake_timeout = '5s'\nmessage_size = '100kB'\n";
  }
  toml += "[access]\nxclient_from = ['192.0.2.9']\n";  // kNoName's
  if ((kind & kGood) != 0) toml += "allow = ['192.0.2.1']\n";
  const auto* const mode = (kind & kShadow) != 0 ? "mode = 'shadow'" : "";
  return known[kind] = Harness::load(toml, mode);
}

// No 421 among them: what a backend says in parting is for its worker to put in other words.
const smtp::Reply kReplies[] = {
    {250, {1, 5}, "fine"},  {550, {1, 1}, "User unknown"},
    {451, {3, 0}, "later"}, {452, {5, 3}, "too many"},
    {554, {7, 1}, "no"},    {450, {2, 1}, "not now"},
    {250, "so be it"},      {554, "a very long text " + std::string(1000, '.')}};

// Takes whatever it may, of all runs.
proxy::Captures& captures() {
  static const test::TempDir directory;
  static test::ManualClock clock;
  static proxy::Captures all(clock, [](const std::string&) {});
  [[maybe_unused]] static const bool begun = [] {
    const auto settings = Harness::load(
                              "[capture]\nwhen = 'always'\nsample = '100%'\nmessages = 10\n"
                              "message_size = '1kB'\nkeep = '3650d'\ndisk_free = '0B'\n")
                              ->capture;
    all.configure(settings);
    all.start(directory.path().string());
    all.settle();
    return true;
  }();
  return all;
}

class Dialog {
 public:
  Dialog(uint8_t kind, Script script) : kind_(kind), mx_(config_of(kind)) {
    if ((kind & kNoName) != 0) mx_.resolver().later = true;
    if ((kind & kOffers) != 0) {
      auto& offers = mx_.verifier().capabilities;
      offers.smtputf8 = offers.dsn = offers.pipelining = true;
      offers.requiretls = true;
      offers.size_limit = 100'000;
      offers.rcpt_max = 200;
      mx_.tls = true;
      mx_.must_secure = (kind & kTight) != 0;
    }
    player_ = &mx_.connect((kind & kNoName) != 0 ? "192.0.2.9" : "192.0.2.1");
    look();
    script.play([this](std::string_view words) { say(words); },
                [this](char letter, uint8_t number) {
                  act(letter, number);
                  look();
                });
    settle();
    check();
    end();
  }

 private:
  test::MemoryPeer& peer() const { return player_->peer(); }
  bool alive() const { return peer().stream != nullptr && !peer().finished; }

  void say(std::string_view words) {
    if (!alive()) return;
    if (!peer().securing) (in_tls_ ? *in_tls_ : said_) += words;
    peer().stream->send(words, chunk_);
    mx_.loop().run();
    shake_hands();
    look();
  }
  // What has come meanwhile in the clear makes it fail.
  void shake_hands() {
    if (!alive() || !peer().securing || handshake_ == 2) return;
    look();
    if (handshake_ == 1) {
      peer().securing = false;
      mx_.leave(*player_, proxy::StreamEnd::TlsFailed);
      return;
    }
    peer().stream->secured({.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"});
    mx_.loop().run();
    if (alive()) in_tls_.emplace();
  }
  void act(char letter, uint8_t number) {
    if (act_backend(letter, number) || peer().stream == nullptr) return;
    switch (letter) {
      case 'c':
        chunk_ = number % 16;
        break;
      case 't':
        if (waited_ < 1000) mx_.wait(std::chrono::seconds(number));
        waited_ += number;
        break;
      case 'e':
        mx_.leave(*player_, number % 2 == 1 ? proxy::StreamEnd::Reset : proxy::StreamEnd::Eof);
        break;
      case 'w':
        peer().congested = number % 2 == 0;
        if (!peer().congested) peer().stream->drained();
        break;
      case 'x':
        if (mx_.session_lives()) mx_.session().shut_down(number % 2 == 1);
        break;
      case 'h':
        handshake_ = number % 3;
        shake_hands();
        break;
      case 'p':
        mx_.capturing = &captures();
        break;
      case 'q':
        mx_.resolver().later = (number & 1) != 0;
        mx_.resolver().silent = (number & 2) != 0;
        break;
      default:
        break;
    }
    mx_.loop().run();
  }
  bool act_backend(char letter, uint8_t number) {
    auto& backend = mx_.verifier();
    const auto& reply = kReplies[number % std::size(kReplies)];
    switch (letter) {
      case 'a':
        backend.refuse("b@mx.example", reply, reply.code == 550);
        return true;
      case 'd':
        backend.to_data = reply.positive() ? smtp::Reply(354, "go on") : reply;
        return true;
      case 'f':
        backend.to_text = reply;
        return true;
      case 's':
        backend.silent = number % 2 == 0;
        if (backend.last != nullptr && number % 4 == 3) backend.answer_now();
        break;
      case 'm':
        backend.room = size_t{number} * 16;
        if (backend.last != nullptr && number % 2 == 1) backend.give_room();
        break;
      case 'l':
        if (backend.last != nullptr && (in_text() || mx_.session().in_custody())) backend.lose();
        break;
      case 'k':
        backend.capabilities.smtputf8 = (number & 1) != 0;
        backend.capabilities.eightbitmime = (number & 2) != 0;
        backend.capabilities.dsn = (number & 4) != 0;
        backend.capabilities.requiretls = (number & 8) != 0;
        backend.capabilities.rcpt_max = number / 16U;
        break;
      default:
        return false;
    }
    mx_.loop().run();
    return true;
  }
  // The client's last reply was a 354.
  bool in_text() const {
    const auto line = heard_.rfind("\r\n", heard_.size() < 2 ? 0 : heard_.size() - 3);
    return line != heard_.npos && heard_.compare(line + 2, 3, "354") == 0;
  }
  // After each step: what was heard, and which messages the backend said it has taken.
  void look() {
    must(!peer().congested || peer().received.size() < 20'000,
         "who does not read is not written to");
    if (!peer().congested) heard_ += peer().take();
    if (peer().stream != nullptr)
      must(peer().stream->untaken() <= 65'536, "of what was not understood yet little is kept");
    const auto& messages = mx_.verifier().messages;
    for (; seen_ < messages.size(); ++seen_) {
      check_text(messages[seen_].text);
      if (mx_.verifier().to_text.positive()) taken_.push_back(messages[seen_].text);
    }
  }
  void check_text(std::string_view text) const {
    must(is_clean(text) && text.ends_with("\r\n"), "what the backend gets is clean");
    must(text.starts_with("Received: from "), "our Received: comes first");
    const auto by = text.substr(0, text.find("\r\n", text.find("\r\n\tby ") + 2));
    const bool tls = by.find(" (TLSv1.3 ") != by.npos;
    must(tls == in_tls_.has_value(), "our Received: tells of TLS");
  }

  // Everybody says what they have to say, as long as it takes; there is no sweep, so no patience
  // ends.
  void settle() {
    auto& backend = mx_.verifier();
    backend.silent = false;
    backend.room = SIZE_MAX;
    peer().congested = false;
    for (int round = 0; round < 3; ++round) {
      if (backend.last != nullptr) backend.answer_now();
      mx_.loop().run();
      if (backend.last != nullptr) backend.give_room();
      if (peer().stream != nullptr) peer().stream->drained();
      mx_.loop().advance(std::chrono::seconds(10));  // no look-up takes longer
      look();
    }
  }
  void check() const {
    const bool closed = peer().finished || peer().destroyed;
    const ClientFacts facts{.normalise = (kind_ & kNormalise) != 0,
                            .closed = closed,
                            .front = (kind_ & kNoName) != 0,
                            .tls = mx_.tls,
                            .must_secure = mx_.must_secure};
    const ClientModel model(said_, in_tls_ ? &*in_tls_ : nullptr, split_replies(heard_), facts);
    auto next = taken_.begin();
    for (const auto& text : model.taken()) {
      while (next != taken_.end() && !is_message(*next, text)) ++next;
      must(next != taken_.end(), "a message that was taken is with the backend");
      ++next;
    }
  }
  // Below our Received: is what the client sent, and nothing else.
  static bool is_message(std::string_view at_backend, std::string_view text) {
    if (!at_backend.ends_with(text)) return false;
    auto trace = at_backend.substr(0, at_backend.size() - text.size());
    trace.remove_prefix(std::min(trace.size(), trace.find("\r\n") + 2));
    while (trace.starts_with('\t')) trace.remove_prefix(trace.find("\r\n") + 2);
    return trace.empty();
  }
  void end() {
    if (peer().stream != nullptr) mx_.leave(*player_);
    mx_.loop().run();
    must(mx_.ended == 1, "a session is retired once");
    must(!mx_.session_lives(), "a session that is retired is destroyed");
    must(peer().destroyed, "the connection is closed");
    must(mx_.verifier().open == 0, "no transaction is left behind");
    must(mx_.loop().live_timers() == 0, "no timer is left behind");
    if (mx_.capturing == nullptr) return;
    captures().settle();
    must(captures().stats().under_way == 0,
         "no place among those that are captured is left behind");
  }

  const uint8_t kind_;
  Harness mx_;
  test::DialogPlayer* player_ = nullptr;
  size_t chunk_ = 0;
  size_t waited_ = 0;  // seconds
  std::string said_, heard_;
  std::optional<std::string> in_tls_;  // what was said behind the handshake
  uint8_t handshake_ = 0;              // 0 is done, 1 fails, 2 takes long
  size_t seen_ = 0;                    // messages looked at
  std::vector<std::string> taken_;     // their texts, if the backend's last word was positive
};

}  // namespace

void run(std::string_view input) {
  Script script(input);
  const auto kind = script.octet();
  Dialog dialog(kind, script);
}

}  // namespace ravelin::fuzz
