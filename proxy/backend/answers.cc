#include "proxy/backend/answers.h"

#include <algorithm>
#include <cassert>

#include "proxy/backend/client_text.h"
#include "smtp/replies.h"

namespace ravelin::proxy {
namespace {

using smtp::Reply;
using smtp::Step;
using Kind = RecipientFate::Kind;

constexpr size_t kMostNamed = 10;  // of a thousand recipients that failed alike ten are enough
constexpr size_t kNameRoom = 256;  // octets of a recipient's name in a reply

Kind kind_of(const Judged& judged) {
  switch (judged.judgement.fault) {
    case Fault::None:
      return Kind::Sent;
    case Fault::User:
      return Kind::Bounced;
    case Fault::Later:
    case Fault::Busy:
    case Fault::Ours:
      break;
  }
  return Kind::Deferred;
}

// A refusal that is taken for ours is no refusal of the recipient, whatever its code.
std::string status_of(Kind kind, const Reply& reply) {
  if (kind == Kind::Deferred && !reply.transient()) return "4.3.0";
  if (reply.enhanced.present()) return reply.status();
  return std::to_string(reply.code / 100) + ".0.0";
}

std::string angle(const smtp::RcptCommand& rcpt) { return '<' + rcpt.to.to_string() + '>'; }

// Calls |act| with each that was not taken, kMostNamed at most; how many more there are.
template <class Act>
size_t each_not_taken(const RecipientAnswers& all, const Act& act) {
  size_t count = 0;
  for (size_t i = 0; i < all.answers.size(); ++i) {
    if (kind_of(all.answers[i]) == Kind::Sent) continue;
    if (count++ < kMostNamed) act(all.rcpts[i], all.answers[i]);
  }
  return count > kMostNamed ? count - kMostNamed : 0;
}

// The sender gets one bounce, and must see in it whose mail it is about.
Reply name_the_failed(const RecipientAnswers& all, const Backend& backend, const Facts& facts) {
  Reply reply(554, {0, 0}, "Not delivered to all recipients:");
  const auto more = each_not_taken(all, [&](const auto& rcpt, const Judged& judged) {
    const auto heard = heard_for(judged, backend, facts);
    reply.lines.push_back(smtp::sanitise(angle(rcpt), kNameRoom) + ' ' + to_log(heard));
  });
  if (more > 0) reply.lines.push_back("and to " + std::to_string(more) + " more");
  return reply;
}

std::string said_of_each(const RecipientAnswers& all, const Backend& backend, const Facts& facts) {
  const bool alike = std::all_of(all.answers.begin(), all.answers.end(), [&](const Judged& other) {
    return other.reply == all.answers.front().reply;
  });
  if (alike) return said_by(backend, facts, all.answers.front().reply, Step::Dot);
  std::string text;
  const auto more = each_not_taken(all, [&](const auto& rcpt, const Judged& judged) {
    text += (text.empty() ? "" : "; ") + angle(rcpt) + ' ' + to_log(judged.reply);
  });
  if (more > 0) text += "; " + std::to_string(more) + " more";
  return said_by(backend, facts, text, Step::Dot);
}

}  // namespace

Reply heard_for(const Judged& judged, const Backend& backend, const Facts& facts) {
  switch (judged.judgement.fault) {
    case Fault::None:
    case Fault::User:
      return for_client(judged.reply, 0, backend, facts);
    case Fault::Later:
      return for_client(judged.reply, later_code(judged.reply), backend, facts);
    case Fault::Busy:
      return smtp::replies::backend_busy();
    case Fault::Ours:
      break;
  }
  return smtp::replies::backend_confused();
}

Folded fold(const RecipientAnswers& all, const Backend& backend, const Facts& facts) {
  assert(!all.answers.empty() && all.answers.size() == all.rcpts.size());
  const auto has = [&](Kind kind) {
    return std::find_if(all.answers.begin(), all.answers.end(),
                        [=](const Judged& judged) { return kind_of(judged) == kind; });
  };
  const auto later = has(Kind::Deferred), refused = has(Kind::Bounced), taken = has(Kind::Sent);
  const auto end = all.answers.end();
  const bool alike = (later != end) + (refused != end) + (taken != end) == 1;

  Folded folded;
  folded.answer = alike ? all.answers.front() : later != end ? *later : *refused;
  folded.heard = heard_for(folded.answer, backend, facts);
  folded.split = !alike && later != end;
  if (folded.split) folded.heard.code = 451;
  if (!alike && later == end) folded.heard = name_the_failed(all, backend, facts);
  folded.said =
      alike && taken != end ? to_log(folded.answer.reply) : said_of_each(all, backend, facts);
  for (const auto& [reply, judgement] : all.answers) {
    folded.answer.judgement.alarm |= judgement.alarm;
    folded.answer.judgement.discard |= judgement.discard;
  }
  return folded;
}

std::vector<RecipientFate> fates(const RecipientAnswers& all, const Backend& backend,
                                 const Facts& facts, std::string_view lost) {
  std::vector<RecipientFate> each;
  each.reserve(all.rcpts.size());
  for (const auto& judged : all.answers) {
    const auto kind = kind_of(judged);
    each.push_back({kind, status_of(kind, judged.reply),
                    kind == Kind::Sent ? to_log(judged.reply)
                                       : said_by(backend, facts, judged.reply, Step::Dot)});
  }
  while (each.size() < all.rcpts.size())
    each.push_back({Kind::Deferred, "4.4.2", std::string(lost)});
  return each;
}

}  // namespace ravelin::proxy
