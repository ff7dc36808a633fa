// Notices: what a statement tells the client beside its result. The session implements the sink and turns them into
// protocol messages; texts are valid during the call only.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/sqlstate.hpp"

namespace spg::catalog {

enum class Severity : std::uint8_t { debug, log, info, notice, warning };

struct Notice {
  Severity severity = Severity::notice;
  Sqlstate code = sqlstate::successful_completion;
  std::string_view message, detail, hint;
};

class NoticeSink {
 public:
  virtual void send(const Notice& notice) = 0;

 protected:
  ~NoticeSink() = default;
};

}  // namespace spg::catalog
