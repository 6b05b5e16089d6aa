// A stream that turns to TLS on a real socket, as server for clients and as client for backends.
// On the other side OpenSSL, whose octets the script damages on their way, or the script's own
// octets. Nothing is read that was not said, nothing leaves in the clear, the end comes once, and
// with nothing to do the loop rests.
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "fuzz/script.h"
#include "fuzz/tls_peer.h"
#include "proxy/event/connector.h"
#include "proxy/event/faults.h"
#include "proxy/event/loop.h"
#include "proxy/event/socket_pair.h"
#include "proxy/event/system_clock.h"

namespace ravelin::fuzz {
namespace {

using namespace std::chrono_literals;

// What the first octet of an input chooses.
enum Kind : uint8_t {
  kClient = 1,  // we are the client
  kRaw = 2,     // what the script says are octets on the wire
  kOld = 4,     // the other side knows TLS 1.2 at most
  kStrict = 8,  // as server we want TLS 1.3, as client a good certificate
  kOther = 16,  // as client we want one for another name
  kSmall = 32,  // small buffers in the kernel
  kClear = 64,  // something leaves in the clear before
};

constexpr std::string_view kInTheClear = "220 go on\r\n";

const proxy::TlsServer& server(bool strict) {
  static const proxy::TicketKeys keys;
  static const auto make = [](proxy::TlsVersion least) {
    proxy::TlsServerSettings settings;
    settings.certificates = {*proxy::parse_certificate({"x", kCertificate}, {"x", kKey})};
    settings.min_version = least;
    return *proxy::TlsServer::make(settings, keys);
  };
  static const auto any = make(proxy::TlsVersion::Tls12), late = make(proxy::TlsVersion::Tls13);
  return strict ? *late : *any;
}

const proxy::TlsClient& client(bool strict) {
  static const auto make = [](bool verify) {
    proxy::TlsClientSettings settings;
    settings.verify = verify;
    settings.ca = {"x", kCertificate};
    return *proxy::TlsClient::make(settings);
  };
  static const auto any = make(false), verifying = make(true);
  return strict ? *verifying : *any;
}

// All that leaves us once it is TLS: whole records, but for the last one.            RFC 8446 §5.1
class Records {
 public:
  void feed(std::string_view wire) {
    for (const char c : wire) {
      if (left_ > 0) {
        --left_;
        continue;
      }
      head_[size_++] = static_cast<uint8_t>(c);
      if (size_ < head_.size()) continue;
      size_ = 0;
      left_ = head_[3] * 256U + head_[4];
      must(head_[0] >= 20 && head_[0] <= 23 && head_[1] == 3, "what leaves is TLS");
      must(left_ <= 16'384 + 256, "a record has its length");
    }
  }

 private:
  std::array<uint8_t, 5> head_{};
  size_t size_ = 0;
  size_t left_ = 0;
};

class World final : proxy::StreamEvents {
 public:
  World(uint8_t kind, Script script)
      : kind_(kind),
        raw_(is(kRaw)),
        peer_(is(kClient) ? TlsPeer::Side::Server : TlsPeer::Side::Client,
              is(kOld) ? TLS1_2_VERSION : 0) {
    open();
    turn();
    script.play(
        [this](std::string_view words) {
          say(words);
          turn();
        },
        [this](char letter, uint8_t number) {
          act_peer(letter, number);
          act_wire(letter, number);
          if (!ended_ && stream_) act_owner(letter, number);
          turn();
        });
    settle();
    check();
  }

 private:
  bool is(Kind what) const { return (kind_ & what) != 0; }

