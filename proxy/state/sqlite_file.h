// One SQLite file of rows and texts. Used by one thread at a time; no SQLite type is seen outside.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/state/file_result.h"
#include "proxy/state/hash.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

struct RowKey {
  Family family = Family::Tuples;
  uint32_t slot = 0;

  auto operator<=>(const RowKey&) const = default;
};

// Maps, for their nodes go from a queue into a batch and back without a need of memory.
struct Changes {
  std::map<RowKey, std::string> rows;                       // "": delete it
  std::map<std::string, std::optional<std::string>> texts;  // nullopt: delete it

  bool empty() const { return rows.empty() && texts.empty(); }
};

class SqliteFile {
 public:
  struct Opened;

  // Opens |path|, or creates it with |key| as its hash key.
  static Opened open(const std::string& path, const HashKey& key);
  ~SqliteFile();

  const HashKey& hash_key() const { return hash_key_; }
  uint32_t highest_slot(Family family) const { return highest_[static_cast<size_t>(family)]; }
  const std::map<std::string, std::string>& texts() const { return texts_; }  // as opened

  // All or nothing.
  FileResult write(const Changes& changes);
  // Gives at most |limit| rows with slots from |*next| to |last| to |row|, and sets |*next| behind
  // the last of them; beyond UINT32_MAX at the end.
  FileResult read(Family family, int64_t* next, uint32_t last, size_t limit,
                  const std::function<void(uint32_t slot, std::string_view row)>& row);

 private:
  struct Connection;

  explicit SqliteFile(const HashKey& key);
  FileResult create();
  FileResult complete();
  FileResult load_meta();
  FileResult write_row(const RowKey& key, const std::string& row);
  FileResult write_text(const std::string& name, const std::optional<std::string>& value);
  uint32_t check(Family family, uint32_t slot, std::string_view row) const;

  HashKey hash_key_;
  std::array<uint32_t, kFamilies> highest_{};
  std::map<std::string, std::string> texts_;
  std::unique_ptr<Connection> connection_;
};

struct SqliteFile::Opened {
  std::unique_ptr<SqliteFile> file;  // null unless |result| is fine
  FileResult result;
};

}  // namespace ravelin::proxy
