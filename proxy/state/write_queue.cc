#include "proxy/state/write_queue.h"

#include <new>
#include <utility>

namespace ravelin::proxy {

void WriteQueue::add(Family family, uint32_t slot, std::string_view row) {
  try {
    if (const auto found = rows_.find(key(family, slot)); found != rows_.end()) {
      found->second = row;
      return;
    }
    if (rows_.size() < max_rows_) {
      rows_.emplace(key(family, slot), row);
      return;
    }
  } catch (const std::bad_alloc&) {  // a store that has no memory loses rows, never mail
    rows_.erase(key(family, slot));
  }
  dropped_[static_cast<size_t>(family)] = true;
}

void WriteQueue::add_text(const std::string& name, std::optional<std::string> value) {
  texts_[name] = std::move(value);
}

Changes WriteQueue::take(size_t rows) {
  Changes changes;
  while (!rows_.empty() && changes.rows.size() < rows) {
    auto at = rows_.lower_bound(next_);
    if (at == rows_.end()) at = rows_.begin();
    next_ = at->first + 1;
    auto node = rows_.extract(at);
    changes.rows.push_back({static_cast<Family>(node.key() >> 32),
                            static_cast<uint32_t>(node.key()), std::move(node.mapped())});
  }
  for (auto& [name, value] : std::exchange(texts_, {}))
    changes.texts.push_back({name, std::move(value)});
  return changes;
}

void WriteQueue::give_back(Changes&& changes) {
  for (auto& row : changes.rows) rows_.try_emplace(key(row.family, row.slot), std::move(row.row));
  for (auto& text : changes.texts) texts_.try_emplace(text.name, std::move(text.value));
}

bool WriteQueue::take_dropped(Family family) {
  return std::exchange(dropped_[static_cast<size_t>(family)], false);
}

void WriteQueue::drop_all_rows() {
  rows_.clear();
  dropped_.fill(true);
}

}  // namespace ravelin::proxy
