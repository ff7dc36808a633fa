#include "catalog/sql.hpp"
#include "spg/crypto/scram.hpp"

using namespace spg;
using namespace spg::catalog;
using spg::test::Sql;

TEST_CASE("roles: what is said") {
  Sql sql;
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"create role r1", ""},
      {"create role r1", "42710: role \"r1\" already exists"},
      {"drop role nosuch", "42704: role \"nosuch\" does not exist"},
      {"drop role if exists nosuch", "NOTICE: role \"nosuch\" does not exist, skipping"},
      {"alter role nosuch login", "42704: role \"nosuch\" does not exist"},
      {"create role pg_x",
       "42939: role name \"pg_x\" is reserved\nDETAIL: Role names starting with \"pg_\" are reserved."},
      {"drop role postgres", "55006: current user cannot be dropped"},
      {"create role r2 in role nosuch", "42704: role \"nosuch\" does not exist"},
      {"create role r3 password ''", "NOTICE: empty string is not a valid password, clearing password"},
      {"create role r5 login login", "42601: conflicting or redundant options"},
      {"grant r1 to r3", ""},
      {"grant r1 to r3", "NOTICE: role \"r3\" is already a member of role \"r1\""},
      {"grant r3 to r1", "0LP01: role \"r3\" is a member of role \"r1\""},
      {"grant pg_monitor to r1", ""},
      {"revoke r1 from r3", ""},
      {"revoke r1 from r3", "WARNING: role \"r3\" is not a member of role \"r1\""},
      {"alter role r1 rename to r6", ""},
      {"drop role r6, r3", ""},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
}

TEST_CASE("roles: what is kept") {
  Sql sql;
  CHECK(sql("create user ann password 'secret' connection limit 3 valid until '2030-01-01 00:00:00+00'; create role "
            "bob superuser nologin") == "");
  sql.read([&](SessionCatalog&) -> Status {
    txn::View& shared = *sql.world.shared;
    SPG_ASSIGN(const FoundRole ann, find_role(shared, "ann", sql.world.arena));
    SPG_ASSIGN(const FoundRole bob, find_role(shared, "bob", sql.world.arena));
    SPG_ASSIGN(const FoundRole postgres, find_role(shared, "postgres", sql.world.arena));
    SPG_ASSIGN(const FoundRole nobody, find_role(shared, "nobody", sql.world.arena));
    REQUIRE(ann.found);
    CHECK(ann.role.can_login);
    CHECK(!ann.role.superuser);
    CHECK(ann.role.connection_limit == 3);
    CHECK(ann.role.valid_until == 946771200000000);
    const auto verifier = crypto::parse_scram_verifier(ann.role.password_verifier);
    REQUIRE(verifier.has_value());
    const auto again = crypto::make_scram_verifier("secret", verifier->salt_view(), verifier->iterations);
    CHECK(again.stored_key == verifier->stored_key);
    const auto other = crypto::make_scram_verifier("Secret", verifier->salt_view(), verifier->iterations);
    CHECK(other.stored_key != verifier->stored_key);
    CHECK(bob.role.superuser);
    CHECK(!bob.role.can_login);
    CHECK(bob.role.password_verifier.empty());
    CHECK(postgres.role.oid == bootstrap_superuser);
    CHECK(!nobody.found);
    SPG_ASSIGN(const DatabaseInfo database, find_database(shared, "postgres", sql.world.arena));
    CHECK(database.found);
    return ok();
  });
}
