#include "proxy/backend/mail_room.h"

#include <utility>

namespace ravelin::proxy {

uint32_t MailRoom::add(Post post, Inbox& inbox) {
  return boxes_.with([&](auto& boxes) {
    boxes.push_back({std::move(post), std::make_shared<Inbox*>(&inbox)});
    return static_cast<uint32_t>(boxes.size() - 1);
  });
}

void MailRoom::remove(uint32_t worker) {
  const auto box = boxes_.with([&](auto& boxes) { return std::exchange(boxes[worker], {}); });
  *box.inbox = nullptr;
}

void MailRoom::send(uint32_t worker, std::shared_ptr<Backend> backend, Letter letter) {
  const auto box = boxes_.with([&](auto& boxes) { return boxes[worker]; });
  if (!box.post) return;
  box.post([inbox = box.inbox, backend = std::move(backend), letter = std::move(letter)] {
    if (*inbox != nullptr) (*inbox)->receive(backend, letter);
  });
}

std::optional<uint32_t> MailRoom::first() const {
  return boxes_.with([](const auto& boxes) -> std::optional<uint32_t> {
    for (size_t i = 0; i < boxes.size(); ++i)
      if (boxes[i].post) return static_cast<uint32_t>(i);
    return {};
  });
}

}  // namespace ravelin::proxy
