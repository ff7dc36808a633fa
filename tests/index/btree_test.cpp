#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>

#include "spg/index/btree/tree.inl.hpp"
#include "spg/index/node_check.hpp"
#include "support/objects.hpp"

using namespace spg;
using namespace spg::index;
using test::Objects;
using test::ObjectsFixture;
using test::Scope;

namespace {

constexpr auto wait = store::Access::wait;

template <class Nodes>
struct Model;
template <>
struct Model<IntNodes> {
  using Entry = std::pair<std::uint64_t, std::uint64_t>;
  static IntKey key(const Entry& entry) { return {entry.first, entry.second}; }
  static Entry random(os::SimChance& chance) { return {chance.below(400), chance.below(8)}; }
};
template <>
struct Model<BytesNodes> {
  using Entry = std::pair<std::string, std::uint64_t>;
  static BytesKey key(const Entry& entry) { return {entry.first, entry.second}; }
  static Entry random(os::SimChance& chance) {
    std::string text(chance.below(4) == 0 ? 0 : 20, 'p');
    if (chance.below(50) == 0) text.append(chance.below(2500), static_cast<char>('a' + chance.below(3)));
    for (std::uint64_t n = chance.below(6); n != 0; --n) text += static_cast<char>('a' + chance.below(4));
    return {text, chance.below(3)};
  }
};

template <class Nodes>
struct TreeFixture : ObjectsFixture {
  Cell* root = nullptr;
  std::uint8_t height = 0;
  std::uint64_t entries = 0;
  Root where() { return {root, height, entries}; }

