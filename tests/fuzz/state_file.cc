// State files that are damaged, truncated or not ours: an error, or a file that works.
#include <filesystem>
#include <string>

#include "fuzz/script.h"
#include "proxy/state/sqlite_file.h"
#include "support/temp_dir.h"

namespace ravelin::fuzz {
namespace {

using proxy::Family;
using proxy::SqliteFile;

const proxy::HashKey kKey{};

// A sound file and its write-ahead log, as a killed process leaves them.
struct Sound {
  std::string file, log;
};

void write_rows(SqliteFile& file, uint32_t from) {
  proxy::Changes changes;
  for (uint32_t slot = from; slot < from + 20; ++slot) {
    for (const auto family : {Family::Tuples, Family::Standing, Family::Remembered})
      changes.rows[{family, slot}] = std::string(20 + slot, 'x');
  }
  changes.texts["override." + std::to_string(from)] = "text";
  must(file.write(changes).ok(), "a sound file is written");
}

class Place {
 public:
  Place() : path_(dir_.file("state.db")) {
    auto opened = SqliteFile::open(path_, kKey);
    must(opened.file != nullptr, "a file can be made");
    write_rows(*opened.file, 0);
    opened.file.reset();
    opened = SqliteFile::open(path_, kKey);
    must(opened.file != nullptr, "a file can be opened again");
    write_rows(*opened.file, 10);
    sound_ = {test::read_file(path_), test::read_file(path_ + "-wal")};
    opened.file.reset();
  }
  const Sound& sound() const { return sound_; }
  const std::string& put(const std::string& file, const std::string& log) {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      std::filesystem::remove(entry.path());
    test::write_file(path_, file);
    if (!log.empty()) test::write_file(path_ + "-wal", log);
    return path_;
  }

 private:
  test::TempDir dir_;
  std::string path_;
  Sound sound_;
};

// Octets over octets, at a place of three octets; the length is one.
void damage(Script& script, std::string& bytes) {
  const size_t at = script.number() << 8 | script.octet();
  const auto patch = script.take(1 + script.octet() % 16);
  if (bytes.empty()) return;
  for (size_t i = 0; i < patch.size(); ++i) bytes[(at + i) % bytes.size()] = patch[i];
}

// A script of what happens to a sound file, or the file itself.
Sound made_by(Script& script, const Sound& sound) {
  if (script.octet() % 2 == 1) {
    const auto size = script.number();
    return {std::string(script.take(size)), std::string(script.rest())};
  }
  Sound files = sound;
  while (!script.at_end()) {
    const auto step = script.octet();
    auto& bytes = (step & 1) != 0 ? files.log : files.file;
    if ((step & 6) == 6)
      bytes.resize(std::min(bytes.size(), script.number() * 2));
    else
      damage(script, bytes);
  }
  return files;
}

void use(const std::string& path) {
  auto opened = SqliteFile::open(path, kKey);
  must((opened.file != nullptr) == opened.result.ok(), "a file, or why not");
  if (!opened.file) return must(!opened.result.why.empty(), "there are words for it");
  for (size_t i = 0; i < proxy::kFamilies; ++i) {
    int64_t next = 0;
    for (int round = 0; next <= UINT32_MAX; ++round) {
      const auto before = next;
      const auto read = opened.file->read(
          static_cast<Family>(i), &next, UINT32_MAX, 100,
          [](auto, auto row) { must(row.size() <= proxy::kMaxRow, "a row is bounded"); });
      if (!read.ok()) break;
      must(next > before && round < 1000, "reading goes on and ends");
    }
  }
  proxy::Changes changes;
  changes.rows[{Family::Tuples, 5}] = "row";
  opened.file->write(changes);
}

}  // namespace

void run(std::string_view input) {
  static Place place;  // the only state that runs share, and each puts its own files there
  Script script(input);
  const auto files = made_by(script, place.sound());
  use(place.put(files.file, files.log));
}

}  // namespace ravelin::fuzz
