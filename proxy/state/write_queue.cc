#include "proxy/state/write_queue.h"

#include <new>
#include <utility>

namespace ravelin::proxy {

void WriteQueue::add(Family family, uint32_t slot, std::string_view row) {
  try {
    if (const auto found = rows_.find(RowKey{family, slot}); found != rows_.end()) {
      found->second = row;
      return;
    }
    if (rows_.size() < max_rows_) {
      rows_.emplace(RowKey{family, slot}, row);
      return;
    }
  } catch (const std::bad_alloc&) {  // a store that has no memory loses rows, never mail
    rows_.erase(RowKey{family, slot});
  }
  dropped_[static_cast<size_t>(family)] = true;
}

void WriteQueue::add_text(const std::string& name, std::optional<std::string> value) {
  texts_[name] = std::move(value);
}

Changes WriteQueue::take(size_t rows) {
  Changes changes;
  while (!rows_.empty() && changes.rows.size() < rows) {
    auto at = rows_.upper_bound(last_);
    if (at == rows_.end()) at = rows_.begin();
    last_ = at->first;
    changes.rows.insert(changes.rows.end(), rows_.extract(at));
  }
  changes.texts.swap(texts_);
  return changes;
}

void WriteQueue::give_back(Changes&& changes) {
  rows_.merge(changes.rows);
  texts_.merge(changes.texts);
}

bool WriteQueue::take_dropped(Family family) {
  return std::exchange(dropped_[static_cast<size_t>(family)], false);
}

void WriteQueue::drop_all_rows() {
  rows_.clear();
  dropped_.fill(true);
}

}  // namespace ravelin::proxy