  std::vector<typename Model<Nodes>::Entry> contents(bool backwards) {
    std::vector<typename Model<Nodes>::Entry> found;
    Cursor<Nodes, Objects> cursor(objects, root, height);
    REQUIRE_FALSE((backwards ? cursor.seek_end(wait) : cursor.seek_first(wait)));
    for (;;) {
      std::uint32_t at;
      auto leaf = backwards ? cursor.prev(at, wait) : cursor.next(at, wait);
      REQUIRE(leaf);
      if (*leaf == nullptr) break;
      const auto owned = Nodes::entry(*leaf, at);
      if constexpr (std::is_same_v<Nodes, IntNodes>) found.emplace_back(owned.key, owned.rowid);
      else found.emplace_back(std::string(owned.bytes, owned.size), owned.rowid);
    }
    if (backwards) std::reverse(found.begin(), found.end());
    return found;
  }
};

/// The rules for nodes that come from disk hold for all that are made here.
void require_sound(Cell* cell, const store::Expected expected) {
  const Image* image = cell->image.load();
  store::ChildSlots children;
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (image->child_array()[i] != nullptr) children.set(i);
  REQUIRE(image->kind == expected.kind);
  const char* fault = node_fault(*image, children);
  INFO((fault == nullptr ? "" : fault));
  REQUIRE(fault == nullptr);
  const bool integer = image->kind == store::Kind::int_inner;
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (Cell* child = image->child_array()[i]) require_sound(child, tree_of(integer, expected.level - 1u));
}
template <class Nodes>
void require_sound(const TreeFixture<Nodes>& tree) {
  if (tree.root != nullptr) require_sound(tree.root, tree_of(std::is_same_v<Nodes, IntNodes>, tree.height));
}

template <class Nodes>
void random_operations(std::uint64_t seed) {
  CAPTURE(seed);
  TreeFixture<Nodes> tree;
  os::SimChance chance(seed);
  std::set<typename Model<Nodes>::Entry> model;
  for (int round = 0; round < 60; ++round) {
    Scope scope = tree.scope();
    const Cell* before = tree.root;
    const auto before_height = tree.height;
    const auto before_entries = tree.entries;
    auto after = model;
    const bool shrinking = round % 20 >= 12;
    for (int i = 0; i < 80; ++i) {
      const auto entry = Model<Nodes>::random(chance);
      if (chance.below(10) < (shrinking ? 1u : 7u)) {
        auto inserted = Tree<Nodes>::insert(scope, tree.where(), Model<Nodes>::key(entry), 1, 2, wait);
        REQUIRE(inserted);
        CHECK(*inserted == after.insert(entry).second);
      } else {
        const auto victim = shrinking && !after.empty() ? *after.begin() : entry;
        auto erased = Tree<Nodes>::erase(scope, tree.where(), Model<Nodes>::key(victim), wait);
        REQUIRE(erased);
        CHECK(*erased == (after.erase(victim) == 1));
      }
    }
    if (chance.below(4) == 0) {  // roll back: the old root must be as it was
      scope.undo();
      tree.root = const_cast<Cell*>(before);
      tree.height = before_height;
      tree.entries = before_entries;
    } else {
      model = after;
      tree.commit(scope);
    }
    const std::vector<typename Model<Nodes>::Entry> want(model.begin(), model.end());
    require_sound(tree);
    REQUIRE(tree.contents(false) == want);
    REQUIRE(tree.contents(true) == want);
    REQUIRE(tree.entries == want.size());
    const auto probe = Model<Nodes>::random(chance);
    Cursor<Nodes, Objects> cursor(tree.objects, tree.root, tree.height);
    REQUIRE_FALSE(cursor.seek(Model<Nodes>::key(probe), wait));
    std::uint32_t at;
    auto leaf = cursor.next(at, wait);
    REQUIRE(leaf);
    const auto bound = model.lower_bound(probe);
    REQUIRE((*leaf == nullptr) == (bound == model.end()));
    if (*leaf != nullptr) CHECK(Nodes::compare(*leaf, at, Model<Nodes>::key(*bound)) == 0);
  }
  if (tree.root != nullptr) tree.objects.free_tree(tree.root, store::Access::no_wait);
  CHECK(tree.objects.live_objects() == 0);  // nothing leaked, nothing freed twice
}

template <class Nodes>
void bulk_load(std::size_t count) {
  TreeFixture<Nodes> tree;
  os::SimChance chance(count);
  std::set<typename Model<Nodes>::Entry> model;
  for (std::size_t i = 0; i < count; ++i) {
    auto entry = Model<Nodes>::random(chance);
    entry.second = i;
    model.insert(entry);
  }
  Scope scope = tree.scope();
  BulkLoader<Nodes, Scope> loader(scope, 1, 2);
  for (const auto& entry : model) REQUIRE_FALSE(loader.add(Model<Nodes>::key(entry)));
  REQUIRE_FALSE(loader.finish(tree.where()));
  require_sound(tree);
  CHECK(tree.contents(false) == std::vector<typename Model<Nodes>::Entry>(model.begin(), model.end()));
  for (const auto& entry : model) CHECK(*Tree<Nodes>::erase(scope, tree.where(), Model<Nodes>::key(entry), wait));
  CHECK(tree.root == nullptr);
  tree.commit(scope);
  CHECK(tree.objects.live_objects() == 0);
}

}  // namespace

