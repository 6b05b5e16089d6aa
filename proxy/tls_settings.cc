#include "proxy/tls_settings.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proxy/backend/secrecy.h"
#include "proxy/config/document.h"
#include "proxy/config/read_file.h"
#include "proxy/config/report.h"
#include "proxy/config/section.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPath = "tls";
constexpr auto kSoon = 14 * 24h;
constexpr std::string_view kVersions[] = {"1.2", "1.3"};  // in the order of TlsVersion

constexpr Param kRows[] = {
    with_example(
        text_list_param<&TlsSettings::certificates>(
            "certificates",
            "PEM files, each a certificate followed by its chain, and by its key unless keys names "
            "that. Several are chosen from by the name that the client asks for (SNI), and for one "
            "name by what kinds of key it knows; the first is shown to clients that ask for no "
            "name of ours. []: no STARTTLS. Read again at a reload.",
            "[]"),
        "[]"),
    text_list_param<&TlsSettings::keys>(
        "keys",
        "PEM files with the keys of certificates, in the same order, without password. []: they "
        "are in the files of the certificates.",
        "[]"),
    choice_param<&TlsSettings::min_version>(
        "min_version", "The oldest version of TLS that clients may use.", "\"1.2\"", kVersions),
    text_list_param<&TlsSettings::required>(
        "required",
        "Addresses of listen.smtp where nothing is taken before STARTTLS. Not for the port that "
        "the MX record leads to: RFC 3207 §4 forbids it there.",
        "[]", check_endpoint),
};

const Value* value_of(const Value& root, std::string_view key) {
  const Value* const table = root.find(kPath);
  return table ? table->find(key) : nullptr;
}

Place place_of(const Value& root, std::string_view key, size_t index) {
  const Value* const list = value_of(root, key);
  if (list == nullptr) return {};
  return index < list->items.size() ? list->items[index].place : list->place;
}

constexpr size_t kMaxPem = 1'000'000;  // bytes

smtp::Expected<PemFile, std::string> read_pem(const std::string& name) {
  std::string error;
  auto text = read_file(name, kMaxPem, error);
  if (!text) return name + ": " + error;
  return PemFile{name, *std::move(text)};
}

smtp::Expected<TlsCertificate, std::string> load_certificate(const std::string& file,
                                                             const std::string& key_file) {
  auto chain = read_pem(file);
  if (!chain) return chain.error();
  auto key = read_pem(key_file);
  if (!key) return key.error();
  return parse_certificate(*std::move(chain), *std::move(key));
}

void load_all(const Value& root, TlsSettings& settings, Report& report) {
  const auto& keys = settings.keys;
  if (!keys.empty() && keys.size() != settings.certificates.size())
    return report.error(place_of(root, "keys", keys.size()),
                        fmt::format("keys: {} files for {} certificates", keys.size(),
                                    settings.certificates.size()));
  for (size_t i = 0; i < settings.certificates.size(); ++i) {
    const auto& file = settings.certificates[i];
    auto loaded = load_certificate(file, keys.empty() ? file : keys[i]);
    if (!loaded)
      report.error(place_of(root, "certificates", i), "certificates: " + loaded.error());
    else
      settings.loaded.push_back(*std::move(loaded));
  }
}

// OpenSSL has a last word: a key may be too short for it.
void try_out(const Value& root, const TlsSettings& settings, Report& report) {
  if (settings.loaded.empty() || !report.clean()) return;
  const TicketKeys keys;
  if (const auto made = TlsServer::make(server_settings(settings), keys); !made)
    report.error(place_of(root, "certificates", settings.certificates.size()),
                 "certificates: " + made.error());
}

void check_required(const Value& root, const Config& config, const TlsSettings& settings,
                    Report& report) {
  for (size_t i = 0; i < settings.required.size(); ++i) {
    const auto& wanted = settings.required[i];
    const auto& listeners = config.listen.smtp;
    if (std::find(listeners.begin(), listeners.end(), wanted) == listeners.end())
      report.error(place_of(root, "required", i),
                   fmt::format("required: {} is not in listen.smtp", quoted(wanted)));
  }
  if (!settings.required.empty() && settings.certificates.empty())
    report.error(place_of(root, "required", 0), "required: there are no certificates");
}

// What the routes' authorities are is their own section's; that OpenSSL takes them is said here.
void check_routes(const Value& root, const Config& config, Report& report) {
  const Value* const routes = root.find("route");
  for (size_t i = 0; i < config.routes.size(); ++i) {
    const auto secrecy = Secrecy::from(config.routes[i]);
    if (secrecy->trouble.empty()) continue;
    const Value* const file = routes->items[i].find("tls_ca_file");
    report.error(file != nullptr ? file->place : routes->items[i].place,
                 "tls_ca_file: " + secrecy->trouble);
  }
}

void complete(const Value& root, const Config& config, void* raw, Report& report) {
  auto& settings = *static_cast<TlsSettings*>(raw);
  load_all(root, settings, report);
  check_required(root, config, settings, report);
  try_out(root, settings, report);
  check_routes(root, config, report);
}

constinit const Section kSection = {kPath, "STARTTLS towards clients (RFC 3207).", kRows,
                                    make_settings<TlsSettings>, complete};
const RegisterSection registered(kSection);

}  // namespace

const TlsSettings& tls_settings(const Config& config) { return config.section<TlsSettings>(kPath); }

TlsServerSettings server_settings(const TlsSettings& settings) {
  TlsServerSettings server;
  server.certificates = settings.loaded;
  server.min_version = settings.min_version;
  return server;
}

bool requires_tls(const TlsSettings& settings, std::string_view listener) {
  const auto& required = settings.required;
  return std::find(required.begin(), required.end(), listener) != required.end();
}

std::vector<std::string> expiry_warnings(const TlsSettings& settings, Wall now) {
  std::vector<std::string> warnings;
  for (const auto& certificate : settings.loaded) {
    const auto left = certificate.not_after - now;
    if (left >= kSoon) continue;
    const auto day =
        fmt::format("{:%Y-%m-%d %H:%M} UTC",
                    fmt::gmtime(std::chrono::system_clock::to_time_t(certificate.not_after)));
    warnings.push_back(fmt::format("tls: the certificate in {} {} {}", certificate.file,
                                   left.count() <= 0 ? "has expired:" : "expires:", day));
  }
  return warnings;
}

std::vector<std::string> expired_anew(const TlsSettings& now, const TlsSettings& next, Wall time) {
  std::vector<std::string> errors;
  for (const auto& certificate : next.loaded) {
    if (certificate.not_after > time) continue;
    const bool known = std::any_of(now.loaded.begin(), now.loaded.end(),
                                   [&](const auto& old) { return old.chain == certificate.chain; });
    if (!known) errors.push_back("tls: the certificate in " + certificate.file + " has expired");
  }
  return errors;
}

}  // namespace ravelin::proxy
