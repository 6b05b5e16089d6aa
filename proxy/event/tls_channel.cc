#include "proxy/event/tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/event/sys.h"

namespace ravelin::proxy {
namespace {

// Of the socket, in one call: two full records. Who sends records of one octet, or nothing but
// alerts and KeyUpdates, comes no further in one turn than others.
constexpr uint32_t kCallBudget = 2 * 16'640;
// A key lasts for millions of records (RFC 8446 §5.5); who changes it all the time wants our CPU.
constexpr uint32_t kMaxKeyUpdates = 32;
constexpr unsigned char kKeyUpdate = 24;  // RFC 8446 §4

}  // namespace

// The BIO method of all channels, made once.
struct SysBio {
  static const BIO_METHOD* method() {
    static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> made = [] {
      std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> ours(
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ravelin"), &BIO_meth_free);
      if (!ours) return ours;
      BIO_meth_set_write(ours.get(), &TlsChannel::bio_write);
      BIO_meth_set_read(ours.get(), &TlsChannel::bio_read);
      BIO_meth_set_ctrl(ours.get(), &TlsChannel::bio_control);
      return ours;
    }();
    return made.get();
  }
};

void free_ssl(ssl_st* ssl) { SSL_free(ssl); }

TlsParcel to_parcel(std::unique_ptr<TlsChannel> channel) noexcept {
  return {channel.release(), [](TlsChannel* left) noexcept { delete left; }};
}

TlsChannel::TlsChannel(SslPtr ssl, Side side, std::shared_ptr<const void> keep)
    : keep_(std::move(keep)), ssl_(std::move(ssl)), side_(side) {}

TlsChannel::~TlsChannel() { ERR_clear_error(); }

bool TlsChannel::attach(int fd) {
  fd_ = fd;
  const auto* const method = SysBio::method();
  BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_msg_callback(ssl_.get(), &TlsChannel::on_message);
  SSL_set_msg_callback_arg(ssl_.get(), this);
  if (side_ == Side::Server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  return true;
}

// --- the socket below ---------------------------------------------------------------------------

int TlsChannel::bio_write(BIO* bio, const char* bytes, int size) {
  auto& channel = *static_cast<TlsChannel*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto sent = sys.send(channel.fd_, bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  channel.errno_ = errno;
  if (errno == EAGAIN || errno == EINTR) BIO_set_retry_write(bio);
  return -1;
}

int TlsChannel::bio_read(BIO* bio, char* buffer, int size) {
  auto& channel = *static_cast<TlsChannel*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto room = std::min(static_cast<uint32_t>(size), channel.budget_);
  if (room == 0) {  // the socket stays readable: the next turn goes on
    channel.errno_ = EAGAIN;
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto got = sys.recv(channel.fd_, buffer, room, 0);
  if (got > 0) channel.budget_ -= static_cast<uint32_t>(got);
  if (got == 0) channel.at_end_ = true;
  if (got >= 0) return static_cast<int>(got);
  channel.errno_ = errno;
  if (errno == EAGAIN || errno == EINTR) BIO_set_retry_read(bio);
  return -1;
}

long TlsChannel::bio_control(BIO* bio, int command, long, void*) {
  const auto& channel = *static_cast<const TlsChannel*>(BIO_get_data(bio));
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return channel.at_end_ ? 1 : 0;
  return 0;
}

void TlsChannel::on_message(int write, int, int content, const void* bytes, size_t size, SSL*,
                            void* self) {
  const bool update = write == 0 && content == SSL3_RT_HANDSHAKE && size > 0 &&
                      *static_cast<const unsigned char*>(bytes) == kKeyUpdate;
  if (update) ++static_cast<TlsChannel*>(self)->key_updates_;
}

bool TlsChannel::flooded() const { return key_updates_ > kMaxKeyUpdates; }

// --- calls
// ----------------------------------------------------------------------------------------

// What another connection left in this thread's queue of errors would be taken for ours.
void TlsChannel::before_call() {
  ERR_clear_error();
  errno_ = 0;
  budget_ = kCallBudget;
  wants_write_ = false;
}

// What OpenSSL's |result| means as recv() or send() would say it.
ssize_t TlsChannel::judge(int result) {
  if (flooded()) {
    trouble_ = "too many key updates";
    errno = EPROTO;
    return -1;
  }
  if (result > 0) return result;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_SYSCALL:
      errno = errno_ != 0 ? errno_ : ECONNRESET;
      return -1;
    default:
      if (const auto code = ERR_peek_error(); code != 0)
        if (const char* const reason = ERR_reason_error_string(code)) trouble_ = reason;
      errno = EPROTO;
      return -1;
  }
}

TlsChannel::Step TlsChannel::shake_hands() {
  before_call();
  const auto result = judge(SSL_do_handshake(ssl_.get()));
  if (result > 0) return Step::Done;
  if (result < 0 && errno == EAGAIN) return Step::Again;
  if (*trouble_ == '\0')  // nothing that OpenSSL minds
    trouble_ = result == 0 ? "lost connection" : strerrordesc_np(errno);
  if (trouble_ == nullptr) trouble_ = "unknown error";
  return Step::Failed;
}

ssize_t TlsChannel::read(char* buffer, size_t size, bool peek) {
  before_call();
  const auto most = static_cast<int>(std::min<size_t>(size, INT32_MAX));
  return judge(peek ? SSL_peek(ssl_.get(), buffer, most) : SSL_read(ssl_.get(), buffer, most));
}

// Without renegotiation no write waits for input: if one says so, there is nothing to wait for.
ssize_t TlsChannel::write(const char* bytes, size_t size) {
  before_call();
  const auto most = static_cast<int>(std::min<size_t>(size, INT32_MAX));
  const auto sent = judge(SSL_write(ssl_.get(), bytes, most));
  if (sent < 0 && errno == EAGAIN && !wants_write_) errno = EPROTO;
  if (sent == 0) {
    errno = EPIPE;
    return -1;
  }
  return sent;
}

bool TlsChannel::pending() const {
  const bool ended = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  return ended || SSL_pending(ssl_.get()) > 0;
}

void TlsChannel::close_notify() {
  before_call();
  (void)SSL_shutdown(ssl_.get());
}

TlsFacts TlsChannel::facts() const {
  TlsFacts facts;
  facts.version = SSL_get_version(ssl_.get());
  if (const auto* const cipher = SSL_get_current_cipher(ssl_.get())) {
    facts.cipher = SSL_CIPHER_get_name(cipher);
    facts.bits = SSL_CIPHER_get_bits(cipher, nullptr);
  }
  facts.resumed = SSL_session_reused(ssl_.get()) == 1;
  if (side_ == Side::Server) {
    facts.server_name = asked_name(ssl_.get());
    return facts;
  }
  const auto verdict = SSL_get_verify_result(ssl_.get());
  facts.verified = verdict == X509_V_OK && SSL_get0_peer_certificate(ssl_.get()) != nullptr;
  if (!facts.verified) facts.doubt = X509_verify_cert_error_string(verdict);
  return facts;
}

}  // namespace ravelin::proxy
