// What is kept of mail servers over a restart: who their recipients are, what they offer, and whose
// mail they took for a part of its recipients. A
// restart while one is down must not turn "8BITMIME" off, nor make its empty directory look like a
// thousand strangers' guesses.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/backend/backends.h"
#include "proxy/event/clock.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

// The keywords of an EHLO reply, one a line, and back.
std::string offers_to_text(const smtp::Capabilities& offers);
smtp::Capabilities offers_from_text(std::string_view text);

// On the main thread. All three must outlive it; |store| may be null: then nothing is kept.
class BackendMemory {
 public:
  // Reads the remembered recipients, and keeps those to come, from whatever thread they are
  // accepted on. Before the first worker starts, and to be destroyed after the last has ended.
  BackendMemory(const Clock& clock, Store* store, Backends& backends);
  ~BackendMemory();

  // Tells backends that were not heard of in this run what they offered in earlier ones: after each
  // Backends::configure().
  void restore_offers();
  // Writes down what backends offer by now, if it has changed. Costs little when it has not.
  void save_offers();

 private:
  template <class Memory, Family kFamily>
  class Kept;

  Store* const store_;
  Backends& backends_;
  std::unique_ptr<Kept<Remembered, Family::Remembered>> recipients_;
  std::unique_ptr<Kept<OneByOne, Family::OneByOne>> one_by_one_;
  std::map<std::string, std::string> saved_;  // offers, by backend
};

}  // namespace ravelin::proxy
