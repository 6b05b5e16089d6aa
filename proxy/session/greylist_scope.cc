#include "proxy/session/greylist_scope.h"

#include "proxy/checks/greylist_exceptions.h"

namespace ravelin::proxy {

// Standing and exceptions come before everything, for nothing that a check found delays them.
GreylistAnswer greylist_scope(const Policy& policy, const GreylistCase& its) {
  const auto& settings = policy.config().greylist;
  const auto& exceptions = policy.greylist_exceptions();
  if (settings.apply_to == GreylistScope::Off) return GreylistAnswer::Off;
  if (its.standing || is_role_mailbox(its.recipient)) return GreylistAnswer::Exempt;
  if (exceptions.client(its.client, its.name) || exceptions.sender(its.sender) ||
      exceptions.recipient(its.recipient))
    return GreylistAnswer::Exempt;
  if (settings.apply_to == GreylistScope::Suspicious && !its.suspicious) return GreylistAnswer::Off;
  // Other sites verify senders of ours with a null sender that stops before DATA.
  const bool waits = its.sender.null() && settings.null_sender == NullSender::Data;
  return waits && !its.at_data ? GreylistAnswer::Off : GreylistAnswer::Ask;
}

}  // namespace ravelin::proxy
