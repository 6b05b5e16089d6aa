#include "smtp/dialog_state.h"

#include <catch2/catch.hpp>
#include <string>

#include "smtp/replies.h"

namespace ravelin::smtp {
namespace {

// A letter for each event: t TLS offered, T required, s on, g HELO, e EHLO, m MAIL, a and r RCPT
// accepted and refused, x reset.
DialogState after(std::string_view events) {
  DialogState state;
  for (const char event : events) {
    if (event == 't') state.offer_tls(false);
    if (event == 'T') state.offer_tls(true);
    if (event == 's') state.on_secured();
    if (event == 'g') state.on_greeted(false);
    if (event == 'e') state.on_greeted(true);
    if (event == 'm') state.on_mail();
    if (event == 'a') state.on_rcpt_accepted();
    if (event == 'r') state.on_rcpt_refused();
    if (event == 'x') state.reset();
  }
  return state;
}

std::string answer(const DialogState& state, Verb verb) {
  const Reply* const reply = state.refuses(verb);
  return reply ? std::to_string(reply->code) + ' ' + reply->status() : "legal";
}

struct Row {
  std::string_view events;
  Verb verb;
  std::string_view want;
};

TEST_CASE("DialogState keeps the order of commands") {
  const auto row = GENERATE(values<Row>({
      {"", Verb::Mail, "503 5.5.1"},      {"", Verb::Rcpt, "503 5.5.1"},
      {"", Verb::Data, "503 5.5.1"},      {"e", Verb::Mail, "legal"},
      {"g", Verb::Mail, "legal"},         {"e", Verb::Rcpt, "503 5.5.1"},
      {"e", Verb::Data, "503 5.5.1"},     {"em", Verb::Mail, "503 5.5.1"},
      {"em", Verb::Rcpt, "legal"},        {"em", Verb::Data, "503 5.5.1"},
      {"emr", Verb::Data, "554 5.5.1"},   {"emra", Verb::Data, "legal"},
      {"ema", Verb::Rcpt, "legal"},       {"emax", Verb::Data, "503 5.5.1"},
      {"emax", Verb::Rcpt, "503 5.5.1"},  {"emax", Verb::Mail, "legal"},
      {"emae", Verb::Rcpt, "503 5.5.1"},  {"emae", Verb::Mail, "legal"},
      {"emrxm", Verb::Data, "503 5.5.1"},
  }));
  CAPTURE(row.events, verb_name(row.verb));
  CHECK(answer(after(row.events), row.verb) == row.want);
}

TEST_CASE("DialogState knows TLS offered, required and on") {
  const auto row = GENERATE(values<Row>({
      {"e", Verb::Starttls, "502 5.5.1"},
      {"t", Verb::Starttls, "503 5.5.1"},
      {"te", Verb::Starttls, "legal"},
      {"tema", Verb::Starttls, "legal"},
      {"te", Verb::Mail, "legal"},
      {"Te", Verb::Mail, "530 5.7.0"},
      {"Te", Verb::Vrfy, "530 5.7.0"},
      {"Te", Verb::Noop, "legal"},
      {"Te", Verb::Quit, "legal"},
      {"T", Verb::Ehlo, "legal"},
      {"Tes", Verb::Mail, "503 5.5.1"},
      {"Tese", Verb::Mail, "legal"},
      {"Tese", Verb::Starttls, "503 5.5.1"},
      {"temas", Verb::Data, "503 5.5.1"},
  }));
  CAPTURE(row.events, verb_name(row.verb));
  CHECK(answer(after(row.events), row.verb) == row.want);
}

// Whoever may say who a client is could be anybody.
TEST_CASE("XCLIENT and XFORWARD are refused at any time") {
  for (const auto* events : {"", "e", "em", "ema"}) {
    CHECK(answer(after(events), Verb::Xclient) == "550 5.7.0");
    CHECK(answer(after(events), Verb::Xforward) == "550 5.7.0");
  }
}

TEST_CASE("XCLIENT where it is offered: outside of a transaction, and then HELO comes anew") {
  DialogState state;
  state.offer_xclient();
  CHECK(state.refuses(Verb::Xclient) == nullptr);
  state.on_greeted(true);
  state.on_mail();
  CHECK(answer(state, Verb::Xclient) == "503 5.5.1");
  state.reset();
  CHECK(state.refuses(Verb::Xclient) == nullptr);
  state.on_xclient(/*more=*/true);
  CHECK_FALSE(state.greeted());
  CHECK(state.offers_xclient());
  state.on_xclient(/*more=*/false);
  CHECK(answer(state, Verb::Xclient) == "550 5.7.0");
}

TEST_CASE("XCLIENT and TLS leave each other as they are") {
  DialogState state;
  state.offer_xclient();
  state.offer_tls(/*required=*/true);
  CHECK(answer(state, Verb::Xclient) == "530 5.7.0");
  state.on_secured();
  CHECK(state.offers_xclient());
  state.on_xclient(/*more=*/false);
  state.on_greeted(true);
  CHECK(answer(state, Verb::Starttls) == "503 5.5.1");  // it is on
  CHECK(state.refuses(Verb::Mail) == nullptr);
  DialogState clear;
  clear.offer_xclient();
  clear.offer_tls(false);
  clear.on_xclient(/*more=*/false);
  CHECK(clear.offers_tls());
}

TEST_CASE("DialogState names the first thing that is missing") {
  CHECK(after("").refuses(Verb::Data) == &replies::helo_first());
  CHECK(after("e").refuses(Verb::Data) == &replies::mail_first());
  CHECK(after("em").refuses(Verb::Data) == &replies::rcpt_first());
  CHECK(after("emr").refuses(Verb::Data) == &replies::no_valid_recipients());
  CHECK(after("em").refuses(Verb::Mail) == &replies::nested_mail());
}

TEST_CASE("Commands that move no mail are legal at any moment") {
  const auto verb =
      GENERATE(Verb::Helo, Verb::Ehlo, Verb::Rset, Verb::Noop, Verb::Quit, Verb::Vrfy, Verb::Help);
  const std::string events = GENERATE("", "e", "em", "ema");
  CAPTURE(verb_name(verb), events);
  CHECK(answer(after(events), verb) == "legal");
}

TEST_CASE("What is not offered is refused at any moment, and before its argument is read") {
  const auto row = GENERATE(values<Row>({
      {"", Verb::Auth, "502 5.5.1"},
      {"", Verb::Etrn, "502 5.5.1"},
      {"", Verb::Expn, "502 5.5.1"},
      {"", Verb::Starttls, "502 5.5.1"},
      {"", Verb::Bdat, "503 5.5.1"},
      {"", Verb::Unknown, "500 5.5.2"},
  }));
  const std::string events = GENERATE("", "e", "em", "ema");
  CAPTURE(verb_name(row.verb), events);
  CHECK(answer(after(events), row.verb) == row.want);
}

TEST_CASE("The greeting outlives transactions, and the last one counts") {
  CHECK_FALSE(after("").greeted());
  CHECK(after("emax").greeted());
  CHECK(after("emax").esmtp());
  CHECK_FALSE(after("eg").esmtp());
  CHECK(after("emaar").accepted() == 2);
  CHECK(after("emaar").refused() == 1);
  CHECK(after("emaarx").accepted() == 0);
  CHECK_FALSE(after("emae").in_mail());
}

}  // namespace
}  // namespace ravelin::smtp
