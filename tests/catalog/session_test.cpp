#include "catalog/world.hpp"

using namespace spg;
using namespace spg::catalog;
using spg::test::World;

TEST_CASE("built-in relations and types are found through the search path") {
  World world;
  world.must([&]() -> Status {
    SessionCatalog& catalog = *world.catalog;
    SPG_ASSIGN(const Relation* by_path, catalog.relation("", "pg_class"));
    SPG_ASSIGN(const Relation* by_schema, catalog.relation("pg_catalog", "pg_class"));
    SPG_ASSIGN(const Relation* elsewhere, catalog.relation("public", "pg_class"));
    SPG_ASSIGN(const Relation* unknown_schema, catalog.relation("nowhere", "pg_class"));
    SPG_ASSIGN(const Relation* hidden, catalog.relation("", "columns"));
    SPG_ASSIGN(const Relation* shown, catalog.relation("information_schema", "columns"));
    CHECK(by_path != nullptr);
    CHECK(by_path == by_schema);
    CHECK(by_path->is_virtual);
    CHECK(elsewhere == nullptr);
    CHECK(unknown_schema == nullptr);
    CHECK(hidden == nullptr);
    CHECK(shown != nullptr);
    CHECK(catalog.type("", "int4")->oid == Oid{23});
    CHECK(catalog.type("public", "int4") == nullptr);
    CHECK(catalog.functions("", "lower").size() == 3);
    CHECK(catalog.functions("information_schema", "lower").empty());
    SPG_ASSIGN(const Oid schema, catalog.schema_oid("public"));
    CHECK(schema == ns::public_schema);
    SPG_ASSIGN(const std::string_view name, catalog.schema_name(ns::public_schema));
    CHECK(name == "public");
    SPG_ASSIGN(const Oid creation, catalog.creation_schema());
    CHECK(creation == ns::public_schema);
    SPG_ASSIGN(const auto path, catalog.search_path());
    CHECK(std::vector<Oid>(path.begin(), path.end()) == std::vector<Oid>{ns::pg_catalog, ns::public_schema});
    return ok();
  });
}

TEST_CASE("a unit of work sees its own rows, and others after it was flushed") {
  World world;
  const auto count = [&](StoredKey key, std::initializer_list<type::Value> keys) {
    Store store(world.database.get(), world.shared.get(), world.arena);
    auto found = store.find(key, keys);
    REQUIRE(found.has_value());
    return found->size();
  };
  world.must([&]() -> Status {
    Store store(world.database.get(), world.shared.get(), world.arena);
    Row* row = store.add(Stored::namespace_);
    row->set(pg_namespace::oid, oid_value(Oid{20000}));
    row->set(pg_namespace::nspname, text_value("a name longer than twelve bytes"));
    SPG_ASSIGN(const Row* found, store.find_one(StoredKey::namespace_name, {text_value("a name longer than twelve bytes")}));
    CHECK(found == row);
    SPG_ASSIGN(Row * built_in, store.find_one(StoredKey::namespace_name, {text_value("public")}));
    REQUIRE(built_in != nullptr);
    built_in->set(pg_namespace::nspname, text_value("renamed"));
    SPG_ASSIGN(const Row* old_name, store.find_one(StoredKey::namespace_name, {text_value("public")}));
    CHECK(old_name == nullptr);
    SPG_ASSIGN(const Row* new_name, store.find_one(StoredKey::namespace_name, {text_value("renamed")}));
    CHECK(new_name == built_in);
    return store.flush();
  });
  world.must([&]() -> Status {
    CHECK(count(StoredKey::namespace_name, {text_value("a name longer than twelve bytes")}) == 1);
    CHECK(count(StoredKey::namespace_name, {text_value("public")}) == 0);
    CHECK(count(StoredKey::namespace_name, {text_value("renamed")}) == 1);
    Store store(world.database.get(), world.shared.get(), world.arena);
    SPG_ASSIGN(Vec<Row*> all, store.all(Stored::namespace_));
    CHECK(all.size() == 2);
    SPG_ASSIGN(Row * row, store.find_one(StoredKey::namespace_oid, {oid_value(Oid{20000})}));
    store.remove(row);
    SPG_ASSIGN(const Row* gone, store.find_one(StoredKey::namespace_oid, {oid_value(Oid{20000})}));
    CHECK(gone == nullptr);
    return store.flush();
  });
  world.must([&] { CHECK(count(StoredKey::namespace_oid, {oid_value(Oid{20000})}) == 0); return ok(); });
}
