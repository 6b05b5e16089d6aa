// What the client hears of a backend's last word, and what becomes of each recipient. LMTP has a
// last word for each (RFC 2033 §4.2) where SMTP has one, so they are folded.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/attempt.h"
#include "proxy/backend/backend.h"
#include "proxy/backend/facts.h"
#include "proxy/observe/journal.h"
#include "smtp/command.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

// For one reply. Never names the backend.
smtp::Reply heard_for(const Judged& judged, const Backend& backend, const Facts& facts);

// The replies to the end of a text, in the order of |rcpts|, as far as they have come.
struct RecipientAnswers {
  std::span<const Judged> answers;
  std::span<const smtp::RcptCommand> rcpts;  // at least as many
};

struct Folded {
  Judged answer;  // for all of them
  smtp::Reply heard;
  std::string said;  // for logs
  // Later for some, and not for all: sent again, the message would come twice to the others.
  bool split = false;
};

// All alike: that reply. Some taken, others refused: 554 with the names of those. Later for any:
// 451. There is an answer for each recipient, and there is one recipient at least.
Folded fold(const RecipientAnswers& all, const Backend& backend, const Facts& facts);

// In the order of the recipients. Those without an answer are deferred, for |lost|.
std::vector<RecipientFate> fates(const RecipientAnswers& all, const Backend& backend,
                                 const Facts& facts, std::string_view lost);

}  // namespace ravelin::proxy
