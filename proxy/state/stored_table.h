// A table whose entries are rows of a store: read back at start, written behind after each change.
//
// What it knows of its values comes from |Kind|, which is constructed with the table:
//   using Value; worth(), expired()                      as Table says; must be thread-safe
//   RowWriter write(const Hash128&, const Value&, const WallFrame&) const
//   std::optional<std::pair<Hash128, Value>> read(std::string_view row, const WallFrame&) const
//   void merge(Value& ours, const Value& row) const      both were made for the same key
#pragma once

#include <cstdint>
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
  void load_row(uint32_t slot, std::string_view row) override {
    const WallFrame frame(clock_);
    const auto read = kind_.read(row, frame);
    const bool wanted = read && !kind_.expired(read->second, frame.now()) &&
                        table_.place(slot, read->first, read->second,
                                     [&](Value& ours) { kind_.merge(ours, read->second); });
    if (!wanted) store_->erase(family_, slot);
  }
  void load_end() override { table_.end_load(); }
  bool dump(uint32_t part, const Sink& sink) override {
    const WallFrame frame(clock_);
    return table_.visit_part(part, [&](uint32_t slot, const Hash128* key, const Value& value) {
      sink(slot, key != nullptr ? kind_.write(*key, value, frame).view() : std::string_view());
    });
  }

  const Clock& clock_;
  Store* const store_;
  const Family family_;
  Kind kind_;
  Table<Traits> table_;
};

}  // namespace ravelin::proxy
