// The configuration as values. Immutable once loaded: shared by all threads as
// shared_ptr<const Config>, kept by each dialog from its start to its end. What may change under a
// living dialog is Limits, which is published to the workers apart from it.
// Domains and the patterns of lists are in lower case.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::proxy {

using std::chrono::milliseconds;

enum class Mode : uint8_t { Enforce, Shadow };

struct ListenSettings {
  std::vector<std::string> smtp;  // "ADDRESS:PORT"
  uint32_t workers;               // 0: one per core
};

enum class BackendProtocol : uint8_t { Smtp, Lmtp };
enum class BackendTls : uint8_t { Off, May, Encrypt, Verify };
enum class ClientInfo : uint8_t { None, Xforward, Xclient, ProxyV2 };

struct RouteSettings {
  std::vector<std::string> domains;  // "example.com", ".example.com"; with those of domains_file
  std::string domains_file;
  std::vector<std::string> backends;  // "NAME:PORT", in order of preference
  BackendProtocol protocol;
  uint32_t connections;
  ClientInfo client_info;
  std::vector<std::string> unknown_codes;  // "5.4.1": more codes that mean "no such user"
  std::string recipients_file;             // if set, the recipients that exist
  std::vector<std::string> recipients;     // read from it: "user@domain", in lower case, sorted
  uint32_t max_refusals;                   // per connection, since its last accepted message
  uint32_t max_resets;                     // likewise
  uint32_t max_mails;                      // per connection
  milliseconds max_age;                    // of a connection
  uint32_t max_idle;                       // idle connections kept per worker
  uint32_t pipelined_questions;            // on one connection at once; 1: one after the other
  milliseconds idle_timeout;
  milliseconds connect_timeout;
  BackendTls tls;
  std::string tls_name;     // that the certificate must be for; "": the backend's own
  std::string tls_ca_file;  // "": the system's
  std::string tls_ca;       // read from it (PEM)
};

enum class VerifyOrder : uint8_t { AfterGreylist, BeforeGreylist };
// The same, or as [verify] has it.
enum class PressedOrder : uint8_t { Configured, AfterGreylist, BeforeGreylist };

// Trivially copyable: published to the workers whole, read at each use. 0 in a count means as many
// as file descriptors allow.
struct Limits {
  uint32_t sessions;
  uint32_t sessions_per_client;
  uint32_t sessions_per_network;
  double reserved_for_known;
  uint32_t recipients;
  uint64_t message_size;  // bytes
  uint32_t errors;
  uint32_t junk_commands;
  milliseconds command_timeout;
  milliseconds data_timeout;
  milliseconds handshake_timeout;
  milliseconds dialog_time;
  uint32_t handshakes;
  uint64_t data_min_rate;  // bytes per second
  double null_senders;     // share of the strangers' places
  uint32_t refusals_rate;  // per second
  // Not of [limits]: what pressure adds (overload/pressed_limits.h).
  milliseconds least_pause{0};  // before the greeting
  PressedOrder verify_order = PressedOrder::Configured;
};

// What one level of pressure makes stricter for clients without standing.
struct PressureOverlay {
  milliseconds command_timeout;
  milliseconds data_timeout;
  milliseconds handshake_timeout;
  milliseconds dialog_time;
  uint64_t data_min_rate;
  uint32_t errors;
  uint32_t junk_commands;
  uint32_t sessions_per_client;
  uint32_t sessions_per_network;
  milliseconds pause;
  PressedOrder order;
};

enum class PressureLevel : uint8_t { Calm, Busy, Attack, Siege };
inline constexpr size_t kPressureLevels = 4;
// "auto", or one of the levels and then that one, whatever happens.
enum class PressureMode : uint8_t { Auto, Calm, Busy, Attack, Siege };

struct PressureSettings {
  PressureMode level;
  milliseconds hold;
  // Marks; each stands with its row.
  double busy_places;
  double attack_strangers;
  double attack_unknown;
  double attack_null_senders;
  uint32_t attack_sources;
  uint32_t attack_rate;
  milliseconds busy_wait;
  milliseconds busy_lag;
  uint64_t memory;
  std::array<PressureOverlay, kPressureLevels - 1> overlays;  // from Busy on
};

struct HarvestSettings {
  uint32_t unknown;  // 0: off
  milliseconds time;
};

