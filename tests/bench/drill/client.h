// An SMTP client's side of a dialog, and the counting of what it hears. What to say is up to those
// who derive from it: bots and good senders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/drill/connection.h"
#include "tests/bench/drill/random.h"
#include "tests/bench/drill/reply.h"
#include "tests/bench/drill/tally.h"

namespace ravelin::drill {

struct RunSettings;

// What all clients of a run share; outlives them.
struct World {
  Loop& loop;
  const TlsContext& tls;
  const RunSettings& settings;
  Scene& scene;
};

// Who a client is.
struct Identity {
  Endpoint source{};
  bool bind_source = true;
  std::string helo;
  uint64_t number = 0;  // unique in the run
};

class Client : private Connection::Owner {
 public:
  Client(World& world, Group& group, const Identity& identity);
  virtual ~Client() { hang_up(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool in_dialog() const { return in_dialog_; }

 protected:
  // Connects; the greeting is a reply to come. False if this machine could not: counted, and no
  // on_end() follows.
  bool call(bool small_window = false);
  // |command| without its end. Several may be said ahead of their replies.
  void say(Step step, std::string_view command);
  void send_raw(std::string_view bytes) { connection_.send(bytes); }
  // The octets sent so far make a command of this kind.
  void expect(Step step) { awaited_.push_back(step); }
  void secure() { connection_.secure(world_.tls); }
  Connection& connection() { return connection_; }
  // Ends the dialog at once; no on_end() follows.
  void hang_up();
  // As hang_up(), counted as our patience's end.
  void give_up();

  virtual void on_reply(Step step, const Reply& reply) = 0;
  virtual void on_tls() = 0;  // the handshake is done
  // The server has ended the dialog.
  virtual void on_end(End end) = 0;

  World& world_;
  Group& group_;
  const Identity identity_;
  Random random_;

 private:
  void on_line(std::string_view line) final;
  void on_lost(Loss loss) final;
  void on_secured() final;

  Connection connection_;
  ReplyReader reader_;
  std::vector<Step> awaited_;
  bool in_dialog_ = false;
  bool greeted_ = false;
  bool told_ = false;
};

}  // namespace ravelin::drill