TEST_CASE("an integer tree agrees with a set under random inserts, erases and rollbacks") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) random_operations<IntNodes>(seed);
}
TEST_CASE("a bytes tree agrees with a set under random inserts, erases and rollbacks") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) random_operations<BytesNodes>(seed);
}
TEST_CASE("bulk loading builds the tree that inserts would") {
  for (std::size_t count : {0u, 1u, 100u, 5000u, 30000u}) {
    bulk_load<IntNodes>(count);
    if (count <= 5000) bulk_load<BytesNodes>(count);
  }
}
TEST_CASE("a deep tree of ascending integers") {
  TreeFixture<IntNodes> tree;
  Scope scope = tree.scope();
  for (std::uint64_t i = 0; i < 100000; ++i) REQUIRE(*Tree<IntNodes>::insert(scope, tree.where(), {i, i}, 1, 2, wait));
  CHECK(tree.entries == 100000);
  CHECK(tree.height <= 4);
  tree.commit(scope);
  tree.objects.free_tree(tree.root, store::Access::no_wait);
  CHECK(tree.objects.live_objects() == 0);
}
TEST_CASE("a key without the long prefix that all others share finds a place at either end") {
  for (const char* stranger : {"a", "zz"}) {
    TreeFixture<BytesNodes> tree;
    Scope scope = tree.scope();
    std::set<std::pair<std::string, std::uint64_t>> model;
    auto insert = [&](std::string key) {
      REQUIRE(*Tree<BytesNodes>::insert(scope, tree.where(), {key, 7}, 1, 2, wait));
      model.emplace(std::move(key), 7);
    };
    // Enough for full inner nodes whose separators are as long as keys may be.
    for (int i = 0; i < 9000; ++i) insert(std::string(2600, 'm') + std::to_string(100000 + (i * 7919) % 9000));
    for (int i = 0; i < 300; ++i) insert(std::string(stranger) + std::to_string(100000 + i));
    insert(stranger);
    require_sound(tree);
    CHECK(tree.contents(false) == std::vector<std::pair<std::string, std::uint64_t>>(model.begin(), model.end()));
    tree.commit(scope);
    tree.objects.free_tree(tree.root, store::Access::no_wait);
  }
}
TEST_CASE("nodes stay within their size, however unlike the sizes of keys are") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    TreeFixture<BytesNodes> tree;
    Scope scope = tree.scope();
    os::SimChance chance(seed);
    std::set<std::pair<std::string, std::uint64_t>> model;
    for (int i = 0; i < 6000; ++i) {
      // Long keys at the low end, short ones above: halves by number would be unlike in bytes.
      const bool is_long = chance.below(12) == 0;
      std::string key = is_long ? "a" + std::to_string(chance.below(1000000)) : "b" + std::to_string(chance.below(seed % 2 == 0 ? 50u : 100000u));
      if (is_long) key.append(2690 - chance.below(40), 'x');
      if (model.emplace(key, 1).second) REQUIRE(*Tree<BytesNodes>::insert(scope, tree.where(), {key, 1}, 1, 2, wait));
    }
    require_sound(tree);
    CHECK(tree.contents(false) == std::vector<std::pair<std::string, std::uint64_t>>(model.begin(), model.end()));
    for (const auto& [key, rowid] : model) REQUIRE(*Tree<BytesNodes>::erase(scope, tree.where(), {key, rowid}, wait));
    CHECK(tree.root == nullptr);
    tree.commit(scope);
    CHECK(tree.objects.live_objects() == 0);
  }
}
TEST_CASE("an insert reports a failed allocation and can be undone") {
  for (std::uint64_t nth = 1; nth < 40; ++nth) {
    TreeFixture<BytesNodes> tree;
    Scope first = tree.scope();
    for (int i = 0; i < 300; ++i) REQUIRE(*Tree<BytesNodes>::insert(first, tree.where(), {std::string(40, static_cast<char>('a' + i % 26)), static_cast<std::uint64_t>(i)}, 1, 2, wait));
    tree.commit(first);
    Cell* root = tree.root;
    const auto height = tree.height;
    const auto entries = tree.entries;
    Scope second = tree.scope();
    tree.alloc.fail_at(nth);
    bool failed = false;
    for (std::uint64_t i = 0; i < 300 && !failed; ++i)
      failed = !Tree<BytesNodes>::insert(second, tree.where(), {std::string(40, 'm'), 1000 + i}, 1, 2, wait).has_value();
    tree.alloc.fail_at(0);
    second.undo();
    tree.root = root;
    tree.height = height;
    tree.entries = entries;
    CHECK(tree.contents(false).size() == 300);
    tree.objects.free_tree(tree.root, store::Access::no_wait);
    CHECK(tree.objects.live_objects() == 0);
  }
}
