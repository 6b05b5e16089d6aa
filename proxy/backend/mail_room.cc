#include "proxy/backend/mail_room.h"

#include <new>
#include <utility>

namespace ravelin::proxy {

void MailRoom::Queue::push(LetterPtr letter) noexcept {
  auto* const added = letter.get();
  (first == nullptr ? first : last->next) = std::move(letter);
  last = added;
}

// One by one: a long chain that destroyed itself would do it recursively.
void MailRoom::clear(LetterPtr letters) noexcept {
  while (letters != nullptr) letters = std::move(letters->next);
}

uint32_t MailRoom::add(Post post, Inbox& inbox) {
  auto box = std::make_shared<Box>(std::move(post), inbox);
  return boxes_.with([&](auto& boxes) {
    boxes.push_back(std::move(box));
    return static_cast<uint32_t>(boxes.size() - 1);
  });
}

MailRoom::BoxPtr MailRoom::box(uint32_t worker) const {
  return boxes_.with([&](const auto& boxes) { return boxes[worker]; });
}

// What its letters give back may lead to new ones, so that is done outside of the lock.
void MailRoom::remove(uint32_t worker) noexcept {
  const auto box = boxes_.with([&](auto& boxes) { return std::exchange(boxes[worker], nullptr); });
  box->inbox = nullptr;
  clear(box->letters.with([](Queue& queue) {
    queue.closed = true;
    return std::move(queue.first);
  }));
}

void MailRoom::send(uint32_t worker, LetterPtr letter) noexcept {
  const auto to = box(worker);
  if (to == nullptr) return;
  const bool wake = to->letters.with([&](Queue& queue) {
    if (queue.closed) return false;
    queue.push(std::move(letter));
    return !std::exchange(queue.woken, true);
  });
  if (!wake) return;
  try {
    to->post([to] { read(*to); });
  } catch (const std::bad_alloc&) {
    to->letters.with([](Queue& queue) { queue.woken = false; });
  }
}

void MailRoom::read_missed(uint32_t worker) const {
  const auto mine = box(worker);
  if (!mine->letters.with([](const Queue& queue) { return queue.woken; })) read(*mine);
}

void MailRoom::read(Box& box) {
  auto letter = box.letters.with([](Queue& queue) {
    queue.woken = false;
    return std::move(queue.first);
  });
  while (letter != nullptr) {
    const auto current = std::exchange(letter, std::move(letter->next));
    if (box.inbox == nullptr) continue;  // removed from inside of a letter
    try {
      box.inbox->receive(*current);
    } catch (const std::bad_alloc&) {
      // What the letter carried goes back to where it came from.
    }
  }
}

std::optional<uint32_t> MailRoom::first() const {
  return boxes_.with([](const auto& boxes) -> std::optional<uint32_t> {
    for (size_t i = 0; i < boxes.size(); ++i)
      if (boxes[i] != nullptr) return static_cast<uint32_t>(i);
    return {};
  });
}

}  // namespace ravelin::proxy
