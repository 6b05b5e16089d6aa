// Every reply of the server side that is ours, by meaning: the session holds no texts.
//                                                    RFC 5321 §4.2.2, RFC 3463, RFC 2034
//
// Constant replies are built once and live as long as the program; any thread may use them. The
// texts tell a stranger what to do and nothing about us: not which limit fired, not which backend
// there is. The logs say that. 450 and 454 are not used for our own trouble: log readers count
// these against the client.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "smtp/command.h"
#include "smtp/data_reader.h"
#include "smtp/line_reader.h"
#include "smtp/reply.h"

namespace ravelin::smtp::replies {

// --- Answers to what went well ---
Reply greeting(std::string_view hostname);  // 220; no enhanced code
Reply helo(std::string_view hostname);      // 250; no enhanced code. EHLO: capabilities.h
Reply bye(std::string_view hostname);       // 221 2.0.0
const Reply& ok();                          // 250 2.0.0: NOOP, RSET
const Reply& sender_ok();                   // 250 2.1.0
const Reply& recipient_ok();                // 250 2.1.5, where no backend's own words are at hand
const Reply& start_mail();                  // 354; no enhanced code
const Reply& vrfy();                        // 252 2.5.0
const Reply& help();                        // 214 2.0.0

// --- Commands that cannot be taken ---
Reply syntax(const SyntaxError& error);
const Reply& unknown_command();      // 500 5.5.2
const Reply& no_argument();          // 501 5.5.4: DATA, RSET, QUIT with an argument
const Reply& helo_first();           // 503 5.5.1
const Reply& mail_first();           // 503 5.5.1: RCPT or DATA without MAIL
const Reply& rcpt_first();           // 503 5.5.1: DATA without any RCPT
const Reply& nested_mail();          // 503 5.5.1
const Reply& mail_open();            // 503 5.5.1: XCLIENT inside a transaction
const Reply& no_valid_recipients();  // 554 5.5.1: DATA after refused recipients only
const Reply& not_offered();          // 502 5.5.1: AUTH, ETRN, EXPN, and STARTTLS without TLS
const Reply& not_authorized();       // 550 5.7.0: XFORWARD, and XCLIENT from those not trusted
const Reply& bdat_not_offered();     // 503 5.5.1: close after it

// --- STARTTLS ---                                                      RFC 3207
const Reply& tls_ready();    // 220 2.0.0
const Reply& tls_first();    // 530 5.7.0: where TLS is required
const Reply& tls_already();  // 503 5.5.1
const Reply& tls_busy();     // 454 4.7.0: too many handshakes at present
const Reply& tls_crowded();  // 554 5.5.1: something came behind STARTTLS; close after it

// --- Broken lines: say it once, then close ---
const Reply& garbage();                 // 500 5.5.2
const Reply& bare_line_end();           // 500 5.5.2: CR or LF alone in a command
const Reply& nul_in_command();          // 500 5.5.2
const Reply& line_too_long();           // 500 5.5.2
const Reply& bad_line(LineStatus why);  // one of the three; |why| is a fault

// --- Our 421s: say it, then close ---
const Reply& no_place();           // 421 4.7.0: a limit on dialogs, which one is not said
const Reply& too_many_errors();    // 421 4.7.0
const Reply& too_many_junk();      // 421 4.7.0
const Reply& timeout();            // 421 4.4.2
const Reply& too_slow();           // 421 4.4.2: below the minimum rate in DATA
const Reply& shutting_down();      // 421 4.3.2
const Reply& ended();              // 421 4.3.2: by an administrator
const Reply& no_memory_closing();  // 421 4.3.0

// --- Policy ---
const Reply& early_talker();   // 554 5.5.1: spoke before the greeting; close after it
const Reply& access_denied();  // 554 5.7.1: deny list; close after it
const Reply& relay_denied();   // 554 5.7.1
Reply greylisted(std::chrono::seconds left);  // 451 4.7.1
const Reply& too_many_recipients();           // 452 4.5.3
const Reply& null_sender_one_recipient();     // 452 4.5.3, never 5xx: a refused bounce is lost
const Reply& size_exceeded();                 // 552 5.3.4
const Reply& too_many_bounces();              // 451 4.3.2

// --- The text of a message ---
// 554 5.6.0 for a bare CR or LF, a NUL, or a line too long; 552 5.3.4 for the size; 554 5.4.6 for a
// loop. |fault| is not None.
const Reply& bad_text(DataFault fault);

// --- Trouble that is ours or the backend's: later, never 5xx ---
const Reply& shielded();             // 451 4.7.1: whoever tries names hears nothing of any
const Reply& trouble();              // 451 4.3.0: something failed here
const Reply& no_memory();            // 452 4.3.1
const Reply& backend_unreachable();  // 451 4.4.1
const Reply& backend_lost();         // 451 4.4.2: closed, or timed out, in mid-dialog
const Reply& backend_busy();         // 451 4.4.5: no connection came free, or no answer, in time
const Reply& backend_confused();     // 451 4.3.5: what it said is about us, or is not SMTP
const Reply& backend_lacks();        // 451 4.3.3: it does not offer what the message needs
const Reply& answer_changed();       // 451 4.3.0: asked again at DATA, it said something else
const Reply& breaker_open();         // 451 4.3.0: its recipients cannot be trusted just now
const Reply& other_backend();        // 452 4.5.3: the recipients before belong to another one

// |reply| with " (id)" behind its last line, whose text is cut if the id would not fit. An empty
// |id| changes nothing.
Reply with_id(Reply reply, std::string_view id);

}  // namespace ravelin::smtp::replies
