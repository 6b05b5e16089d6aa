#include "proxy/event/farewell.h"

#include "proxy/event/sys.h"

namespace ravelin::proxy {

void say_and_close(Fd connection, std::string_view text) {
  // Whether it arrives is the client's affair: there is nobody to tell.
  [[maybe_unused]] const auto sent =
      sys.send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace ravelin::proxy
