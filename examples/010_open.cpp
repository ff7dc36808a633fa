// Opens a database, makes a table, writes with parameters, reads. Run it with a path to keep the data, without for memory.
#include <cstdio>
#include <spg/spg.hpp>

static int run(int argc, char** argv) {
  spg::Database database = (argc > 1 ? spg::Database::open(argv[1]) : spg::Database::in_memory()).value();
  spg::Connection connection = database.connect().value();

  connection.execute("CREATE TABLE IF NOT EXISTS planets (name text PRIMARY KEY, moons int, seen date)").value();
  connection.execute("DELETE FROM planets").value();
  spg::Statement insert = connection.prepare("INSERT INTO planets VALUES ($1, $2, $3)").value();
  insert.execute("Mars", 2, "1877-08-12").value();
  insert.execute("Neptune", 14, "1846-09-23").value();
  insert.execute("Venus", 0, nullptr).value();

  spg::Rows rows = connection.execute("SELECT name, moons, seen FROM planets WHERE moons >= $1 ORDER BY moons DESC", 1).value();
  for (spg::Row row : rows)
    std::printf("%s has %d moons, seen since %s\n", row["name"].text().c_str(), row["moons"].as<int>().value(), row["seen"].text().c_str());

  // Errors are values with PostgreSQL's codes and messages.
  auto failed = connection.execute("INSERT INTO planets VALUES ('Mars', 3)");
  const auto code = spg::sqlstate_text(failed.error().code());
  std::printf("%.5s: %s\n", code.data(), std::string(failed.error().message()).c_str());
  return rows.size() == 2 && failed.error().code() == spg::sqlstate::unique_violation ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const spg::Exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
