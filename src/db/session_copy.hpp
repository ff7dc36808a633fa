// CopyIn: a COPY FROM STDIN in progress: rows gathered into batches, each run through the plan of an INSERT.
#pragma once
#include <optional>

#include "session_impl.hpp"

namespace spg::db {

/// The computed relation that a copied batch poses as: the planner's VALUES row is replaced by a scan of it.
class CopySource final : public exec::VirtualTables, public exec::VirtualCursor {
 public:
  Result<exec::VirtualCursor*> open(Oid, std::span<const std::uint16_t>, Arena&) override { return static_cast<exec::VirtualCursor*>(new (std::nothrow) Handle{*this}); }
  Result<bool> next(type::Batch& rows) override {
    if (!is_fresh) return false;
    is_fresh = false;
    rows = batch;
    return true;
  }
  type::Batch batch;
  bool is_fresh = false;

 private:
  struct Handle final : exec::VirtualCursor {
    explicit Handle(CopySource& of) : source(of) {}
    Result<bool> next(type::Batch& rows) override { return source.next(rows); }
    CopySource& source;
  };
};

struct CopyIn {
  CopyIn(const CopyFormat& file_format, MemoryBudget& memory, std::size_t limit_bytes)
      : format(file_format), budget(limit_bytes, &memory), plan_arena(budget), row_arena(budget), run_arena(budget), fields(plan_arena) {}
  ~CopyIn() { budget.refund(pending_bytes); }

  /// What the reader holds for a row that has not ended counts, too.
  Status feed(Bytes bytes) {
    SPG_TRY(reader->feed(bytes));
    const std::size_t before = std::exchange(pending_bytes, reader->held_bytes());
    if (pending_bytes < before) budget.refund(before - pending_bytes);
    else if (pending_bytes > before) budget.charge(pending_bytes - before);
    return budget.check();
  }

  CopyFormat format;
  std::optional<CopyReader> reader;
  MemoryBudget budget;
  Arena plan_arena;          ///< the plan
  Arena row_arena;           ///< the gathered batch
  Arena run_arena;           ///< one execution
  Vec<CopyField> fields;
  std::string relation;
  std::span<plan::OutputColumn> columns;         ///< names and types, in the file's order
  std::span<type::Vector> vectors;
  std::span<std::byte*> values;
  std::span<std::uint64_t*> validity;
  std::uint32_t rows = 0;
  std::size_t pending_bytes = 0;
  std::uint64_t total = 0, first_line = 1;
  bool is_blocked = false;                       ///< the gathered batch waits for a lock
  const exec::CompiledPlan* plan = nullptr;
  CopySource source;
};

}  // namespace spg::db
