#include "proxy/control_address.h"

#include <string>

#include "smtp/command.h"

namespace ravelin::proxy {

std::optional<smtp::Address> parse_recipient(std::string_view given) {
  const auto parsed = smtp::parse_rcpt("TO:<" + std::string(given) + ">", smtp::Offered{}, true,
                                       smtp::SyntaxLimits{});
  if (!parsed) return {};
  return parsed->to;
}

std::optional<smtp::Address> parse_sender(std::string_view given) {
  if (given.empty() || given == "<>") return smtp::Address{};
  return parse_recipient(given);
}

}  // namespace ravelin::proxy
