// The habits of the client of one dialog, as they are heard: dialog_print.h. Two hundred machines
// with the same program have the same habits, however many addresses they have.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/observe/journal.h"
#include "proxy/profile/dialog_print.h"
#include "smtp/command.h"

namespace ravelin::proxy {

class Habit {
 public:
  // |line|: a command as it came, without CRLF; |more|: there was input behind it.
  void command(std::string_view line, smtp::Verb verb, bool more);

  // The same number for the same habits, in other runs and on other machines, too. What was named,
  // how often, and how far the dialog came, makes no difference. 0: it said nothing.
  uint64_t print(const DialogInfo& dialog) const;

 private:
  // A session has many members, and is there by the thousands: the print as it will be, without
  // TLS.
  DialogPrint print_{};
  bool idles_ = false;
};

}  // namespace ravelin::proxy
