// A backend's words on their way to the client and to the log.
#pragma once

#include <string>
#include <string_view>

#include "proxy/backend/backend.h"
#include "proxy/backend/facts.h"
#include "smtp/backend_dialog.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

// What the client hears of |reply|: |code| (or the backend's own if 0), its enhanced code (x.0.0 if
// it has none, because we offer ENHANCEDSTATUSCODES) and its words, unless these name the backend:
// then words of ours. Names and addresses inside are for logs.
smtp::Reply for_client(const smtp::Reply& reply, int code, const Backend& backend,
                       const Facts& facts);

// As much of |reply| as is worth keeping where there may be thousands.
smtp::Reply shortened(const smtp::Reply& reply);

// What the client hears of the backend's "later": 451, or 452 where it is about room.
int later_code(const smtp::Reply& reply);

// "550 5.1.1 no such user", one line.
std::string to_log(const smtp::Reply& reply);
// "host mail.internal[192.0.2.7] said: 550 5.1.1 no such user (in reply to RCPT TO command)"
std::string said_by(const Backend& backend, const Facts& facts, const smtp::Reply& reply,
                    smtp::Step step);
std::string said_by(const Backend& backend, const Facts& facts, std::string_view words,
                    smtp::Step step);

}  // namespace ravelin::proxy
