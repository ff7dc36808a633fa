#include "spg/net/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace spg::net {
namespace {

struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t bytes = 0;
};

bool parse_address(const char* text, std::uint16_t port, SocketAddress& address) {
  std::memset(static_cast<void*>(&address), 0, sizeof address);
  const bool all = std::strcmp(text, "*") == 0;
  if (std::strcmp(text, "localhost") == 0) text = "127.0.0.1";
  if (!all && inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    address.bytes = sizeof address.v4;
    return true;
  }
  // "*" is IPv6's wildcard, which takes IPv4 as well.
  if (!all && inet_pton(AF_INET6, text, &address.v6.sin6_addr) != 1) return false;
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = htons(port);
  address.bytes = sizeof address.v6;
  return true;
}

/// A machine without IPv6 still has all of IPv4.
void fall_back_to_v4(SocketAddress& address) {
  const in_port_t port = address.v6.sin6_port;
  std::memset(static_cast<void*>(&address), 0, sizeof address);
  address.v4.sin_family = AF_INET;
  address.v4.sin_port = port;
  address.bytes = sizeof address.v4;
}

void set_option(int socket, int level, int option, int value) {
  setsockopt(socket, level, option, &value, sizeof value);
}

Error bad_address(const char* text) {
  return Error::make(sqlstate::invalid_parameter_value, "invalid network address: \"", text, "\"")
      .hint("Use a numeric IPv4 or IPv6 address, \"localhost\", or \"*\".");
}

/// Errno as text without the locks and locales of strerror.
std::string_view errno_text(int number) {
  const char* text = strerrordesc_np(number);
  return text == nullptr ? "unknown error" : text;
}

}  // namespace

Error system_error(std::string_view what) {
  const int number = errno;
  const bool scarce = number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS;
  return Error::make(scarce ? sqlstate::insufficient_resources : sqlstate::io_error, what, ": ", errno_text(number));
}

Result<BoundSocket> listen_on(const ListenOptions& options) {
  SocketAddress address;
  if (!parse_address(options.address, options.port, address)) return bad_address(options.address);
  int fd = ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT && std::strcmp(options.address, "*") == 0) {
    fall_back_to_v4(address);
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return system_error("could not create a listening socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.any.sa_family == AF_INET6)
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, std::strcmp(options.address, "*") == 0 ? 0 : 1);
  if (::bind(fd, &address.any, address.bytes) != 0 || ::listen(fd, options.backlog) != 0) {
    const int number = errno;
    ::close(fd);
    if (number == EADDRINUSE)
      return Error::make(sqlstate::object_in_use, "could not listen on address \"", options.address, "\", port ",
                         options.port, ": ", errno_text(number))
          .hint("Is another server already running on port ", options.port, "? If not, wait a few seconds and retry.");
    return Error::make(sqlstate::io_error, "could not listen on address \"", options.address, "\", port ", options.port,
                       ": ", errno_text(number));
  }
  getsockname(fd, &address.any, &address.bytes);
  return BoundSocket{fd, ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port)};
}

Result<int> connect_to(const ListenOptions& peer) {
  SocketAddress address;
  if (!parse_address(peer.address, peer.port, address)) return bad_address(peer.address);
  const int fd = ::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("could not create a socket");
  if (::connect(fd, &address.any, address.bytes) != 0) {
    const int number = errno;
    ::close(fd);
    return Error::make(sqlstate::sqlclient_unable_to_establish_sqlconnection, "could not connect to address \"",
                       peer.address, "\", port ", peer.port, ": ", errno_text(number));
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

int accept_one(int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -1;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  return fd;
}

PeerAddress peer_of(int socket) {
  PeerAddress peer;
  SocketAddress address;
  std::memset(static_cast<void*>(&address), 0, sizeof address);
  address.bytes = sizeof(sockaddr_in6);
  if (getpeername(socket, &address.any, &address.bytes) != 0) return peer;
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.v4.sin_addr, peer.text, sizeof peer.text);
    peer.port = ntohs(address.v4.sin_port);
    peer.is_loopback = ntohl(address.v4.sin_addr.s_addr) >> 24 == 127;
  } else if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.v6.sin6_addr, peer.text, sizeof peer.text);
    peer.port = ntohs(address.v6.sin6_port);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr);
    peer.is_loopback =
        IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr) || (mapped && address.v6.sin6_addr.s6_addr[12] == 127);
  }
  return peer;
}

}  // namespace spg::net
