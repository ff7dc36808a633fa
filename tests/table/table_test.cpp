#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <string>

#include "spg/table/table.inl.hpp"
#include "support/objects.hpp"

using namespace spg;
using namespace spg::table;
using test::Objects;
using test::ObjectsFixture;
using test::Scope;

namespace {

/// Appends rows behind all that the table has; the first one's rowid.
template <class Scope>
Result<std::uint64_t> append_rows(Scope& scope, store::Image* of, const LayoutView& layout, std::span<const ColumnInput> columns,
                                  type::Selection rows, store::Access access) {
  const std::uint64_t first = table_state(of).next_rowid;
  SPG_TRY(append_rows_at(scope, of, layout, first, columns, rows, access));
  return first;
}

constexpr auto wait = store::Access::wait;

struct Row {
  std::optional<std::int32_t> number;
  std::optional<std::string> text;
  friend bool operator==(const Row&, const Row&) = default;
};

struct TableFixture : ObjectsFixture {
  MemoryBudget budget;
  Arena arena{budget};
  store::Cell* table = nullptr;

  TableFixture() {
    Scope scope = this->scope();
    LayoutBuilder layout(arena);
    layout.columns.push_back({1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)});
    layout.columns.push_back({2, Physical::string, 0, {}, type::Value::null_of(Physical::string)});
    table = *make_table(scope, TableId{9}, *layout.write(scope, TableId{9}));
    commit(scope);
  }
  ~TableFixture() {
    objects.free_tree(table, store::Access::no_wait);
    CHECK(objects.live_objects() == 0);
  }
  LayoutView layout() { return LayoutView(Objects::image_of(Objects::image_of(table)->child_array()[layout_child])); }

  struct Input {
    std::vector<std::int32_t> numbers;
    std::vector<StringRef> texts;
    std::vector<std::uint64_t> number_valid, text_valid;
    std::vector<ColumnInput> columns;
    explicit Input(const std::vector<Row>& rows) : number_valid(rows.size() / 64 + 1), text_valid(rows.size() / 64 + 1) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        numbers.push_back(rows[i].number.value_or(0));
        texts.push_back(rows[i].text ? StringRef(*rows[i].text) : StringRef());
        if (rows[i].number) number_valid[i / 64] |= std::uint64_t{1} << i % 64;
        if (rows[i].text) text_valid[i / 64] |= std::uint64_t{1} << i % 64;
      }
      columns.push_back({1, {Physical::int4, type::Vector::Form::flat, numbers.data(), number_valid.data(), nullptr}});
      columns.push_back({2, {Physical::string, type::Vector::Form::flat, texts.data(), text_valid.data(), nullptr}});
    }
  };

  std::map<std::uint64_t, Row> contents(store::Cell* version) {
    std::map<std::uint64_t, Row> found;
    const store::Image* image = Objects::image_of(version);
    const LayoutView view(Objects::image_of(image->child_array()[layout_child]));
    for (std::uint64_t number = 0;; ++number) {
      auto block = next_block(objects, image, number, wait);
      REQUIRE(block);
      if (*block == nullptr) break;
      auto numbers = block_column(objects, *block, view, *view.column(1), arena, wait);
      auto texts = block_column(objects, *block, view, *view.column(2), arena, wait);
      REQUIRE(numbers);
      REQUIRE(texts);
      for (std::uint32_t slot = 0; slot < block_state(*block).used; ++slot) {
        if (!block_state(*block).is_live(slot)) continue;
        Row row;
        if (!numbers->is_null(slot)) row.number = numbers->value<std::int32_t>(slot);
        if (!texts->is_null(slot)) row.text = std::string(texts->value<StringRef>(slot).view());
        found[number * block_rows + slot] = row;
        auto one = read_value(objects, *block, view, *view.column(2), slot, arena, wait);
        REQUIRE(one);
        REQUIRE(one->is_null == !row.text.has_value());
        if (row.text) REQUIRE(one->as<StringRef>().view() == *row.text);
      }
    }
    return found;
  }
};

Row random_row(os::SimChance& chance) {
  Row row;
  if (chance.below(5) != 0) row.number = static_cast<std::int32_t>(chance.next());
  if (chance.below(5) != 0) {
    const std::uint64_t kind = chance.below(200);
    const std::uint64_t bytes = kind == 0 ? chance.below(200000) : kind < 8 ? chance.below(9000) : chance.below(40);
    row.text = std::string(bytes, static_cast<char>('a' + chance.below(26)));
  }
  return row;
}

