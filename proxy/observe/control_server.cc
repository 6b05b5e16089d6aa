#include "proxy/observe/control_server.h"

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/observe/control_protocol.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kSweepPeriod{1};
constexpr std::chrono::minutes kLongestAnswer{1};

// Strings in results may hold what clients said; what is not UTF-8 is replaced, for dump() throws.
std::string to_text(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

json refusal(std::string_view text) { return {{"ok", false}, {"error", text}}; }

// {"ok":true,"result":...}, or the handler's error in its place.
json wrap(json result) {
  if (!result.is_object() || !result.contains("error"))
    return {{"ok", true}, {"result", std::move(result)}};
  result["ok"] = false;
  return result;
}

}  // namespace

json control_error(std::string_view text, const std::vector<std::string>& errors) {
  json error = {{"error", text}};
  if (!errors.empty()) error["errors"] = errors;
  return error;
}

// One peer. A request is answered before the next one is read; an answer leaves page by page.
class ControlServer::Connection final : public dns::Retirable,
                                        public StreamEvents,
                                        public std::enable_shared_from_this<Connection> {
 public:
  Connection(ControlServer& server, std::unique_ptr<Stream> stream, Credentials peer)
      : server_(server),
        stream_(std::move(stream)),
        peer_(std::move(peer)),
        since_(server.reactor_.now()) {
    stream_->set_events(this);
    stream_->set_read_size(kMaxControlRequest);
  }

  void refuse(std::string_view why) { last_answer(to_text(refusal(why))); }

  size_t on_data(std::string_view data) override {
    const auto size = data.size();
    while (!data.empty() && !ending_ && !waiting_ && page_.empty()) {
      const bool begins = !reader_.begun();
      const auto result = reader_.feed(data);
      if (begins) since_ = server_.reactor_.now();
      if (result == FrameReader::Result::NeedMore) break;
      if (result == FrameReader::Result::TooLong) {
        refuse("the request is too long");
      } else {
        since_ = server_.reactor_.now();
        waiting_ = true;
        server_.serve(shared_from_this(), reader_.message());
        if (waiting_) stream_->pause(Pause::Waiting);
      }
    }
    return ending_ ? size : size - data.size();
  }

  void on_drained() override { send_pages(); }
  void on_end(StreamEnd) override { server_.remove(this); }  // |this| lives until the turn ends

  void answer_with(const json& whole) {
    waiting_ = false;
    answer(to_text(whole));
    stream_->resume(Pause::Waiting);
  }

  bool ready() const { return page_.empty() && !stream_->congested(); }
  void answer_in_part(const json& part) { answer(to_text(part)); }

  const Credentials& peer() const { return peer_; }

  // A step that takes too long ends the connection, however busy the peer seems to be.
  bool overdue(Time now) const {
    const bool ours = waiting_ && ready();
    return now - since_ > (ours ? kLongestAnswer : server_.options_.patience);
  }

 private:
  void answer(std::string text) {
    since_ = server_.reactor_.now();
    answer_ = std::move(text);
    page_ = answer_;
    send_pages();
    if (!page_.empty()) stream_->pause(Pause::Pressure);
  }

  void last_answer(std::string text) {
    ending_ = true;
    answer(std::move(text));
  }

  void send_pages() {
    while (!page_.empty() && !stream_->congested()) {
      std::string frame;
      append_frame(frame, page_);
      stream_->write(frame);
    }
    if (!page_.empty()) return;
    answer_ = {};
    since_ = server_.reactor_.now();
    if (ending_) return stream_->finish();
    stream_->resume(Pause::Pressure);
  }

  ControlServer& server_;
  std::unique_ptr<Stream> stream_;
  const Credentials peer_;
  FrameReader reader_{kMaxControlRequest, kMaxControlRequest};
  std::string answer_;
  std::string_view page_;  // what of |answer_| is not written yet
  Time since_;             // the current step's begin
  bool waiting_ = false;   // for a handler
  bool ending_ = false;
};

ControlServer::ControlServer(Reactor& reactor, const ControlServerOptions& options)
    : reactor_(reactor), options_(options) {}

ControlServer::~ControlServer() = default;

