// One connection's TLS, between a SocketStream and its socket. Included in this folder only.
//
// Not SSL_set_fd(): OpenSSL's own socket BIO calls write(), which raises SIGPIPE, and read() for as
// long as there is something, so that one peer could keep a thread busy with records that carry
// nothing. Ours goes through |sys| and gives each call a budget.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "proxy/event/tls.h"

struct bio_st;
struct ssl_st;

namespace ravelin::proxy {

void free_ssl(ssl_st* ssl);
// What a client asked for (SNI): a host name in lower case, or "".
std::string asked_name(const ssl_st* ssl);
TlsParcel to_parcel(std::unique_ptr<TlsChannel> channel) noexcept;
struct FreeSsl {
  void operator()(ssl_st* ssl) const { free_ssl(ssl); }
};
using SslPtr = std::unique_ptr<ssl_st, FreeSsl>;

class TlsChannel {
 public:
  enum class Side : uint8_t { Server, Client };

  // |keep| lives as long as the channel: callbacks of |ssl| look at it.
  TlsChannel(SslPtr ssl, Side side, std::shared_ptr<const void> keep = nullptr);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  // Before anything else. False: no memory. |fd| stays the stream's.
  bool attach(int fd);

  enum class Step : uint8_t { Done, Again, Failed };
  Step shake_hands();

  // As recv() and send(): -1 with errno, EAGAIN among others. 0 from a read is the peer's
  // close_notify or the end of its stream; what follows on the socket is not for us.
  ssize_t read(char* buffer, size_t size, bool peek);
  ssize_t write(const char* bytes, size_t size);

  // After EAGAIN: what is waited for is room to write, not input. Only in a handshake, or for the
  // answer to a KeyUpdate.
  bool wants_write() const { return wants_write_; }
  // Decrypted already, the end too: no readiness of the socket will tell of it.
  bool pending() const;
  // Our close_notify, as far as the kernel takes it.
  void close_notify();

  TlsFacts facts() const;
  // After Failed: OpenSSL's reason in its words, or what happened to the connection. After an error
  // of read(): OpenSSL's reason, "" if it has none.
  const char* trouble() const { return trouble_; }

 private:
  static int bio_write(bio_st* bio, const char* bytes, int size);
  static int bio_read(bio_st* bio, char* buffer, int size);
  static long bio_control(bio_st* bio, int command, long number, void* pointer);
  static void on_message(int write, int version, int content, const void* bytes, size_t size,
                         ssl_st* ssl, void* self);
  friend struct SysBio;

  void before_call();
  ssize_t judge(int result);
  bool flooded() const;

  const std::shared_ptr<const void> keep_;
  const SslPtr ssl_;
  const Side side_;
  int fd_ = -1;
  int errno_ = 0;        // of the socket, in the last call
  uint32_t budget_ = 0;  // bytes that this call may still read from the socket
  uint32_t key_updates_ = 0;
  bool at_end_ = false;  // of the socket's stream
  bool wants_write_ = false;
  const char* trouble_ = "";  // lives for ever: there may be no memory to keep it
};

}  // namespace ravelin::proxy
