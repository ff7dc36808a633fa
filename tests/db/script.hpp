// A script with statements of all kinds for the fault tests, and the questions that tell whether a database is sound.
#pragma once
#include <set>
#include <span>
#include <string>

#include "support/database.hpp"

namespace spg::test {

struct ScriptLine {
  const char* text;
  const char* copied = "";
};

inline constexpr ScriptLine fault_script[] = {
    {"CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), made timestamp)"},
    {"CREATE TABLE c (id int, p int REFERENCES p, note text, CHECK (note <> ''))"},
    {"INSERT INTO p SELECT i, 'name ' || i, i * 1.25, timestamp '2024-01-01' + i * interval '1 hour' FROM generate_series(1, 400) i"},
    {"CREATE INDEX p_name ON p (name)"},
    {"COPY c FROM STDIN", "1\t1\tone\n2\t2\ttwo\n3\t3\tthree\n4\t4\tfour\n5\t5\t\\N\n6\t6\tsix\n"},
    {"COPY (SELECT * FROM c ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)"},
    {"SELECT p.id, p.name, c.note FROM p JOIN c ON c.p = p.id ORDER BY c.note NULLS FIRST, p.id DESC LIMIT 3"},
    {"SELECT count(*), sum(price), min(name), avg(id) FROM p"},
    {"SELECT id % 7, count(*), string_agg(name, ',' ORDER BY id) FROM p GROUP BY 1 HAVING count(*) > 3 ORDER BY 1"},
    {"SELECT DISTINCT length(name) FROM p ORDER BY 1"},
    {"SELECT count(*) FROM p a LEFT JOIN p b ON a.id = b.id + 3 WHERE b.id IS NULL"},
    {"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 100) SELECT sum(n) FROM r"},
    {"SELECT id FROM p WHERE id < 10 UNION SELECT id FROM c INTERSECT SELECT id FROM p ORDER BY 1"},
    {"SELECT array_agg(id ORDER BY id DESC) FROM p WHERE name LIKE 'name 1%'"},
    {"SELECT id, (SELECT count(*) FROM c WHERE c.p = p.id) FROM p WHERE id IN (1, 2, 3, 500) AND EXISTS (SELECT 1 FROM c)"},
    {"SELECT row_to_text.x FROM (SELECT repeat('x', 1000) || id AS x FROM p) row_to_text ORDER BY x LIMIT 1"},
    {"UPDATE p SET price = price + 1, name = name || '!' WHERE id % 3 = 0"},
    {"UPDATE p SET name = repeat('long ', 200) || id WHERE id > 390"},
    {"DELETE FROM p WHERE id > 300 AND id % 2 = 0"},
    {"INSERT INTO p VALUES (1, 'again', 0, now())"},
    {"INSERT INTO p VALUES (1, 'again', 0, NULL) ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id, name"},
    {"BEGIN"},
    {"SAVEPOINT a"},
    {"INSERT INTO p VALUES (1001, 'in a savepoint', 1, NULL)"},
    {"SAVEPOINT b"},
    {"UPDATE p SET id = id + 10000 WHERE id <= 5"},
    {"ROLLBACK TO b"},
    {"SELECT 1 / 0"},
    {"ROLLBACK TO a"},
    {"INSERT INTO p VALUES (1002, 'after it', 1, NULL)"},
    {"COMMIT"},
    {"INSERT INTO c (id, p) VALUES (7, 12345)"},
    {"ALTER TABLE p ADD COLUMN extra int DEFAULT 7"},
    {"ALTER TABLE c ADD PRIMARY KEY (id)"},
    {"ALTER TABLE c RENAME COLUMN note TO remark"},
    {"ALTER TABLE p DROP COLUMN made"},
    {"CREATE VIEW v AS SELECT p.id, c.remark FROM p LEFT JOIN c ON c.p = p.id"},
    {"SELECT count(*), count(remark) FROM v"},
    {"CREATE UNIQUE INDEX p_extra ON p (extra)"},
    {"CREATE TABLE copy_of_p AS SELECT * FROM p WHERE id < 50"},
    {"EXPLAIN SELECT * FROM v WHERE id = 3"},
    {"PREPARE s AS SELECT name FROM p WHERE id = $1"},
    {"EXECUTE s(7)"},
    {"DEALLOCATE s"},
    {"SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relname IN ('p', 'c') ORDER BY 1, 2"},
    {"SET work_mem = '8MB'"},
    {"BEGIN; DELETE FROM c; DROP TABLE copy_of_p; ROLLBACK"},
    {"ROLLBACK"},
    {"SELECT ~ broken FROM"},
    {"SELECT nothing FROM p"},
    {"TRUNCATE c"},
};

inline constexpr const char* fault_script_end =
    "DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS copy_of_p; DROP TABLE IF EXISTS c; DROP TABLE IF EXISTS p; DEALLOCATE ALL; RESET ALL";

/// Every table's rows as scans see them and as its primary key's index sees them. Empty when they agree.
template <class Env>
std::string index_faults(Database<Env>& database, const char* table) {
  const std::string all = database.rows(std::string("SELECT id FROM ") + table + " ORDER BY id + 0");
  if (all.starts_with("42P01")) return {};  // not there
  std::set<std::string> ids;
  for (const std::string& line : database.sink.sent)
    if (!ids.insert(line).second) return std::string(table) + " has " + line + " twice";
  const std::string indexed = database.rows(std::string("SELECT id FROM ") + table + " WHERE id > -1000000 ORDER BY id");
  if (indexed != all) return std::string(table) + ": the scan says\n" + all + "the index says\n" + indexed;
  for (int id = 0; id <= 410; id += 7)
    if (database.rows("SELECT id FROM " + std::string(table) + " WHERE id = " + std::to_string(id)) !=
        (ids.contains(std::to_string(id)) ? std::to_string(id) + "\n" : std::string()))
      return std::string(table) + ": look-up of " + std::to_string(id);
  return {};
}

}  // namespace spg::test
