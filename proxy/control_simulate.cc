#include "proxy/control_simulate.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "proxy/control_address.h"
#include "proxy/control_args.h"
#include "proxy/simulation.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr size_t kAtOnce = 16;
constexpr size_t kMaxHelo = 255;

void simulate(Daemon& daemon, const json& args, const ControlServer::Answer& answer) {
  const auto refuse = [&](const char* name, const char* what) {
    answer(control_error("'" + text(args, name) + "' " + what));
  };
  const auto client = dns::IpAddress::parse(text(args, "ip"));
  const auto from = parse_sender(text(args, "from"));
  auto to = parse_recipient(text(args, "to"));
  const auto helo = smtp::parse_helo(text(args, "helo"), smtp::SyntaxLimits{.domain = kMaxHelo});
  if (!client) return refuse("ip", "is not an IP address");
  if (!helo) return refuse("helo", "is no name that a client can say");
  if (!from) return refuse("from", "is not an address");
  if (!to) return refuse("to", "is not an address");
  SimulationInput input{*client, *helo, {}, {}, args.value("ask", false)};
  input.mail.from = *from;
  input.rcpt.to = *std::move(to);
  daemon.visit_worker([&daemon, input, answer](const WorkerParts& worker) mutable {
    const auto tell = [&daemon, answer](json result) {
      daemon.post([answer, result = std::move(result)]() mutable { answer(std::move(result)); });
    };
    if (worker.guests.size() >= kAtOnce)
      return tell(control_error("others are simulating already: try again in a moment"));
    worker.services.verifier.canonicalise(input.rcpt.to);
    Simulation::begin(worker, std::move(input), tell);
  });
}

}  // namespace

void add_simulate_commands(ControlServer& server, Daemon& daemon) {
  server.handle_later("simulate", [&daemon](const json& args, const ControlServer::Answer& answer) {
    simulate(daemon, args, answer);
  });
}

}  // namespace ravelin::proxy
