// Changes that wait to be written: the latest per slot. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/state/sqlite_file.h"

namespace ravelin::proxy {

class WriteQueue {
 public:
  explicit WriteQueue(size_t max_rows) : max_rows_(max_rows) {}

  // |row| "" deletes. What finds no room is dropped, and the whole family must then be written
  // anew.
  void add(Family family, uint32_t slot, std::string_view row);
  void add_text(const std::string& name, std::optional<std::string> value);

  // At most |rows| changes with slots in a row, so that they touch few pages of the file: they go
  // on where the last ones ended, so none waits for ever. (A hash map in place of the ordered one
  // made a backlog of a million rows write 4 GB.) Neither this nor give_back() needs memory: one
  // that ran out half-way would lose rows.
  Changes take(size_t rows);
  // They could not be written; what came later for the same slot stays.
  void give_back(Changes&& changes);

  size_t size() const { return rows_.size() + texts_.size(); }
  bool empty() const { return size() == 0; }

  // Was something of |family| dropped since this was asked last?
  bool take_dropped(Family family);
  void drop_all_rows();  // a new file is coming: every family is written anew

 private:
  const size_t max_rows_;
  std::map<RowKey, std::string> rows_;
  RowKey last_;  // that was taken
  std::map<std::string, std::optional<std::string>> texts_;
  std::array<bool, kFamilies> dropped_{};
};

}  // namespace ravelin::proxy
