// RowMaker: collects the rows of a virtual relation, column by column; and what its producers share. Internal to the
// room.
#pragma once
#include "spg/catalog/builtin.hpp"
#include "spg/catalog/virtual.hpp"

namespace spg::catalog {

class RowMaker {
 public:
  RowMaker(const Relation& relation, std::span<const std::uint16_t> wanted, Arena& arena);
  const Relation& relation() const { return relation_; }
  Arena& arena() { return arena_; }

  /// A new row, all NULL.
  void start();
  void set(std::uint16_t number, const type::Value& value);
  /// By name; a name that the relation lacks is ignored.
  RowMaker& set(std::string_view column, const type::Value& value);
  RowMaker& set(std::string_view column, std::string_view text) { return set(column, text_value(text)); }
  bool wants(std::uint16_t number) const { return slots_[number] >= 0; }
  bool wants(std::string_view column) const;
  VirtualRelation finish();

 private:
  void new_batch();
  const Relation& relation_;
  std::span<const std::uint16_t> wanted_;
  Arena& arena_;
  std::span<std::int16_t> slots_;  ///< by column number: place among the wanted, -1
  VirtualRelation result_;
  struct Column {
    type::Physical physical;
    std::byte* values;
    std::uint64_t* validity;
  };
  std::span<Column> columns_;
  std::uint32_t rows_ = 0;
};

/// A relation of either kind, for views over pg_class.
struct ClassEntry {
  Oid oid{};
  std::string_view name;
  Oid schema{};
  std::string_view schema_name;
  char kind = 'r';
  Oid owner{};
  bool has_index = false;
  TableId table{};
};

struct Production {
  SessionCatalog& catalog;
  Store& store;
  RowMaker& rows;
  const ServerFacts& facts;
  Arena& arena;

  Result<Vec<ClassEntry>> classes();
  /// Empty when unknown.
  Result<std::string_view> role_name(Oid oid);
};
using Producer = Status (*)(Production&);
struct NamedProducer {
  std::string_view name;
  Producer producer;
};
/// Null when none has the name.
inline Producer find_producer(std::span<const NamedProducer> among, std::string_view name) {
  for (const NamedProducer& one : among)
    if (one.name == name) return one.producer;
  return nullptr;
}

/// Null when the relation is no computed view.
Producer find_view_producer(std::string_view name);
Producer find_statistics_producer(std::string_view name);
Producer find_information_producer(std::string_view name);

}  // namespace spg::catalog
