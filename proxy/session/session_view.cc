#include "proxy/session/session_view.h"

#include <algorithm>

#include "proxy/session/session.h"

namespace ravelin::proxy {

SessionView Session::view(Time now) const {
  SessionView view{.dialog = info_,
                   .phase = phase_ == Phase::Over ? std::string_view("over")
                                                  : kPhaseNames[static_cast<size_t>(phase_)],
                   .standing = standing_word(),
                   .age = now - arrived_,
                   .in_phase = now - since_,
                   .mail = {}};
  if (!transaction_) return view;
  const auto& its = *transaction_;
  auto& mail = view.mail.emplace();
  mail.id = its.id;
  mail.from = its.mail.from.to_string();
  mail.accepted = its.accepted.size();
  for (size_t i = 0; i < std::min(mail.accepted, SessionView::kRecipients); ++i)
    mail.recipients.push_back(its.accepted[i].to_string());
  if (its.text) mail.octets = its.text->octets;
  return view;
}

// Behind the dot a message has perhaps been taken already, and only its sender's server can tell
// its author: so it must hear the reply.
bool Session::kill() {
  if (phase_ == Phase::Final) return false;
  if (phase_ == Phase::Closing || phase_ == Phase::Over) return true;
  survive([this] { give_up("ended by an administrator", smtp::replies::ended()); });
  return true;
}

}  // namespace ravelin::proxy
