// Ddl: the statements that define, change and drop objects, over parsed trees. PostgreSQL 15's rules, errors and
// notices.
//
// Each call is (part of) one statement of a writing transaction: it reads and writes through the context's views, and
// what it wrote is undone by undoing the statement. After it the session's catalog is invalidated; reads of the same
// statement still see the old state. Threads: one at a time.
#pragma once
#include "spg/base/function_ref.hpp"
#include "spg/catalog/notice.hpp"
#include "spg/catalog/session.hpp"
#include "spg/sql/utility.hpp"

namespace spg::catalog {

/// Whether an expression may be the default of a column of that type: bound and not kept.
using CheckDefault =
    FunctionRef<Status(const sql::Expr& expr, std::string_view column, Oid type, std::int32_t typmod)>;

struct DdlContext {
  SessionCatalog* catalog = nullptr;  ///< with its views, and the role that acts
  txn::Host* host = nullptr;          ///< randomness for salts; null: no passwords
  NoticeSink* notices = nullptr;
  Arena* arena = nullptr;   ///< of the statement
  std::string_view source;  ///< the text that the trees came from, for error positions
  const CheckDefault* check_default = nullptr;  ///< null: defaults are trusted
};

/// Evaluates a default once, as a value of the type (with its modifier) in the executor's layout.
using EvaluateDefault = FunctionRef<Result<type::Value>(const sql::Expr& expr, Oid type, std::int32_t typmod)>;

struct ColumnDefinition {
  std::string_view name;
  Oid type{};
  std::int32_t typmod = -1;
  Oid collation{};
};

/// What CREATE VIEW stores, as plan::define_view has made it.
struct ViewQuery {
  std::span<const ColumnDefinition> columns;
  std::string_view text;
  struct Reference { Oid catalog{}, oid{}; std::int32_t sub = 0; };
  std::span<const Reference> references;
  std::string_view not_updatable;  ///< why it cannot be changed through; empty: it can
};

/// What CREATE TABLE (AS) has made; `existed` after IF NOT EXISTS.
struct CreatedTable {
  Oid oid{};
  TableId table{};
  bool existed = false;
};

Result<CreatedTable> create_table(DdlContext& context, const sql::CreateTable& statement);
/// The table of CREATE TABLE AS and SELECT INTO.
Result<CreatedTable> create_table(DdlContext& context, const sql::TableRef& name,
                                  std::span<const ColumnDefinition> columns, bool if_not_exists);
/// Tables, indexes, schemas, and names of other kinds as far as they can be missing.
Status drop(DdlContext& context, const sql::Drop& statement);
Status alter_table(DdlContext& context, const sql::AlterTable& statement, EvaluateDefault evaluate);
Status create_index(DdlContext& context, const sql::CreateIndex& statement);
Status create_view(DdlContext& context, const sql::CreateView& statement, const ViewQuery& query);
Status truncate(DdlContext& context, const sql::Truncate& statement);
/// Without its elements, which the caller runs afterwards as statements of their own.
Status create_schema(DdlContext& context, const sql::CreateSchema& statement);
Status comment(DdlContext& context, const sql::Comment& statement);
Status rename(DdlContext& context, const sql::Rename& statement);
Status set_owner(DdlContext& context, const sql::SetOwner& statement);
Status set_schema(DdlContext& context, const sql::SetSchema& statement);

}  // namespace spg::catalog
