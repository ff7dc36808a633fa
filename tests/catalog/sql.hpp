// Runs DDL text against a World and reports as psql would: notices, then the error with its detail and hint.
#pragma once
#include "catalog/world.hpp"
#include "spg/catalog/ddl.hpp"
#include "spg/catalog/names.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/sql/parser.hpp"
#include "spg/type/io.hpp"

namespace spg::test {

struct Sql : catalog::NoticeSink, txn::Host {
  World world;
  std::string notices;

  void send(const catalog::Notice& notice) override {
    notices += notice.severity == catalog::Severity::warning ? "WARNING: " : "NOTICE: ";
    notices += notice.message;
    notices += "\n";
    if (!notice.detail.empty()) notices += "DETAIL: " + std::string(notice.detail) + "\n";
  }
  Status check_interrupts() override { return ok(); }
  void fill_random(MutableBytes into) override { world.random.fill(into); }

  Status dispatch(catalog::DdlContext& context, const sql::Statement& statement) {
    using sql::to;
    switch (statement.kind) {
      case sql::NodeKind::create_table: return catalog::create_table(context, to<sql::CreateTable>(statement)).status();
      case sql::NodeKind::drop: return catalog::drop(context, to<sql::Drop>(statement));
      case sql::NodeKind::alter_table:
        return catalog::alter_table(
            context, to<sql::AlterTable>(statement),
            [&](const sql::Expr& expr, Oid type, std::int32_t typmod) -> Result<type::Value> {
              const auto* literal = sql::as<sql::Literal>(&expr);  // the test's defaults are literals
              if (literal == nullptr || literal->form == sql::LiteralKind::null)
                return type::Value::null_of(type::physical_of(type));
              const std::string text = literal->form == sql::LiteralKind::integer ? std::to_string(literal->integer)
                                                                                  : std::string(literal->text);
              return type::input(type, world.arena.copy(text), typmod, {}, world.arena);
            });
      case sql::NodeKind::create_index: return catalog::create_index(context, to<sql::CreateIndex>(statement));
      case sql::NodeKind::truncate: return catalog::truncate(context, to<sql::Truncate>(statement));
      case sql::NodeKind::create_schema: return catalog::create_schema(context, to<sql::CreateSchema>(statement));
      case sql::NodeKind::comment: return catalog::comment(context, to<sql::Comment>(statement));
      case sql::NodeKind::rename: return catalog::rename(context, to<sql::Rename>(statement));
      case sql::NodeKind::set_owner: return catalog::set_owner(context, to<sql::SetOwner>(statement));
      case sql::NodeKind::set_schema: return catalog::set_schema(context, to<sql::SetSchema>(statement));
      case sql::NodeKind::create_role: return catalog::create_role(context, to<sql::CreateRole>(statement));
      case sql::NodeKind::alter_role: return catalog::alter_role(context, to<sql::AlterRole>(statement));
      case sql::NodeKind::drop_role: return catalog::drop_role(context, to<sql::DropRole>(statement));
      case sql::NodeKind::grant_role: return catalog::grant_role(context, to<sql::GrantRole>(statement));
      default: return Error::make(sqlstate::feature_not_supported, "not a statement of this test");
    }
  }

  /// All statements, each on its own; stops at the first error. Empty when nothing was said.
  std::string operator()(std::string_view text) {
    notices.clear();
    auto parsed = sql::parse(world.arena, text);
    if (!parsed) return "SYNTAX " + std::string(parsed.error().message());
    for (const sql::RawStatement& raw_statement : *parsed) {
      catalog::DdlContext context{world.catalog.get(), this, this, &world.arena, text};
      const Status status = world.run([&] { return dispatch(context, *raw_statement.tree); });
      if (!status.failed()) continue;
      const auto code = sqlstate_text(status.code());
      std::string said = notices + std::string(code.data(), 5) + ": " + std::string(status.message());
      if (!status.field(ErrorField::detail).empty())
        said += "\nDETAIL: " + std::string(status.field(ErrorField::detail));
      if (!status.field(ErrorField::hint).empty()) said += "\nHINT: " + std::string(status.field(ErrorField::hint));
      return said;
    }
    if (!notices.empty()) notices.pop_back();
    return notices;
  }

  /// Reads in a statement.
  template <class Body>
  void read(Body body) {
    world.must([&]() -> Status { return body(*world.catalog); });
  }
  /// "a integer not null default 1, b text; t_pkey(a) primary, ..": a relation in short.
  std::string shape(std::string_view name) {
    std::string text;
    read([&](catalog::SessionCatalog& catalog) -> Status {
      SPG_ASSIGN(const catalog::Relation* relation, catalog.relation("", name));
      if (relation == nullptr) {
        text = "absent";
        return ok();
      }
      for (const catalog::ColumnInfo& column : relation->columns) {
        if (column.dropped) continue;
        text += text.empty() ? "" : ", ";
        text += column.name;
        text += ' ';
        text += catalog::format_type(catalog, column.type, {true, column.typmod}, world.arena);
        if (column.not_null) text += " not null";
        if (column.has_default) text += " default " + std::string(column.default_text);
      }
      for (const catalog::IndexInfo& index : relation->indexes) {
        text += "; " + std::string(index.name) + "(";
        for (std::size_t i = 0; i < index.columns.size(); ++i)
          text +=
              (i == 0 ? "" : ",") + std::string(relation->columns[static_cast<std::size_t>(index.columns[i]) - 1].name);
        text += index.primary ? ") primary" : index.unique ? ") unique" : ")";
      }
      return ok();
    });
    return text;
  }
};

}  // namespace spg::test