void ControlServer::handle(std::string command, Handler handler) {
  handle_later(std::move(command),
               [handler = std::move(handler)](const json& args, const Answer& answer) {
                 answer(handler(args));
               });
}

bool ControlServer::Feed::ready() const {
  const auto still = asker_.lock();
  return still && still->ready();
}

void ControlServer::Feed::part(json part) {
  const auto still = asker_.lock();
  if (!still) return;
  still->answer_in_part({{"ok", true}, {"more", true}, {"result", std::move(part)}});
}

void ControlServer::Feed::end(json last) {
  if (const auto still = asker_.lock()) still->answer_with(wrap(std::move(last)));
  asker_.reset();
}

// Those who are refused are told why; as they take places too, there is an end to that as well.
void ControlServer::adopt(std::unique_ptr<Stream> stream, const Credentials& peer) {
  if (connections_.size() >= 2 * options_.connections) return;
  const bool full = connections_.size() >= options_.connections;
  auto connection = std::make_shared<Connection>(*this, std::move(stream), peer);
  connections_.push_back(connection);
  if (!sweeper_) sweeper_ = reactor_.timer(kSweepPeriod, [this] { sweep(); });
  if (!permits(peer)) return connection->refuse("you may not control this daemon");
  if (full) connection->refuse("too many control connections; try again in a moment");
}

bool ControlServer::permits(const Credentials& peer) const {
  return peer.uid == 0 || peer.uid == options_.own_uid || peer.in_group(options_.group);
}

void ControlServer::handle_later(std::string command, LateHandler handler) {
  handlers_[std::move(command)] = [handler = std::move(handler)](
                                      const json& args, const std::shared_ptr<Connection>&,
                                      Answer answer) { handler(args, std::move(answer)); };
}

void ControlServer::handle_feed(std::string command, FeedHandler handler) {
  handlers_[std::move(command)] = [handler = std::move(handler)](
                                      const json& args, const std::shared_ptr<Connection>& asker,
                                      const Answer& answer) {
    if (!asker) return answer(control_error("only the control socket answers in parts"));
    handler(args, Feed(asker));
  };
}

void ControlServer::serve(const std::shared_ptr<Connection>& connection, std::string_view request) {
  if (!is_shallow(request, kMaxControlDepth))
    return connection->answer_with(refusal("the request is too deep"));
  asker_ = &connection->peer();
  call(json::parse(request, nullptr, false), connection,
       [asker = std::weak_ptr(connection)](json result) {
         if (const auto still = asker.lock()) still->answer_with(wrap(std::move(result)));
       });
}

void ControlServer::ask(const json& request, Answer answer) {
  static const Credentials nobody{};
  asker_ = &nobody;
  call(request, nullptr, std::move(answer));
}

// No exception of a handler or of the JSON library leaves this function.
void ControlServer::call(const json& args, const std::shared_ptr<Connection>& asker,
                         Answer answer) try {
  if (!args.is_object() || !args.contains("command") || !args["command"].is_string())
    return answer(control_error("a request is a JSON object with a \"command\""));
  const auto command = args["command"].get<std::string>();
  const auto handler = handlers_.find(command);
  if (handler != handlers_.end()) return handler->second(args, asker, answer);
  std::string known;
  for (const auto& [name, unused] : handlers_) known += (known.empty() ? "" : ", ") + name;
  answer(control_error("unknown command \"" + command + "\"; known are: " + known));
} catch (const json::exception&) {
  answer(control_error("an argument is missing or of the wrong type"));
} catch (const std::exception& failure) {
  answer(control_error(failure.what()));
}

// Called from inside the connection's own call.
void ControlServer::remove(const Connection* connection) {
  const auto found =
      std::find_if(connections_.begin(), connections_.end(),
                   [connection](const auto& each) { return each.get() == connection; });
  if (found == connections_.end()) return;
  reactor_.retire(std::move(*found));
  connections_.erase(found);
}

void ControlServer::sweep() {
  std::erase_if(connections_,
                [now = reactor_.now()](const auto& each) { return each->overdue(now); });
  sweeper_ = connections_.empty() ? nullptr : reactor_.timer(kSweepPeriod, [this] { sweep(); });
}

}  // namespace ravelin::proxy
