// One TCP connection to the server under test, in the clear or in TLS, line by line. It can be
// opened again after its end: a bot has the same one all its life.
#pragma once

#include <event2/event_struct.h>

#include <memory>
#include <string>
#include <string_view>

#include "tests/bench/drill/loop.h"
#include "tests/bench/drill/tls.h"

namespace ravelin::drill {

enum class Loss { Refused, Closed };  // never connected; was connected

class Connection {
 public:
  class Owner {
   public:
    virtual void on_line(std::string_view line) = 0;
    virtual void on_secured() = 0;
    // The other side has ended it, or the network has. The connection is closed already.
    virtual void on_lost(Loss loss) = 0;

   protected:
    ~Owner() = default;
  };

  // |loop| and |owner| outlive it. Owners are called inside a call of theirs only where that says
  // so, and may do all but destroy the connection.
  Connection(Loop& loop, Owner& owner, Turn turn);
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False, with errno, if this machine has no socket, port or address for it. |source| may be null.
  // With |small_window| little of the other side's output fits into the kernel.
  bool open(const Endpoint& target, const Endpoint* source, bool small_window);
  bool is_open() const { return fd_ >= 0; }
  bool secured() const { return tls_ != nullptr; }
  // Kept until it can be sent. An error is told by on_lost(), later.
  void send(std::string_view bytes);
  bool sent_all() const { return output_.empty(); }
  // Starts the handshake.
  void secure(const TlsContext& context);
  // From now on the loop does not look for input, nor for the end.
  void stop_reading();
  // Reads a few octets, and may call the owner's on_line().
  void read_little();
  // Calls the owner's on_lost() if the other side has ended the connection.
  void look_for_end();
  // At once. Unread input makes a RST of it.
  void close();

 private:
  void on_event(short what);
  void on_connected();
  void on_readable();
  void handshake();
  void flush();
  void want_write(bool wanted);
  // False when the connection has ended, or is another one by now.
  bool take(std::string_view bytes);
  void lose(Loss loss);

  Loop& loop_;
  Owner& owner_;
  const Turn turn_;
  event read_{};
  event write_{};
  std::unique_ptr<SSL, SslFree> tls_;
  std::string output_;
  std::string partial_;  // of a line
  int fd_ = -1;
  unsigned serial_ = 0;  // of the connection: tells whether a call of the owner's has ended it
  bool connected_ = false;
  bool shaking_ = false;
};

}  // namespace ravelin::drill
