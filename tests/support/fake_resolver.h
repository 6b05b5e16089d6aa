// A resolver that answers from a table, now or when the test says so.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dns/resolver.h"

namespace ravelin::test {

class FakeResolver final : public dns::Resolver {
 public:
  explicit FakeResolver(dns::Reactor& reactor) : reactor_(reactor) {}

  // Questions without an answer get NoName.
  void set(dns::Type type, std::string name, dns::Answer answer) {
    answers_[{type, std::move(name)}] = std::move(answer);
  }
  void set_name(const std::string& address, const std::string& name) {
    const auto ip = *dns::IpAddress::parse(address);
    set(dns::Type::Ptr, ip.reverse_name(), {dns::Status::Ok, {}, {name}, {}});
    set(ip.is_v4() ? dns::Type::A : dns::Type::Aaaa, name, {dns::Status::Ok, {ip}, {}, {}});
  }
  bool later = false;   // answer by callback, in the next turn
  bool silent = false;  // never answer: |limit| passes and the answer is TempFail
  bool lost = false;    // never answer, not even that: there was no memory
  std::vector<dns::Question> asked;
  size_t of_strangers = 0;  // of these

  std::optional<dns::Answer> ask(const dns::Question& question, dns::Asker asker,
                                 std::chrono::milliseconds limit, dns::Handle& query,
                                 Callback done) override {
    asked.push_back(question);
    if (asker.stranger) ++of_strangers;
    if (lost) {
      query = std::make_unique<dns::Pending>();
      return {};
    }
    if (silent) {
      query = reactor_.timer(limit, [done = std::move(done)] { done(dns::Answer{}); });
      return {};
    }
    const auto found = answers_.find({question.type, question.name});
    dns::Answer answer;
    answer.status = dns::Status::NoName;
    if (found != answers_.end()) answer = found->second;
    if (!later) return answer;
    query = reactor_.defer([done = std::move(done), answer] { done(answer); });
    return {};
  }

 private:
  dns::Reactor& reactor_;
  std::map<std::pair<dns::Type, std::string>, dns::Answer> answers_;
};

}  // namespace ravelin::test