  void open() {
    const int small = 4096;
    if (is(kSmall)) setsockopt(pair_.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    stream_ = proxy::accepted_stream(loop_, std::move(pair_.ours));
    stream_->set_events(this);
    if (is(kClear)) {
      clear_ = kInTheClear;
      stream_->write(clear_);
    }
    if (is(kClient))
      stream_->start_tls(client(is(kStrict)), is(kOther) ? "other.example" : kServerName);
    else
      stream_->start_tls(server(is(kStrict)), "fuzz");
  }

  // --- our owner ---
  void on_secured(const proxy::TlsFacts& facts) override {
    must(!secured_ && !ended_ && !is(kRaw), "a handshake is done once, by two");
    secured_ = true;
    must(facts.version == "TLSv1.2" || facts.version == "TLSv1.3", "an old version is none");
    must(!facts.cipher.empty() && facts.bits >= 128, "there is encryption");
    if (is(kClient)) must(facts.verified || !is(kStrict), "who must be known is known");
    if (!is(kClient)) must(facts.server_name == kServerName || disturbed_, "the name is heard");
  }
  size_t on_data(std::string_view data) override {
    must(secured_ && !ended_ && !finished_ && !paused_ && !data.empty(), "data comes in its time");
    const auto took = std::min(data.size(), most_);
    got_ += data.substr(0, took);
    return took;
  }
  void on_end(proxy::StreamEnd how) override {
    must(!ended_, "the end comes once");
    ended_ = how;
    if (how == proxy::StreamEnd::TlsFailed) {
      must(!secured_, "what was secured does not fail to be");
      must(!stream_->trouble().empty() && is_one_line(stream_->trouble()), "it is said why");
    }
  }
  void act_owner(char letter, uint8_t number) {
    switch (letter) {
      case 'w':
        return write(number);
      case 'p':
        if (finished_) return;
        number % 2 == 0 ? stream_->pause(proxy::Pause::Waiting)
                        : stream_->resume(proxy::Pause::Waiting);
        paused_ = number % 2 == 0;
        return;
      case 'n':
        most_ = number == 0 ? SIZE_MAX : number;
        return;
      case 'z':
        return stream_->set_read_size(number * size_t{16} + 1);
      case 'o':
        return finish(number);
      case 'j':
        return hand_over();
      default:
        return;
    }
  }
  void write(uint8_t number) {
    if (!secured_ || finished_ || stream_->congested()) return;
    const std::string words(size_t{number} * number + 1, static_cast<char>('a' + number % 26));
    written_ += words;
    ++writes_;
    stream_->write(words);
  }
  void finish(uint8_t number) {
    finished_ = true;
    if (number % 3 == 0) stream_->finish();
    if (number % 3 == 1) stream_->finish_after_peer(1min);
    if (number % 3 == 2) stream_->cut(1min);
  }
  // To another loop's stream, which is of the same loop here.
  void hand_over() {
    if (finished_) return;
    auto parcel = stream_->detach();
    if (parcel.fd < 0) return;
    paused_ = false;
    stream_ = connector_.adopt(std::move(parcel), *this);
  }

  // --- the other side ---
  void say(std::string_view words) {
    if (raw_)
      coming_ += words;
    else
      peer_.say(words);
  }
  void act_peer(char letter, uint8_t number) {
    switch (letter) {
      case 'k':
        for (int i = 0; i <= number / 2 % 40; ++i, ++key_changes_)
          peer_.change_key(number % 2 == 1);
        // OpenSSL 3.0 takes a second wish for an answer to be fatal while a record of ours waits.
        disturbed_ |= key_changes_ > 32 || (number % 2 == 1 && !reads_);
        return;
      case 'g':
        disturbed_ = true;
        return peer_.renegotiate();
      case 'q':
        closed_ = true;
        return peer_.close();
      default:
        return;
    }
  }
  // What happens to its octets on their way.
  void act_wire(char letter, uint8_t number) {
    switch (letter) {
      case 'c':
        chunk_ = number;
        return;
      case 'x':
        reads_ = number % 2 == 1;
        return;
      case 'y':
        raw_ = number % 2 == 1;
        disturbed_ |= raw_;
        return;
      case 'e':
        closed_ = true;
        if (number % 2 == 0) shutdown(pair_.theirs.get(), SHUT_WR);
        if (number % 2 == 1) pair_.theirs.reset();
        return;
      case 'f':
      case 'd':
      case 'i':
      case 'r':
      case 't':
        damage_ = letter;
        where_ = number;
        return;
      default:
        return;
    }
  }
  std::string damaged(std::string flight) {
    if (damage_ == '\0' || flight.empty()) return flight;
    disturbed_ = true;
    const auto at = where_ % flight.size();
    switch (std::exchange(damage_, '\0')) {
      case 'f':
        flight[at] = static_cast<char>(flight[at] ^ (1 << where_ % 8));
        break;
      case 'd':
        flight.erase(at, 1);
        break;
      case 'i':
        flight.insert(at, 1, static_cast<char>(where_));
        break;
      case 'r':
        flight += std::string(flight);
        break;
      default:
        flight.resize(at);
    }
    return flight;
  }

  // --- what follows from it ---
  void turn() {
    const auto done = [this] { return moved_ + got_.size(); };
    const size_t most = 2000 + coming_.size();
    for (size_t round = 0, quiet = 0; quiet < 3; ++round) {
      must(round < most + done(), "with nothing to do it rests");
      const auto before = test::io_calls + done();
      pump();
      quiet = test::io_calls + done() == before ? quiet + 1 : 0;
    }
  }
  void pump() {
    std::string came;
    if (reads_ && pair_.theirs) came = test::read_all(pair_.theirs).bytes;
    moved_ += came.size();
    out_ += came.size();
    const auto clear = std::min(clear_.size(), came.size());
    must(came.substr(0, clear) == clear_.substr(0, clear), "the clear comes first");
    clear_.erase(0, clear);
    came.erase(0, clear);
    records_.feed(came);
    if (!is(kRaw)) coming_ += damaged(peer_.turn(came));
    send();
    loop_.poll();
  }
  // In pieces, but not in thousands.
  void send() {
    if (coming_.empty()) return;
    const bool whole = chunk_ == 0 || ++pieces_ > 200;
    const auto size = whole ? coming_.size() : std::min(chunk_, coming_.size());
    const auto sent =
        pair_.theirs ? ::send(pair_.theirs.get(), coming_.data(), size, MSG_NOSIGNAL) : -1;
    if (sent < 0 && (!pair_.theirs || errno != EAGAIN)) return coming_.clear();
    if (sent <= 0) return;
    moved_ += static_cast<size_t>(sent);
    coming_.erase(0, static_cast<size_t>(sent));
  }
  void settle() {
    reads_ = true;
    chunk_ = 0;
    most_ = SIZE_MAX;
    if (stream_ && !ended_ && !finished_) {
      paused_ = false;
      stream_->pause(proxy::Pause::Waiting);  // what was left comes again
      stream_->resume(proxy::Pause::Waiting);
    }
    turn();
  }
  void check() const {
    must(peer_.said.starts_with(got_), "what is read was said");
    must(written_.starts_with(peer_.got), "what was written arrives");
    must(out_ <= 16'000 + 2 * written_.size() + 100 * (writes_ + key_changes_),
         "nobody makes us say much");
    if (is(kRaw) || disturbed_ || closed_ || finished_) return;
    const bool refused = is(kClient) ? is(kStrict) && is(kOther) : is(kStrict) && is(kOld);
    must(secured_ == !refused && ended_.has_value() == refused, "who can be talked to is");
    must(got_ == peer_.said && peer_.got == written_, "all arrives");
  }

  const uint8_t kind_;
  proxy::Loop loop_{proxy::SystemClock::instance()};
  proxy::SocketConnector connector_{loop_};
  test::SocketPair pair_ = test::unix_pair();
  std::unique_ptr<proxy::Stream> stream_;
  bool secured_ = false, paused_ = false, finished_ = false;
  std::optional<proxy::StreamEnd> ended_;
  size_t most_ = SIZE_MAX;  // octets that are taken at a time
  std::string got_, written_;
  size_t writes_ = 0;

  bool raw_ = false;  // words go onto the wire
  TlsPeer peer_;
  size_t key_changes_ = 0;
  bool disturbed_ = false, closed_ = false;
  char damage_ = '\0';  // to the next that the peer says
  size_t where_ = 0;
  bool reads_ = true;
  size_t chunk_ = 0, pieces_ = 0;
  std::string clear_;   // is to come in the clear
  std::string coming_;  // on its way to us
  Records records_;
  size_t moved_ = 0, out_ = 0;  // octets
};

}  // namespace

// Words are said in TLS, as soon as there is; or with kRaw, and after 'y' of an odd number, on the
// wire. To the next flight: 'f' flips a bit, 'd' drops an octet, 'i' inserts one, 't' cuts the
// rest, 'r' says it twice. 'c' the size of pieces, 'x' does it read, 'e' its end or a reset, 'k'
// new keys, 'g' renegotiation, 'q' close_notify. Our owner: 'w' writes, 'p' pauses, 'n' takes so
// many octets, 'z' reads so many, 'o' finishes in three ways, 'j' hands over.
void run(std::string_view input) {
  Repeated::begin();
  test::count_io();
  Script script(input);
  const auto kind = script.octet();
  World world(kind, script);
}

}  // namespace ravelin::fuzz
