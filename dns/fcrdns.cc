#include "dns/fcrdns.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>
#include <vector>

#include "dns/name.h"

namespace ravelin::dns {
namespace {

// One look-up each is what they may cost us. Whether one beyond them leads back is not known.
constexpr size_t kMaxForward = 5;

// A look-up under way: first the one question for names, then one for each name. Its questions
// are strangers' names throughout: the client's provider writes the PTR, and the PTR says the rest.
class Lookup final : public Pending {
 public:
  using Done = std::function<void(const Fcrdns&)>;

  Lookup(Resolver& resolver, Reactor& reactor, const IpAddress& address,
         std::chrono::milliseconds limit, Done done, bool stranger)
      : resolver_(resolver),
        reactor_(reactor),
        address_(address),
        deadline_(reactor.now() + limit),
        done_(std::move(done)),
        stranger_(stranger) {}

  // As look_up_fcrdns: an answer that is known now is returned and |done| is not called.
  std::optional<Fcrdns> start() {
    auto known = ask({Type::Ptr, address_.reverse_name()}, names_query_,
                     [this](const Answer& names) { on_names(names); });
    if (!known) return {};
    return take_names(*known);
  }

 private:
  std::optional<Answer> ask(const Question& question, Handle& query, Resolver::Callback done) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - reactor_.now());
    return resolver_.ask(question, {Trust::Theirs, stranger_}, left, query, std::move(done));
  }

  void on_names(const Answer& names) {
    go_on([&] { return take_names(names); });
  }
  void on_forward(size_t index, const Answer& answer) {
    go_on([&] { return take_forward(index, answer); });
  }

  // Without memory there is no knowing; but whoever waits is told.
  template <class Step>
  void go_on(const Step& step) {
    std::optional<Fcrdns> found;
    try {
      found = step();
    } catch (const std::bad_alloc&) {
      found.emplace();
    }
    if (found) tell(*found);
  }

  // Ends the questions that no longer matter. Last: the callback may destroy this.
  void tell(const Fcrdns& found) {
    for (auto& query : forward_queries_) query.reset();
    const auto done = std::move(done_);
    done(found);
  }

  std::optional<Fcrdns> take_names(const Answer& answer) {
    if (answer.status == Status::TempFail) return Fcrdns{};
    trouble_ = answer.partial;
    choose_names(answer.names);
    if (names_.empty())
      return Fcrdns{trouble_ ? Fcrdns::Status::DontKnow : Fcrdns::Status::None, {}};
    missing_ = names_.size();
    const auto type = address_.is_v4() ? Type::A : Type::Aaaa;
    for (size_t i = 0; i < names_.size(); ++i) {
      const auto known = ask({type, names_[i]}, forward_queries_[i],
                             [this, i](const Answer& found) { on_forward(i, found); });
      if (!known) continue;
      if (auto found = take_forward(i, *known)) return found;
    }
    return {};
  }

  void choose_names(const std::vector<std::string>& names) {
    for (const auto& raw : names) {
      auto name = canonical_name(raw);
      if (!is_host_name(name) || std::find(names_.begin(), names_.end(), name) != names_.end())
        continue;
      if (names_.size() == kMaxForward) {
        trouble_ = true;
        return;
      }
      names_.push_back(std::move(name));
    }
  }

  // One name that leads back is enough: the others need not be waited for.
  std::optional<Fcrdns> take_forward(size_t index, const Answer& answer) {
    --missing_;
    const auto& back = answer.addresses;
    if (answer.status == Status::Ok && std::find(back.begin(), back.end(), address_) != back.end())
      return Fcrdns{Fcrdns::Status::Confirmed, names_[index]};
    trouble_ = trouble_ || answer.status == Status::TempFail || answer.partial;
    if (missing_ > 0) return {};
    return Fcrdns{trouble_ ? Fcrdns::Status::DontKnow : Fcrdns::Status::Mismatch, {}};
  }

  Resolver& resolver_;
  Reactor& reactor_;
  const IpAddress address_;
  const Time deadline_;
  Done done_;
  const bool stranger_;
  std::vector<std::string> names_;
  size_t missing_ = 0;    // answers
  bool trouble_ = false;  // something that may have led back was not seen
  Handle names_query_;
  std::array<Handle, kMaxForward> forward_queries_;
};

}  // namespace

std::optional<Fcrdns> look_up_fcrdns(Resolver& resolver, Reactor& reactor, const IpAddress& address,
                                     std::chrono::milliseconds limit, Handle& query,
                                     std::function<void(const Fcrdns&)> done, bool stranger) {
  auto lookup =
      std::make_unique<Lookup>(resolver, reactor, address, limit, std::move(done), stranger);
  auto known = lookup->start();
  if (!known) query = std::move(lookup);
  return known;
}

}  // namespace ravelin::dns
