// Server: the daemon put together: reactors with their connections, workers, the durable-commit wake-ups (DESIGN 4).
#pragma once
#include <cstdint>
#include <memory>

#include "spg/db/instance.hpp"
#include "spg/txn/machine.hpp"

namespace spg::server {

struct ServerOptions {
  const char* address = "127.0.0.1";
  std::uint16_t port = 5432;        ///< 0: any free one
  unsigned reactors = 2;
  unsigned workers = 2;
  std::uint32_t connections_max = 10'000;
  std::int64_t authentication_timeout_ms = 60'000;
};

class Server : public txn::DurableListener {
 public:
  static Result<std::unique_ptr<Server>> make(db::Instance& instance, const ServerOptions& options);
  virtual ~Server() = default;
  /// Listens; the port that was bound. 55006 when it is taken.
  virtual Result<std::uint16_t> listen() = 0;
  /// Serves until stop(): the calling thread becomes the first reactor.
  virtual void run() = 0;
  /// From any thread: no new connections, those that exist are told (57P01) and closed.
  virtual void stop() = 0;
};

}  // namespace spg::server
