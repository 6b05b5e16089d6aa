#include "proxy/control_address.h"

#include <string>

#include "dns/idn.h"
#include "smtp/command.h"

namespace ravelin::proxy {
namespace {

std::optional<smtp::Address> parse(std::string_view given) {
  const auto parsed = smtp::parse_rcpt("TO:<" + std::string(given) + ">", smtp::Offered{}, true,
                                       smtp::SyntaxLimits{});
  if (!parsed) return {};
  return parsed->to;
}

}  // namespace

std::optional<smtp::Address> parse_recipient(std::string_view given) {
  auto to = parse(given);
  if (to) to->domain = dns::to_a_labels(to->domain);
  return to;
}

std::optional<smtp::Address> parse_sender(std::string_view given) {
  if (given.empty() || given == "<>") return smtp::Address{};
  return parse(given);
}

}  // namespace ravelin::proxy
