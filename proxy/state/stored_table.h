// A table whose entries are rows of a store: read back at start, written behind after each change.
//
// What it knows of its values comes from |Kind|, which is constructed with the table:
//   using Value; worth(), expired()                      as Table says; must be thread-safe
//   RowWriter write(const Hash128&, const Value&, const WallFrame&) const
//   std::optional<std::pair<Hash128, Value>> read(std::string_view row, const WallFrame&) const
//   void merge(Value& ours, const Value& row) const      both were made for the same key
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/event/clock.h"
#include "proxy/state/store.h"
#include "proxy/state/table.h"

namespace ravelin::proxy {

enum class Loading : uint8_t { Now, Behind };

template <class Kind>
class StoredTable final : private RowOwner {
  struct Traits {
    using Value = typename Kind::Value;
    StoredTable* owner;

    int64_t worth(const Value& value) const { return owner->kind_.worth(value); }
    bool expired(const Value& value, Seconds now) const { return owner->kind_.expired(value, now); }
    void changed(uint32_t slot, const Hash128& key, const Value& value) {
      if (owner->store_ == nullptr) return;
      const auto row = owner->kind_.write(key, value, WallFrame(owner->clock_));
      owner->store_->put(owner->family_, slot, row.view());
    }
    void forgotten(uint32_t slot) {
      if (owner->store_ != nullptr) owner->store_->erase(owner->family_, slot);
    }
  };

 public:
  using Value = typename Kind::Value;

  // |clock| and |store| (may be null) must outlive it. With Loading::Now all rows are there when
  // the constructor returns; with Behind they come while the table is in use.
  StoredTable(const Clock& clock, Store* store, Family family, Loading loading)
      : clock_(clock), store_(store), family_(family), table_(Traits{this}) {
    if (store_ == nullptr) return;
    table_.begin_load(store_->highest_slot(family_));
    if (loading == Loading::Now) {
      store_->load(family_, *this);
    } else {
      store_->load_behind(family_, *this);
    }
  }
  ~StoredTable() {
    if (store_ != nullptr) store_->detach(family_);
  }
  StoredTable(const StoredTable&) = delete;
  StoredTable& operator=(const StoredTable&) = delete;

  Kind& kind() { return kind_; }
  const Kind& kind() const { return kind_; }
  Table<Traits>& table() { return table_; }
  const Table<Traits>& table() const { return table_; }

 private:
  struct Coming {
    uint32_t slot = 0;
    std::optional<std::pair<Hash128, Value>> read;
  };

  // A row that was read waits for kAhead others until it is placed: by then its cell of the index,
  // a miss of the caches, has come.
  void load_row(uint32_t slot, std::string_view row) override {
    if (rows_read_ % kRowsOfFrame == 0) frame_ = WallFrame(clock_);
    auto& coming = coming_[rows_read_++ % kAhead];
    place(coming);
    coming = {slot, kind_.read(row, frame_)};
    if (!coming.read) return store_->erase(family_, slot);
    table_.prefetch(coming.read->first);
  }
  void load_end() override {
    for (auto& coming : coming_) {
      try {
        place(coming);
      } catch (const std::bad_alloc&) {  // the others may have room
        coming.read.reset();
      }
    }
    table_.end_load();
  }
  void place(Coming& coming) {
    if (!coming.read) return;
    const auto& [key, value] = *coming.read;
    const auto merge = [&](Value& ours) { kind_.merge(ours, value); };
    const bool wanted =
        !kind_.expired(value, frame_.now()) && table_.place(coming.slot, key, value, merge);
    if (!wanted) store_->erase(family_, coming.slot);
    coming.read.reset();
  }
  bool dump(uint32_t part, const Sink& sink) override {
    const WallFrame frame(clock_);
    return table_.visit_part(part, [&](uint32_t slot, const Hash128* key, const Value& value) {
      sink(slot, key != nullptr ? kind_.write(*key, value, frame).view() : std::string_view());
    });
  }

  static constexpr size_t kAhead = 8;
  static constexpr size_t kRowsOfFrame = 256;  // so many are read in no time

  const Clock& clock_;
  Store* const store_;
  const Family family_;
  Kind kind_;
  Table<Traits> table_;
  // While rows are read back.
  std::array<Coming, kAhead> coming_;
  size_t rows_read_ = 0;
  WallFrame frame_{clock_};
};

}  // namespace ravelin::proxy
