// A backend without a connection: answers from a table, in the next turn, and keeps what it took.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/backend/verifier.h"

namespace ravelin::test {

class FakeVerifier final : public proxy::Verifier {
 public:
  explicit FakeVerifier(dns::Reactor& reactor) : reactor_(reactor) {}

  struct Message {
    smtp::Address from;
    std::vector<smtp::Address> to;
    std::string text;
    std::string id;
  };

  std::set<std::string, std::less<>> domains{"mx.example"};
  smtp::Capabilities capabilities;
  std::map<std::string, proxy::RecipientAnswer> answers;  // by address; default: accepted
  smtp::Reply to_data{354, "go on"};
  smtp::Reply to_text{250, {0, 0}, "queued"};
  bool no_last_word = false;                // to the text: |to_text| comes of no reply
  std::vector<proxy::RecipientFate> fates;  // with |to_text|
  bool no_memory = false;                   // begin() throws
  bool silent = false;                      // gives no answer until answer_now()
  std::optional<dns::Time> untold_since;
  size_t room = SIZE_MAX;          // octets that write() takes before it says stop
  std::vector<Message> messages;   // finished, whatever the reply was
  std::vector<std::string> asked;  // recipients
  std::vector<proxy::ClientIdentity> clients;
  int open = 0;  // transactions that live
  class Transaction* last = nullptr;

  void refuse(const std::string& address, smtp::Reply reply, bool unknown) {
    proxy::RecipientAnswer answer;
    answer.reply = std::move(reply);
    answer.unknown = unknown;
    answer.said = "host mail.internal[192.0.2.7] said: no";
    answers[address] = std::move(answer);
  }
  bool serves(std::string_view domain) const override { return domains.contains(domain); }
  std::string_view first_domain() const override { return *domains.begin(); }
  smtp::Capabilities offered() const override { return capabilities; }
  std::unique_ptr<proxy::BackendTransaction> begin(const smtp::MailCommand& mail,
                                                   const proxy::ClientIdentity& client,
                                                   std::string_view id,
                                                   proxy::BackendEvents& events) override;
  void answer_now();  // after |silent|
  void lose();        // the connection breaks in mid-text
  void give_room();

  dns::Reactor& reactor_;
};

class Transaction final : public proxy::BackendTransaction {
 public:
  Transaction(FakeVerifier& owner, FakeVerifier::Message message, proxy::BackendEvents& events)
      : owner_(owner), events_(events), message_(std::move(message)) {
    ++owner_.open;
    owner_.last = this;
  }
  ~Transaction() override {
    --owner_.open;
    if (owner_.last == this) owner_.last = nullptr;
  }

  void recipient(const smtp::RcptCommand& rcpt) override {
    const auto name = rcpt.to.to_string();
    owner_.asked.push_back(name);
    proxy::RecipientAnswer answer;
    answer.reply = {250, {1, 5}, "fine"};
    if (const auto found = owner_.answers.find(name); found != owner_.answers.end())
      answer = found->second;
    if (answer.accepted()) message_.to.push_back(rcpt.to);
    later([this, answer] { events_.on_recipient(answer); });
  }
  void start_data() override {
    proxy::FinalAnswer answer;
    answer.reply = owner_.to_data;
    later([this, answer] { events_.on_data_ready(answer); });
  }
  bool write(std::string_view text) override {
    message_.text += text;
    return message_.text.size() < owner_.room;
  }
  void finish() override {
    owner_.messages.push_back(message_);
    proxy::FinalAnswer answer;
    answer.reply = owner_.to_text;
    answer.relay = "mail.internal[192.0.2.7]:25";
    answer.said = "250 2.0.0 queued";
    answer.maybe_delivered = owner_.no_last_word;
    answer.fates = owner_.fates;
    later([this, answer] { events_.on_final(answer); });
  }
  std::optional<dns::Time> untold_since() const override { return owner_.untold_since; }
  void lose() {
    proxy::FinalAnswer answer;
    answer.reply = {451, {4, 2}, "lost"};
    events_.on_final(answer);
  }
  void give_room() { events_.on_room(); }
  void answer_now() {
    if (waiting_) std::exchange(waiting_, nullptr)();
  }

 private:
  void later(dns::Reactor::Callback act) {
    if (owner_.silent) {
      waiting_ = std::move(act);
      return;
    }
    turn_ = owner_.reactor_.defer(std::move(act));
  }

  FakeVerifier& owner_;
  proxy::BackendEvents& events_;
  FakeVerifier::Message message_;
  dns::Reactor::Callback waiting_;
  dns::Handle turn_;
};

inline std::unique_ptr<proxy::BackendTransaction> FakeVerifier::begin(
    const smtp::MailCommand& mail, const proxy::ClientIdentity& client, std::string_view id,
    proxy::BackendEvents& events) {
  if (no_memory) throw std::bad_alloc();
  clients.push_back(client);
  return std::make_unique<Transaction>(*this, Message{mail.from, {}, {}, std::string(id)}, events);
}
inline void FakeVerifier::answer_now() { last->answer_now(); }
inline void FakeVerifier::lose() { last->lose(); }
inline void FakeVerifier::give_room() { last->give_room(); }

}  // namespace ravelin::test
