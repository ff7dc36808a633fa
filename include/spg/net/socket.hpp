// The socket calls behind the reactor, with errors as a user should read them. Numeric addresses only: a static binary
// resolves no names. Any thread; what is returned belongs to the caller.
#pragma once
#include "spg/net/reactor.hpp"

namespace spg::net {

/// 58030, or 53000 when the process or the system is out of something; the text of errno at its end.
Error system_error(std::string_view what);

struct BoundSocket {
  int fd;
  std::uint16_t port;
};
/// A non-blocking listening socket.
Result<BoundSocket> listen_on(const ListenOptions& options);
/// A connected socket, non-blocking from then on, without Nagle's delay.
Result<int> connect_to(const ListenOptions& peer);
/// The next connection, non-blocking and without Nagle's delay; -1 and errno otherwise.
int accept_one(int listener);
PeerAddress peer_of(int socket);

}  // namespace spg::net