void random_operations(std::uint64_t seed) {
  CAPTURE(seed);
  TableFixture fixture;
  os::SimChance chance(seed);
  std::map<std::uint64_t, Row> model;
  for (int round = 0; round < 80; ++round) {
    Scope scope = fixture.scope();
    auto after = model;
    store::Cell* const before = fixture.table;
    REQUIRE(scope.writable(fixture.table));
    store::Image* image = Objects::image_of(fixture.table);
    if (chance.below(10) == 0) fixture.objects.seal(Generation{fixture.generation});
    for (std::uint64_t steps = 1 + chance.below(3); steps != 0; --steps) {
      const std::uint64_t action = chance.below(10);
      if (action < 5 || after.empty()) {
        std::vector<Row> rows;
        for (std::uint64_t n = chance.below(8) == 0 ? chance.below(1024) : 1 + chance.below(5); n != 0; --n) rows.push_back(random_row(chance));
        if (chance.below(20) == 0) table_state(image).next_rowid += chance.below(1500);  // gaps are allowed
        TableFixture::Input input(rows);
        auto first = append_rows(scope, image, fixture.layout(), input.columns, {nullptr, static_cast<std::uint32_t>(rows.size())}, wait);
        REQUIRE(first);
        for (std::size_t i = 0; i < rows.size(); ++i) after[*first + i] = rows[i];
      } else {
        std::vector<std::uint64_t> rowids;
        std::vector<Row> rows;
        const std::uint64_t one_in = 1 + chance.below(after.size());
        for (auto& [rowid, row] : after)
          if (rowids.size() < 1000 && chance.below(one_in) == 0) {
            rowids.push_back(rowid);
            rows.push_back(random_row(chance));
          }
        TableFixture::Input input(rows);
        if (action < 8) {
          const std::size_t which = chance.below(3);  // both columns, or one
          const std::span<const ColumnInput> columns = which == 2 ? std::span<const ColumnInput>(input.columns) : std::span<const ColumnInput>(input.columns).subspan(which, 1);
          REQUIRE_FALSE(update_rows(scope, image, fixture.layout(), rowids, columns, {nullptr, static_cast<std::uint32_t>(rowids.size())}, wait));
          for (std::size_t i = 0; i < rowids.size(); ++i) {
            if (which != 1) after[rowids[i]].number = rows[i].number;
            if (which != 0) after[rowids[i]].text = rows[i].text;
          }
        } else {
          REQUIRE_FALSE(delete_rows(scope, image, rowids, wait));
          for (std::uint64_t rowid : rowids) after.erase(rowid);
        }
      }
    }
    REQUIRE(fixture.contents(fixture.table) == after);
    REQUIRE(fixture.contents(before) == model);  // the version before is untouched
    REQUIRE(table_state(image).rows == after.size());
    if (chance.below(4) == 0) {
      scope.undo();
      fixture.table = before;
    } else {
      fixture.commit(scope);
      model = after;
    }
    fixture.arena.reset();
  }
}

}  // namespace

TEST_CASE("a table agrees with a map under random appends, updates, deletes and rollbacks") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) random_operations(seed);
}

TEST_CASE("appends to a tail chunk are made in place and leave older versions alone") {
  TableFixture fixture;
  std::vector<store::Cell*> chunks;
  for (int i = 0; i < 10; ++i) {
    Scope scope = fixture.scope();
    REQUIRE(scope.writable(fixture.table));
    TableFixture::Input input({Row{i, "x"}});
    REQUIRE(append_rows(scope, Objects::image_of(fixture.table), fixture.layout(), input.columns, {nullptr, 1}, wait));
    fixture.commit(scope);
    auto block = read_block(fixture.objects, Objects::image_of(fixture.table), 0, wait);
    chunks.push_back((*block)->child_array()[0]);
  }
  CHECK(std::all_of(chunks.begin(), chunks.end(), [&](store::Cell* cell) { return cell == chunks[0]; }));
}

TEST_CASE("rows older than a column show its missing-value, dropped columns go with the next copy") {
  TableFixture fixture;
  Scope scope = fixture.scope();
  REQUIRE(scope.writable(fixture.table));
  TableFixture::Input input({Row{1, "one"}, Row{2, "two"}});
  REQUIRE(append_rows(scope, Objects::image_of(fixture.table), fixture.layout(), input.columns, {nullptr, 2}, wait));
  LayoutBuilder wider(fixture.arena);
  wider.start_from(fixture.layout());
  wider.columns[0].dropped = 1;
  const std::string long_default(100, 'd');
  wider.columns.push_back({3, Physical::string, 0, {}, type::Value::of(Physical::string, StringRef(long_default))});
  auto cell = wider.write(scope, TableId{9});
  REQUIRE(cell);
  REQUIRE_FALSE(replace_layout(scope, fixture.table, *cell));
  store::Image* image = Objects::image_of(fixture.table);
  auto value = [&](std::uint16_t column, std::uint32_t slot) {
    auto block = read_block(fixture.objects, image, 0, wait);
    return *read_value(fixture.objects, *block, fixture.layout(), *fixture.layout().column(column), slot, fixture.arena, wait);
  };
  CHECK(value(3, 1).as<StringRef>().view() == long_default);
  const StringRef changed(std::string_view("changed"));
  const ColumnInput update{3, {Physical::string, type::Vector::Form::flat, &changed, nullptr, nullptr}};
  const std::uint64_t rowid = 1;
  REQUIRE_FALSE(update_rows(scope, image, fixture.layout(), {&rowid, 1}, {&update, 1}, {nullptr, 1}, wait));
  CHECK(value(3, 0).as<StringRef>().view() == long_default);
  CHECK(value(3, 1).as<StringRef>().view() == "changed");
  CHECK(value(2, 1).as<StringRef>().view() == "two");
  CHECK(block_state(*read_block(fixture.objects, image, 0, wait)).find(1) < 0);
  fixture.commit(scope);
}
