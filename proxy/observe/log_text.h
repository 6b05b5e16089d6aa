// Pieces of log lines that several formats share.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/observe/journal.h"

namespace ravelin::proxy {

void append_number(std::string& out, uint64_t number);
void append_id(std::string& out, Id id);
// "5.1.1"; nothing if the reply has no enhanced code.
void append_status(std::string& out, const smtp::Reply& reply);
// Seconds as Postfix writes them: two significant digits, at most two behind the point, no trailing
// zeros: "0", "0.05", "0.12", "1.3", "12", "340".
void append_delay(std::string& out, std::chrono::nanoseconds delay);
// "3.1"
void append_millis(std::string& out, std::chrono::nanoseconds time);
// "local@domain", "postmaster", or nothing for null and for the null reverse-path; raw.
std::string address_text(const smtp::Address* address);

// Cuts " (ID)" off the end of |text|, as smtp::replies::with_id() writes it, and returns the ID; ""
// if there is none.
std::string_view take_id(std::string_view& text);

// The Message-ID without white space around it and without its < >.
std::string_view bare_message_id(std::string_view raw);
// The enhanced code that the backend's "250 2.6.0 ..." carries, if it is one of success; else
// "2.0.0".
std::string_view delivered_status(std::string_view said);

// Lower case, in smtp::Verb's order.
inline constexpr std::string_view kVerbNames[] = {
    "helo", "ehlo",     "mail", "rcpt", "data", "rset", "noop",    "quit",     "vrfy",
    "help", "starttls", "auth", "bdat", "etrn", "expn", "xclient", "xforward", "unknown"};

}  // namespace ravelin::proxy
