// Numbers of a route are set to stay below what common servers punish: Exim and Exchange allow 20
// connections from one source, Postfix 50; Postfix slows a connection down at its 10th refusal and
// Exim closes one at its 10th RSET.
#include "proxy/config/builtin.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kProtocols[] = {"smtp", "lmtp"};
constexpr uint32_t kNever = 1'000'000'000;  // as good as no limit
constexpr uint8_t kProtocolsBuilt = 2;
constexpr std::string_view kClientInfo[] = {"none", "xforward", "xclient", "proxy-v2"};
constexpr std::string_view kTls[] = {"off", "may", "encrypt", "verify"};  // as BackendTls

constexpr Param kRows[] = {
    with_example(
        text_list_param<&RouteSettings::domains>(
            "domains",
            "The recipient domains of this route; a leading dot means all subdomains. Each domain "
            "belongs to one route only.",
            "[]", check_domain),
        "[\"example.com\", \".example.com\"]"),
    text_param<&RouteSettings::domains_file>("domains_file",
                                             "A file with more domains, one a line, # comments. "
                                             "One without any is an error: more likely its "
                                             "export has failed, and all mail would be refused.",
                                             "\"\""),
    required(text_list_param<&RouteSettings::backends>(
                 "backends",
                 "The mail servers behind, \"NAME:PORT\", tried in order of preference. Routes "
                 "with the same list, protocol and client_info count as one: a message may have "
                 "recipients of all of them.",
                 "", check_host_port),
             "[\"mail.internal:25\"]"),
    choice_param<&RouteSettings::protocol>(
        "protocol",
        "What the backends speak. By \"lmtp\" (Dovecot) each recipient of a message has a verdict "
        "of "
        "its own; if it is later for some only, that sender's mail is taken for one recipient at a "
        "time for five days.",
        "\"smtp\"", kProtocols, kProtocolsBuilt),
    integer_param<&RouteSettings::connections>(
        "connections",
        "Most connections to one backend, of all workers together. Exim and Exchange allow 20 "
        "from one source by default, Postfix 50.",
        "15", 1, 1000),
    choice_param<&RouteSettings::client_info>(
        "client_info",
        "How the backend learns who the client is. The backend must be told to trust us for it. "
        "With "
        "\"xclient\" and \"proxy-v2\" it takes each message on a connection that is the client's "
        "to "
        "it, opened for each transaction once the recipient is known to exist; a backend that does "
        "not take it gets no mail.",
        "\"none\"", kClientInfo),
    text_list_param<&RouteSettings::unknown_codes>(
        "unknown_codes",
        "More enhanced status codes (RFC 3463) that mean \"no such user\" from these backends. "
        "Exchange Online says 5.4.1. Known without: 5.1.1, 5.1.3, 5.1.6, 5.1.10, 5.2.1. A "
        "550, 551 or 553 without such a code counts as one, but is not remembered.",
        "[]", check_no_user_code),
    text_param<&RouteSettings::recipients_file>(
        "recipients_file",
        "A file with the recipients that exist, for backends that accept every address. One "
        "user@domain a line, # comments; upper and lower case are the same, anything else must "
        "match (user+tag is not user). postmaster need not be there. ASCII only: an "
        "internationalised domain in its xn-- form. Without any: as domains_file.",
        "\"\""),
    integer_param<&RouteSettings::max_refusals>(
        "max_refusals",
        "Refusals since its last accepted message after which a connection is replaced. Postfix "
        "answers slowly from the 10th on.",
        "9", 1, kNever),
    integer_param<&RouteSettings::max_resets>(
        "max_resets",
        "RSETs since its last accepted message after which a connection is replaced. Exim counts "
        "them as commands without mail and takes 10.",
        "9", 1, kNever),
    integer_param<&RouteSettings::max_mails>(
        "max_mails", "MAIL commands after which a connection is replaced.", "90", 1, kNever),
    duration_param<&RouteSettings::max_age>("max_age", "Age at which a connection is replaced.",
                                            "\"4m\"", 1s, 24h),
    integer_param<&RouteSettings::max_idle>(
        "max_idle",
        "Idle connections kept per worker. What is more is closed after "
        "a second without use; with 0, at once.",
        "5", 0, 1000),
    integer_param<&RouteSettings::pipelined_questions>(
        "pipelined_questions",
        "While others wait for a connection, this many questions of clients without good standing "
        "are sent on one at once, each a transaction of its own (needs PIPELINING); never more "
        "than max_refusals and max_resets leave. 1: one after the other.",
        "9", 1, 50),
    duration_param<&RouteSettings::idle_timeout>(
        "idle_timeout", "How long an idle connection is kept.", "\"60s\"", 1s, 1h),
    duration_param<&RouteSettings::connect_timeout>(
        "connect_timeout",
        "How long connecting to a backend may take, until the next one is tried.", "\"30s\"", 1s,
        5min),
    choice_param<&RouteSettings::tls>(
        "tls",
        "STARTTLS towards the backends (RFC 3207). may: where it is offered, and in the clear "
        "where "
        "it is not or does not work; encrypt: always, with whatever certificate; verify: always, "
        "with a certificate that a known authority has issued for this backend. Routes that share "
        "a backend must agree.",
        "\"may\"", kTls),
    text_param<&RouteSettings::tls_name>(
        "tls_name",
        "The name that the backends' certificate must be for, and that they are asked for (SNI). "
        "Empty: as it stands in backends.",
        "\"\"", check_hostname),
    text_param<&RouteSettings::tls_ca_file>(
        "tls_ca_file",
        "A PEM file with the certificates of the authorities that tls = \"verify\" believes, or "
        "with the backend's own. Empty: those of the system. Read again at a reload.",
        "\"\""),
};

}  // namespace

constinit const BuiltinSection kRouteSection = {
    {"route",
     "Which domains go to which mail servers. Once per group of domains; at least one is needed.",
     kRows},
    nullptr};

}  // namespace ravelin::proxy
