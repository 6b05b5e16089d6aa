// MAIL: from the client's line, and to a backend's.       RFC 5321 §4.1.1.2, 1870, 6152, 6531,
// 3461, 8689
#include <algorithm>
#include <charconv>

#include "smtp/command.h"
#include "smtp/params.h"
#include "smtp/path.h"

namespace ravelin::smtp {
namespace {

// size-value = 1*20DIGIT                                                       RFC 1870 §3
bool read_size(ParamValue value, const ParamContext&, MailCommand& mail) {
  if (!value || value->size() > 20 || !std::all_of(value->begin(), value->end(), is_digit))
    return false;
  uint64_t octets = 0;
  const char* const end = value->data() + value->size();
  if (std::from_chars(value->data(), end, octets).ec != std::errc()) return false;  // over 2^64-1
  mail.size = octets;
  return true;
}

// body-value = "7BIT" / "8BITMIME". BINARYMIME needs CHUNKING, which is not offered.  RFC 6152 §2
bool read_body(ParamValue value, const ParamContext&, MailCommand& mail) {
  if (!value) return false;
  if (equal_nocase(*value, "7BIT"))
    mail.body = Body::SevenBit;
  else if (equal_nocase(*value, "8BITMIME"))
    mail.body = Body::EightBitMime;
  return mail.body != Body::None;
}

// A keyword without a value.                                                 RFC 6531 §3.4
bool read_smtputf8(ParamValue value, const ParamContext&, MailCommand& mail) {
  mail.smtputf8 = !value;
  return mail.smtputf8;
}

// A keyword without a value.                                                  RFC 8689 §2
bool read_requiretls(ParamValue value, const ParamContext&, MailCommand& mail) {
  mail.requiretls = !value;
  return mail.requiretls;
}

// ret-value = "FULL" / "HDRS"                                                RFC 3461 §4.3
bool read_ret(ParamValue value, const ParamContext&, MailCommand& mail) {
  if (!value) return false;
  if (equal_nocase(*value, "FULL"))
    mail.ret = Ret::Full;
  else if (equal_nocase(*value, "HDRS"))
    mail.ret = Ret::Hdrs;
  return mail.ret != Ret::None;
}

// envid-parameter = "ENVID=" xtext                                           RFC 3461 §4.4
bool read_envid(ParamValue value, const ParamContext& context, MailCommand& mail) {
  if (!value || value->size() > context.limits.envid || !is_xtext(*value)) return false;
  mail.envid = *value;
  return true;
}

constexpr ParamRow<MailCommand> kMailParams[] = {
    {"SIZE", &Offered::size, read_size, "Bad SIZE"},
    {"BODY", &Offered::eightbitmime, read_body, "BODY is 7BIT or 8BITMIME"},
    {"SMTPUTF8", &Offered::smtputf8, read_smtputf8, "SMTPUTF8 takes no value"},
    {"REQUIRETLS", &Offered::requiretls, read_requiretls, "REQUIRETLS takes no value"},
    {"RET", &Offered::dsn, read_ret, "RET is FULL or HDRS"},
    {"ENVID", &Offered::dsn, read_envid, "Bad ENVID"},
};

}  // namespace

// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF             RFC 5321 §4.1.1.2
// Spaces behind the colon are no part of the grammar, but many senders write one.
Expected<MailCommand, SyntaxError> parse_mail(std::string_view argument, const Offered& offered,
                                              const SyntaxLimits& limits) {
  Cursor in(argument);
  in.take_while([](char c) { return c == ' '; });
  if (!in.take_nocase("FROM:")) return SyntaxError{"Expected MAIL FROM:<address>"};
  in.take_while([](char c) { return c == ' '; });

  auto path = parse_path(in, PathUse::Reverse, limits);
  if (!path) return path.error();
  MailCommand mail;
  mail.from = *std::move(path);
  const std::span<const ParamRow<MailCommand>> table = kMailParams;
  if (auto error = read_params(in, table, offered, {limits}, mail)) return *std::move(error);

  if (mail.from.utf8() && !mail.smtputf8)
    return SyntaxError{"This address needs SMTPUTF8", 553, 6, 7};
  return mail;
}

std::string mail_line(const MailCommand& mail, const Offered& backend) {
  std::string line = "MAIL FROM:" + mail.from.path();
  if (mail.size && backend.size) line += " SIZE=" + std::to_string(*mail.size);
  if (mail.body == Body::SevenBit && backend.eightbitmime) line += " BODY=7BIT";
  if (mail.body == Body::EightBitMime && backend.eightbitmime) line += " BODY=8BITMIME";
  if (mail.smtputf8 && backend.smtputf8) line += " SMTPUTF8";
  if (mail.requiretls && backend.requiretls) line += " REQUIRETLS";
  if (!backend.dsn) return line;
  if (mail.ret != Ret::None) line += mail.ret == Ret::Full ? " RET=FULL" : " RET=HDRS";
  if (!mail.envid.empty()) line += " ENVID=" + mail.envid;
  return line;
}

bool needs_more_than(const MailCommand& mail, const Offered& backend) {
  const bool dsn = mail.ret != Ret::None || !mail.envid.empty();
  return (mail.body == Body::EightBitMime && !backend.eightbitmime) ||
         (mail.smtputf8 && !backend.smtputf8) || (mail.requiretls && !backend.requiretls) ||
         (dsn && !backend.dsn);
}

}  // namespace ravelin::smtp
