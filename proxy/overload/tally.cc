#include "proxy/overload/tally.h"

namespace ravelin::proxy {

TallySums& TallySums::operator+=(const TallySums& other) {
  arrivals += other.arrivals;
  turned_away += other.turned_away;
  new_sources += other.new_sources;
  mails += other.mails;
  null_senders += other.null_senders;
  answers += other.answers;
  unknown += other.unknown;
  questions += other.questions;
  waited += other.waited;
  return *this;
}

TallySums TallySums::operator-(const TallySums& earlier) const {
  return {.arrivals = arrivals - earlier.arrivals,
          .turned_away = turned_away - earlier.turned_away,
          .new_sources = new_sources - earlier.new_sources,
          .mails = mails - earlier.mails,
          .null_senders = null_senders - earlier.null_senders,
          .answers = answers - earlier.answers,
          .unknown = unknown - earlier.unknown,
          .questions = questions - earlier.questions,
          .waited = waited - earlier.waited};
}

TallySums Tally::read() const {
  const auto of = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  return {.arrivals = of(arrivals_),
          .turned_away = of(turned_away_),
          .new_sources = of(new_sources_),
          .mails = of(mails_),
          .null_senders = of(null_senders_),
          .answers = of(answers_),
          .unknown = of(unknown_),
          .questions = of(questions_),
          .waited = std::chrono::nanoseconds(of(waited_))};
}

}  // namespace ravelin::proxy
