// What is kept over a restart: rows of bytes by family and slot, written behind by one thread.
// Memory is the truth and the file follows; no call here waits for a disk, but open_store(), load()
// and flush(). A store shared by several machines can stand behind the same interface.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/event/clock.h"
#include "proxy/state/hash.h"

namespace ravelin::proxy {

// Rows of one kind. A slot is the number of an entry in its table, and the rowid on disk.
enum class Family : uint8_t {
  Tuples,      // greylist
  Standing,    // clients
  Groups,      // standing's networks and organisations
  Remembered,  // recipients that backends accepted
  OneByOne,    // clients and senders that are served one recipient at a time
};
inline constexpr size_t kFamilies = 5;
inline constexpr size_t kMaxRow = 200;  // bytes

// Who keeps the rows of a family in memory. Called from the store's thread, and by load() from the
// caller's; must be thread-safe. No call into the Store but put() and erase() from inside.
class RowOwner {
 public:
  // A row as it was put(). An owner that does not want it calls erase(). One that throws
  // std::bad_alloc is given no more of them.
  virtual void load_row(uint32_t slot, std::string_view row) = 0;
  // No row will come any more: all were given, or the rest is lost. Throws nothing.
  virtual void load_end() = 0;

  // Tells |sink| of every slot of part |part| (0, 1, 2, ...): its row, or "" if it is free. False
  // when there is no such part. Used to write a lost file anew. May throw std::bad_alloc, and is
  // asked again then.
  using Sink = std::function<void(uint32_t slot, std::string_view row)>;
  virtual bool dump(uint32_t part, const Sink& sink) = 0;

 protected:
  ~RowOwner() = default;
};

struct StoreStats {
  uint64_t batches = 0;        // transactions written
  uint64_t rows = 0;           // rows written or deleted
  uint64_t failures = 0;       // transactions that failed
  uint64_t pending = 0;        // rows that wait
  uint64_t damaged_files = 0;  // moved aside while running
  bool degraded = false;       // the last write failed, or there is no file
  bool memory_only = false;    // there is no file, and there will be none before a restart
  bool loading = false;        // rows are still being read behind
  uint64_t rows_behind = 0;    // read behind so far
  std::chrono::milliseconds behind_took{};  // what was read last, from load_behind() to load_end()
};

// Thread-safe. Owners must detach() before they go.
class Store {
 public:
  virtual ~Store() = default;  // writes what waits, within a second

  // For the keys of tables: the same for as long as the file lives.
  virtual HashKey hash_key() const = 0;
  // No row of |family| that is still to be read has a higher slot. 0 also if there is none.
  virtual uint32_t highest_slot(Family family) const = 0;

  // Names |owner| and reads all rows now; returns after load_end().
  virtual void load(Family family, RowOwner& owner) = 0;
  // Names |owner|; the rows that there are now are read on the store's thread, while new ones may
  // be put already. New slots must be above highest_slot() until load_end().
  virtual void load_behind(Family family, RowOwner& owner) = 0;
  // |owner| is not called any more once this has returned.
  virtual void detach(Family family) = 0;

  // |row| has at most kMaxRow bytes and is not empty. The latest call for a slot wins.
  virtual void put(Family family, uint32_t slot, std::string_view row) = 0;
  virtual void erase(Family family, uint32_t slot) = 0;

  // Small texts by name (overrides, learned capabilities): all of them are in memory.
  virtual void put_text(const std::string& name, const std::string& value) = 0;
  virtual void erase_text(const std::string& name) = 0;
  virtual std::map<std::string, std::string> texts() const = 0;

  // Waits until everything put so far is on disk, trying at once even while failing. False if it
  // could not be written or |limit| passed.
  virtual bool flush(std::chrono::milliseconds limit) = 0;
  virtual StoreStats stats() const = 0;
};

struct StoreOptions {
  std::chrono::milliseconds batch_delay{200};  // how long a row may wait
  size_t batch_rows = 2000;                    // as many waiting rows are written at once
  // Rows that may wait; beyond it they are dropped and the family is written anew from memory as
  // soon as the disk allows.
  size_t max_pending = 200'000;
  std::chrono::milliseconds first_retry{1000};  // after a failure; doubled up to |last_retry|
  std::chrono::milliseconds last_retry{60'000};
};

// Called with one line each time that an operator should know something: the file was damaged,
// writing fails, writing works again. From any thread.
using StoreAlarm = std::function<void(std::string)>;

// Opens or creates |path| (mode 0600). Null if |path| is "" . Never fails: a file that is damaged,
// foreign or of another version is moved aside to "PATH.broken-TIME" and made anew; where none can
// be written, the store forgets (stats().degraded). Each of these is one alarm. |clock| must
// outlive the store.
std::unique_ptr<Store> open_store(const std::string& path, const Clock& clock, StoreAlarm alarm,
                                  const StoreOptions& options = {});

}  // namespace ravelin::proxy
