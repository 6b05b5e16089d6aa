// XCLIENT: a front that we trust says whose dialog this is, and from here on it is as if that
// client had connected: its place, its lists, its checks, its greeting. Only what the connection
// itself is stays: TLS, and the listener.                              Postfix XCLIENT_README
#include <utility>

#include "proxy/session/session.h"

namespace ravelin::proxy {
namespace {

std::optional<dns::Fcrdns> name_of(const smtp::XclientCommand& said) {
  using Name = smtp::XclientCommand::Name;
  using Status = dns::Fcrdns::Status;
  switch (said.name_is) {
    case Name::Given:
      return dns::Fcrdns{Status::Confirmed, said.name};
    case Name::None:
      return dns::Fcrdns{Status::None, {}};
    case Name::Unsure:
      return dns::Fcrdns{Status::DontKnow, {}};
    case Name::NotSaid:
      break;
  }
  return {};
}

}  // namespace

// What does not fit on one line comes in several, the address in the last of them.
void Session::on_xclient(const smtp::Command& command) {
  const auto said = smtp::parse_xclient(command.argument);
  if (!said) return syntax_error("XCLIENT", command, said.error());
  if (said->address.empty()) {
    state_.on_xclient(/*more=*/true);
    forget_greeting();
    return reply(policy_->greeting());
  }
  const auto address = dns::IpAddress::parse(said->address);
  if (!address || address->is_v4() == said->v6)
    return syntax_error("XCLIENT", command, {"Bad value of ADDR"});
  become({*address, said->port}, name_of(*said));
}

// As after a handshake: EHLO comes again.
void Session::forget_greeting() {
  held_.forget(Stage::Helo);
  offered_ = {};
  info_.helo.clear();
  info_.esmtp = false;
}

// The front's place is given back first, or the last one could be taken by nobody. Without another
// one the connection has until the next sweep, as in yield().
void Session::become(const dns::Endpoint& client, std::optional<dns::Fcrdns> name) {
  say_connected();
  services_.journal.message(Severity::Info, "XCLIENT from " + info_.client.to_string() + " (" +
                                                id_text(info_.id) + "): the client is " +
                                                client.to_string());
  place_ = {};
  auto arrival = services_.arrive(client, listener_);
  if (!arrival) {
    close_with(smtp::replies::no_place());
    doomed_ = true;
    return;
  }

  count_taken();
  say_disconnected();
  held_.forget(Stage::Connect);
  forget_greeting();
  state_.on_xclient(/*more=*/false);
  dns_.restart(config().dns.timeout, std::move(name));
  place_ = std::move(arrival->place);
  access_ = arrival->access;
  grade_ = arrival->grade;
  info_.client = client;
  services_.refile(*this);
  info_.name.clear();
  info_.id = arrival->id;
  info_.serial = arrival->serial;
  verb_ = smtp::Verb::Unknown;
  spoken_ = said_connected_ = pause_over_ = unknown_seen_ = false;
  errors_ = junk_ = 0;
  recipients_ = {};
  habit_ = {};
  introduced_ = true;
  counts_ = {};
  phase_ = Phase::Greeting;
  begin();
}

}  // namespace ravelin::proxy
