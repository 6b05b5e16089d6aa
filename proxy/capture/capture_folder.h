// A directory with messages as they came (ID.eml) and what is known of each (ID.json). Nothing else
// in it is touched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/journal.h"

namespace ravelin::proxy {

struct CapturedFile {
  std::string metadata;  // JSON, one object
  std::string text;
  bool cut = false;  // there is more of the text
};

// Used by one thread at a time. Files are made with mode 0600 and never followed if they are links.
class CaptureFolder {
 public:
  explicit CaptureFolder(std::string path) : path_(std::move(path)) {}

  struct Entry {
    Id id = 0;
    uint64_t bytes = 0;  // of both files
    uint64_t print = 0;  // 0: not known
  };
  // Removes halves, which a crash may have left. "" or what is wrong.
  std::string open(std::vector<Entry>& found);
  // In the place of what there was of that id. "" or what is wrong: then there is nothing of it.
  std::string write(Id id, std::string_view metadata, std::string_view text);
  void remove(Id id);
  std::optional<std::string> metadata(Id id) const;
  std::unique_ptr<CapturedFile> read(Id id, size_t most) const;
  const std::string& path() const { return path_; }

 private:
  std::string name(Id id, std::string_view ending) const;

  const std::string path_;
};

}  // namespace ravelin::proxy