struct DnsSettings {
  std::vector<std::string> servers;  // empty: resolv.conf
  milliseconds timeout;              // one budget per dialog
};

struct AccessSettings {
  std::vector<std::string> allow;  // with the entries of allow_file
  std::vector<std::string> deny;   // with the entries of deny_file
  std::string allow_file;
  std::string deny_file;
  std::vector<std::string> normalise_line_endings;  // clients whose bare LF is taken as CRLF
  std::vector<std::string> proxy_from;              // balancers that send a PROXY header
  std::vector<std::string> xclient_from;            // fronts that may use XCLIENT
};

enum class GreylistScope : uint8_t { Unknown, Suspicious, Off };
enum class NullSender : uint8_t { Data, Rcpt };

struct GreylistSettings {
  GreylistScope apply_to;
  milliseconds delay;
  milliseconds window;
  milliseconds keep;
  NullSender null_sender;
  std::vector<std::string> except_recipients;  // "user@domain", "user@", "@domain"
  std::vector<std::string> except_senders;
  std::vector<std::string> except_clients;  // address, CIDR or confirmed name (".suffix" too)
  uint32_t max_tuples;
};

struct StandingSettings {
  uint32_t good_deliveries;
  uint32_t good_days;
  double good_unknown;
  uint32_t max_clients;
};

struct VerifySettings {
  VerifyOrder order;
  milliseconds timeout;
  milliseconds hold;
  milliseconds negative_ttl;
};

enum class LineEndings : uint8_t { Reject, Normalise };

struct RelaySettings {
  milliseconds final_timeout;
  LineEndings line_endings;
  milliseconds drain_timeout;
};

struct OriginSettings {
  std::string country;  // files; "": none
  std::string asn;
};

struct StateSettings {
  std::string path;  // "": memory only
};

struct HistorySettings {
  uint64_t memory;                 // bytes; 0: nothing is put down
  uint64_t size;                   // bytes of history.db; 0: none
  std::chrono::milliseconds keep;  // there
  uint64_t disk_free;              // bytes; with less it is not written
  bool hash_addresses;
  std::chrono::milliseconds keep_reports;  // of episodes, there
};

enum class CaptureWhen : uint8_t { Episodes, Always };

struct CaptureSettings {
  std::string directory;  // "": nothing is taken
  CaptureWhen when;       // |first_per_print| and |sample| hold
  uint32_t first_per_print;
  double sample;
  std::vector<std::string> sources;
  uint32_t at_once;
  uint64_t message_size;  // bytes, of one
  uint32_t messages;      // in the directory
  uint64_t size;          // bytes, of all
  std::chrono::milliseconds keep;
  uint64_t disk_free;  // bytes
};

enum class LogFormat : uint8_t { Postfix, Json };

// In the order of their names in log_params.cc.
enum class SyslogFacility : uint8_t {
  Mail,
  Daemon,
  User,
  Local0,
  Local1,
  Local2,
  Local3,
  Local4,
  Local5,
  Local6,
  Local7
};

struct LogSettings {
  std::string file;  // "-": stderr; "": none, syslog is there
  LogFormat format;
  uint32_t flood;      // lines per second
  std::string syslog;  // the socket of syslogd; "": none
  SyslogFacility syslog_facility;
  std::string syslog_name;
  bool rfc3339;  // stamps
};

struct AdminSettings {
  std::string socket;
  std::string http;
};

struct Config {
  std::string hostname;
  Mode mode = Mode::Enforce;
  std::string user;  // "" = stay who we are
  ListenSettings listen;
  std::vector<RouteSettings> routes;
  Limits limits;
  PressureSettings pressure;
  HarvestSettings harvest;
  DnsSettings dns;
  AccessSettings access;
  GreylistSettings greylist;
  StandingSettings standing;
  VerifySettings verify;
  RelaySettings relay;
  OriginSettings origin;
  StateSettings state;
  HistorySettings history;
  CaptureSettings capture;
  LogSettings log;
  AdminSettings admin;
  // Settings of the registered sections, by path ("checks.rdns"): whoever registered the section
  // knows the type.
  std::map<std::string, std::shared_ptr<const void>, std::less<>> sections;

  template <class S>
  const S& section(std::string_view path) const {
    return *static_cast<const S*>(sections.find(path)->second.get());
  }
};

}  // namespace ravelin::proxy
