#include "proxy/session/transaction.h"

namespace ravelin::proxy {

std::string_view greylist_answer_name(GreylistAnswer answer) {
  constexpr std::string_view kNames[] = {"off",    "exempt", "first", "early",
                                         "passed", "known",  "full",  ""};
  return kNames[static_cast<size_t>(answer)];
}

GreylistAnswer greylist_answer(Greylist::Kind kind) {
  constexpr GreylistAnswer kAnswers[] = {GreylistAnswer::First, GreylistAnswer::Early,
                                         GreylistAnswer::Passed, GreylistAnswer::Known,
                                         GreylistAnswer::Full};
  return kAnswers[static_cast<size_t>(kind)];
}

}  // namespace ravelin::proxy
