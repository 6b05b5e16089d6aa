// What a dialog takes from the worker that it lives on.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <vector>

#include "dns/resolver.h"
#include "proxy/backend/verifier.h"
#include "proxy/capture/captures.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/event/stream.h"
#include "proxy/observe/dialog_record.h"
#include "proxy/observe/journal.h"
#include "proxy/overload/harvest_shield.h"
#include "proxy/overload/tally.h"
#include "proxy/session/arrival.h"
#include "proxy/session/ehlo_reply.h"
#include "proxy/session/trace.h"
#include "proxy/standing/greylist.h"
#include "proxy/standing/standing.h"

namespace ravelin::proxy {

class Session;

// One per worker, used on its thread only; outlives its sessions, as do all that it refers to.
class Services {
 public:
  Services(Reactor& reactor_of, const Clock& clock_of, dns::Resolver& resolver_of,
           Verifier& verifier_of, Journal& journal_of, Greylist& greylist_of, Standing& standing_of)
      : reactor(reactor_of),
        clock(clock_of),
        resolver(resolver_of),
        verifier(verifier_of),
        journal(journal_of),
        greylist(greylist_of),
        standing(standing_of),
        trace(clock_of) {}
  virtual ~Services() = default;

  // Unique in the process, ordered in time.
  virtual Id next_id() = 0;
  // As published last: read at each use, never kept, so that a change acts on living dialogs.
  // Those for clients with standing and allow-listed ones do not change with pressure.
  virtual const Limits& limits(bool standing) const = 0;
  // STARTTLS towards clients. Without a certificate it is not offered.
  virtual bool offers_tls() const { return false; }
  // A place among the handshakes under way; a null handle if there is none for |trusted| or not.
  // The place is free again when the handle is destroyed.
  virtual Handle enter_handshake(bool trusted) {
    (void)trusted;
    return nullptr;
  }
  // Likewise for |client|, which has no standing and sends with the null sender.
  virtual Handle enter_bounce(const dns::IpAddress& client) = 0;
  virtual void start_tls(Stream& stream, uint32_t listener) {
    (void)stream, (void)listener;
    assert(!"not offered");
  }
  // A place and all that is known of |client|, whom a connection to |listener| turned out to be;
  // nothing if there is no place, and then the journal knows.
  virtual std::optional<Arrival> arrive(const dns::Endpoint& client, uint32_t listener) {
    (void)client, (void)listener;
    return {};
  }
  // The harvest shield: a recipient of |client|, which has no standing, was unknown or known; is
  // |client| to hear nothing of its recipients for now?
  virtual void recipient_answered(const dns::IpAddress& client, Asked asked, bool unknown) {
    (void)client, (void)asked, (void)unknown;
  }
  virtual bool shielded(const dns::IpAddress& client, Asked asked) {
    (void)client, (void)asked;
    return false;
  }
  // What is taken of doomed transactions; null: nothing.
  virtual Captures* captures() { return nullptr; }
  // How dialogs are put down; null: they are not.
  virtual const RecordOptions* recording() const { return nullptr; }
  // The dialog has ended.
  virtual void record(const DialogInfo& dialog, VerbCounts counts, const DialogRecord& record) {
    (void)dialog, (void)counts, (void)record;
  }
  // |session| is another client's from now on.
  virtual void refile(const Session& session) { (void)session; }
  // |session| is over: destroy it at the end of this turn, not before (it is on the stack).
  virtual void retire(Session& session) = 0;

  Reactor& reactor;
  const Clock& clock;
  dns::Resolver& resolver;
  Verifier& verifier;
  Journal& journal;
  Greylist& greylist;
  Standing& standing;
  Tally tally;     // of what the dialogs here do
  TraceTap trace;  // who looks at them

  // Work space shared by the sessions of this worker; nothing in it survives a call.
  std::string wire;  // a reply on its way into the stream
  std::string text;  // message text on its way from the reader to the backend
  EhloReply ehlo;
};

}  // namespace ravelin::proxy
