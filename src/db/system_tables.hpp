// SystemTables: the catalog's computed relations for exec, with what only the session knows: its settings, its cursors.
#pragma once
#include <new>

#include "cursors.hpp"
#include "spg/catalog/virtual.hpp"
#include "spg/db/instance.hpp"
#include "spg/db/settings.hpp"
#include "spg/exec/context.hpp"
#include "spg/plan/view.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

class SystemTables final : public exec::VirtualTables, public catalog::ServerFacts {
 public:
  SystemTables(catalog::SessionCatalog& catalog, const Settings& settings, const CursorMap& cursors, Instance& instance, const LoginRole& role)
      : catalog_(catalog), settings_(settings), cursors_(cursors), instance_(instance), role_(role) {}

  Result<exec::VirtualCursor*> open(Oid relation, std::span<const std::uint16_t> columns, Arena& arena) override {
    SPG_ASSIGN(catalog::VirtualRelation rows, catalog::open_virtual(catalog_, relation, columns, *this, arena));
    auto* cursor = new (std::nothrow) Cursor(std::move(rows));
    if (cursor == nullptr) return Error::out_of_memory();
    return static_cast<exec::VirtualCursor*>(cursor);
  }

  Result<std::string_view> view_definition(const catalog::Relation& view, Arena& arena) const override {
    plan::PlanContext planning;
    planning.catalog = &catalog_;
    return plan::view_text(arena, view, {}, planning);
  }
  Result<int> updatable_events(const catalog::Relation& view, std::int16_t column, Arena& arena) const override {
    plan::PlanContext planning;
    planning.catalog = &catalog_;
    return plan::updatable_events(arena, view, column, planning);
  }
  bool cursor(std::size_t index, catalog::CursorRow& row) const override;
  bool setting(std::size_t index, catalog::SettingRow& row) const override {
    const auto all = all_settings();
    if (index >= all.size()) return false;
    static constexpr std::string_view kinds[] = {"bool", "integer", "real", "string", "enum"};
    static constexpr std::string_view contexts[] = {"internal", "postmaster", "backend", "superuser", "user"};
    const SettingInfo& info = all[index];
    row.name = info.name;
    row.setting = settings_.value(info.name);
    row.unit = info.unit;
    row.description = info.description;
    row.context = contexts[static_cast<std::size_t>(info.context)];
    row.kind = kinds[static_cast<std::size_t>(info.kind)];
    row.source = "default";
    row.minimum = info.least;
    row.maximum = info.greatest;
    row.boot_value = row.reset_value = info.start;
    return true;
  }

  void locks(spg::FunctionRef<void(const txn::LockFact&)> visit) const override {
    instance_.machine().with_locks([&](txn::LockTable& table) { table.each(visit); });
  }

  void activities(spg::FunctionRef<void(const catalog::ActivityRow&)> visit) const override;
  void progress(spg::FunctionRef<void(const catalog::ProgressRow&)> visit) const override;
  void metrics(spg::FunctionRef<void(const catalog::MetricRow&)> visit) const override;

 private:
  struct Cursor final : exec::VirtualCursor {
    explicit Cursor(catalog::VirtualRelation&& all) : rows(std::move(all)) {}
    Result<bool> next(type::Batch& batch) override { return rows.next(batch); }
    catalog::VirtualRelation rows;
  };
  catalog::SessionCatalog& catalog_;
  const Settings& settings_;
  const CursorMap& cursors_;
  Instance& instance_;
  const LoginRole& role_;
};

}  // namespace spg::db
