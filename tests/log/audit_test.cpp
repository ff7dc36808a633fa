// The audit log's chain: whatever is done to its bytes is found, what is whole is read, and a crash's tail is mended from the log.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "spg/log/audit_log.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/os/sim/sim.hpp"

using namespace spg;
using namespace spg::log;
using SimLog = Log<os::SimStorage, os::NoSync>;
using SimAudit = AuditLog<os::SimStorage, os::NoSync>;

namespace {

std::string body_of(const std::vector<std::string>& statements, std::string_view user = "bench", std::string_view database = "postgres") {
  AuditText text;
  for (const std::string& one : statements) REQUIRE_FALSE(text.add(one));
  RecordBuffer body;
  REQUIRE_FALSE(text.write_body(user, database, body));
  return std::string(as_text(body.bytes()));
}

struct Chain {
  std::string bytes;
  std::vector<std::size_t> ends;   ///< of the header, and of each entry
  AuditEnd end;
};

/// Five entries, the fourth of which is a pause; `salt` makes files that differ from the header on.
Chain make_chain(unsigned char salt = 1) {
  AuditHeader header;
  header.made_us = 1'700'000'000'000'000;
  for (std::byte& byte : header.random) byte = std::byte{salt};
  Chain chain;
  chain.bytes.resize(audit_header_bytes);
  chain.end.hash = write_audit_header(reinterpret_cast<std::byte*>(chain.bytes.data()), header);
  chain.end.bytes = audit_header_bytes;
  chain.ends.push_back(audit_header_bytes);
  const std::vector<std::string> texts[] = {{"CREATE TABLE t (a int)"}, {"INSERT INTO t VALUES (1)", "UPDATE t SET a = 2"}, {}, {}, {"TRUNCATE t"}};
  std::uint64_t counter = 100;
  for (const auto& text : texts) {
    RecordBuffer entry;
    const Lsn lsn{chain.end.number < 3 ? 1u : 2u, counter += 50};
    const bool is_pause = chain.end.number == 3;
    const auto pause = audit_from_body({1, 250});
    const std::string body = is_pause ? std::string(as_text(pause)) : body_of(text);
    REQUIRE_FALSE(add_audit_entry(entry, is_pause ? AuditKind::pause : AuditKind::transaction, lsn, is_pause ? 0 : 1'700'000'000'000'000 + static_cast<std::int64_t>(counter), as_bytes(body), chain.end));
    chain.bytes += as_text(entry.bytes());
    chain.ends.push_back(chain.bytes.size());
  }
  REQUIRE(chain.end.bytes == chain.bytes.size());
  return chain;
}

struct Walked {
  std::uint64_t entries = 0;
  std::string error;
  bool cut_short = false;
  std::vector<std::string> lines;
};

Walked walk(const std::string& bytes) {
  Walked found;
  const auto read = [&](std::uint64_t at, MutableBytes into) -> Status {
    if (at + into.size() > bytes.size()) return Error::make(sqlstate::io_error, "read past the end");
    std::memcpy(into.data(), bytes.data() + at, into.size());
    return ok();
  };
  AuditWalk walk(read, bytes.size());
  auto header = walk.open();
  if (!header) { found.error = std::string(header.error().message()); return found; }
  for (AuditEntry entry;;) {
    auto more = walk.next(entry);
    if (!more) {
      found.error = std::string(more.error().message());
      found.cut_short = walk.is_cut_short();
      CHECK(more.error().code() == sqlstate::data_corrupted);
      return found;
    }
    if (!*more) return found;
    ++found.entries;
    std::string line = std::to_string(entry.number) + " " + std::to_string(entry.lsn.epoch) + "/" + std::to_string(entry.lsn.counter);
    if (entry.kind == AuditKind::pause) {
      const Lsn from = read_audit_from(entry.body).value();
      line += " pause " + std::to_string(from.epoch) + "/" + std::to_string(from.counter);
    } else {
      auto body = read_audit_body(entry.body, [&](const AuditStatement& statement) { line += " | " + std::string(statement.text); });
      line += " @ " + std::string(body->user) + "." + std::string(body->database);
    }
    found.lines.push_back(line);
  }
}

std::size_t entry_at(const Chain& chain, std::size_t offset) {
  std::size_t entry = 0;
  while (offset >= chain.ends[entry]) ++entry;
  return entry;  // 0: the header
}
std::string piece(const Chain& chain, std::size_t entry) { return chain.bytes.substr(chain.ends[entry - 1], chain.ends[entry] - chain.ends[entry - 1]); }
std::string head(const Chain& chain) { return chain.bytes.substr(0, audit_header_bytes); }

// --- an audit log beside a log on a simulated disk

void put_file(os::SimStorage& disk, std::string_view path, std::string_view bytes) {
  auto file = disk.open(path, policy::OpenMode::create);
  if (!file) file = disk.open(path, policy::OpenMode::write);
  REQUIRE(file);
  REQUIRE_FALSE(file->resize(bytes.size()));
  REQUIRE_FALSE(file->write_at(0, as_bytes(bytes)));
  REQUIRE_FALSE(file->sync());
  REQUIRE_FALSE(disk.sync_dir("d"));
}
std::string get_file(os::SimStorage& disk, std::string_view path) {
  auto file = disk.open(path, policy::OpenMode::read);
  REQUIRE(file);
  std::string bytes(*file->size(), '\0');
  REQUIRE_FALSE(file->read_at(0, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}));
  return bytes;
}

struct Reports final : AuditReport {
  void audit_fails(const Error& why) override { told += "fails: " + std::string(why.message()) + "\n"; }
  void audit_works_again() override { told += "works\n"; }
  void audit_mended(std::uint64_t first, std::uint64_t count) override { told += "mended " + std::to_string(first) + "+" + std::to_string(count) + "\n"; }
  std::string told;
};

/// Commits of numbered transactions; what the machine does around them is done here.
struct Fixture {
  explicit Fixture(os::SimStorage& on, AuditAnchor known = {}, bool begins = false) : disk(on), anchor(known) {
    options.path = "d/audit";
    options.report = &reports;
    options.begins = begins;
  }
  Status open(std::uint64_t from = 0) {
    audit = std::make_unique<SimAudit>(disk, options);
    log = std::make_unique<SimLog>(disk, "d/wal");
    SPG_TRY(audit->open(anchor, {}));
    const Epoch history[] = {{1, 0}};
    SPG_TRY(log->recover(from, history, [&](const Record& record) {
      const Lsn lsn{record.header.epoch, record.header.counter + frame_bytes(record.header.length)};
      return lsn <= anchor.through ? ok() : audit->recover(lsn, 7, record.payload);
    }));
    SPG_TRY(audit->finish({1, log->end()}));
    anchor = audit->anchor();
    return log->start(1);
  }
  Status commit(const std::string& statement, bool flushes = true) {
    SPG_TRY(audit->check_room(log->position()));
    const std::string body = body_of({statement});
    auto* one = SimAudit::make_pending(7, as_bytes(body));
    SPG_TRY(log->reserve(body.size()));
    auto end = log->append(DatabaseId{1}, RecordType::commit, as_bytes(body));
    if (!end) { SimAudit::drop(one); return end.take_error(); }
    audit->push(one, *end - frame_bytes(body.size()), *end, 1);
    if (!flushes) return ok();
    SPG_TRY(log->flush());
    (void)audit->write(*log);
    return ok();
  }
  os::SimStorage& disk;
  AuditOptions options;
  Reports reports;
  AuditAnchor anchor;
  std::unique_ptr<SimAudit> audit;
  std::unique_ptr<SimLog> log;
};

std::string path_of(const char* name) { return std::string(SPG_TEST_VECTORS) + "/audit/" + name; }

}  // namespace

TEST_CASE("a chain says what was put into it") {
  const Walked found = walk(make_chain().bytes);
  CHECK(found.error == "");
  CHECK(found.lines == std::vector<std::string>{"1 1/150 | CREATE TABLE t (a int) @ bench.postgres", "2 1/200 | INSERT INTO t VALUES (1) | UPDATE t SET a = 2 @ bench.postgres",
                                                "3 1/250 @ bench.postgres", "4 2/300 pause 1/250", "5 2/350 | TRUNCATE t @ bench.postgres"});
}

// SPG_WRITE_GOLDEN=1 writes it; it stays when a newer version comes.
TEST_CASE("an audit log of version 1 is read for ever, and is what is written") {
  const Chain chain = make_chain();
  if (std::getenv("SPG_WRITE_GOLDEN") != nullptr) std::ofstream(path_of("audit-v1"), std::ios::binary) << chain.bytes;
  std::ifstream file(path_of("audit-v1"), std::ios::binary);
  REQUIRE(file);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  CHECK(walk(golden).entries == 5);
  CHECK(golden == chain.bytes);
}

TEST_CASE("every flipped bit of an audit log is found, in the entry that it is in") {
  const Chain chain = make_chain();
  for (std::size_t at = 0; at < chain.bytes.size(); ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      CAPTURE(at, bit);
      std::string bytes = chain.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const Walked found = walk(bytes);
      const std::size_t entry = entry_at(chain, at);
      REQUIRE(found.error != "");
      REQUIRE(found.entries == (entry == 0 ? 0 : entry - 1));
      if (entry != 0)
        REQUIRE(found.error.starts_with("audit log entry " + std::to_string(entry) + " at offset " + std::to_string(chain.ends[entry - 1]) + " is broken: "));
    }
}

TEST_CASE("every truncation in an entry is found, and at an entry's end the rest is whole") {
  const Chain chain = make_chain();
  for (std::size_t size = 0; size < chain.bytes.size(); ++size) {
    CAPTURE(size);
    const Walked found = walk(chain.bytes.substr(0, size));
    if (size < audit_header_bytes) {
      REQUIRE(found.error == "the file is not an audit log");
      continue;
    }
    const std::size_t entry = entry_at(chain, size);
    REQUIRE(found.entries == entry - 1);
    const bool at_end = size == chain.ends[entry - 1];
    REQUIRE((found.error == "") == at_end);
    if (!at_end) REQUIRE(found.cut_short);
  }
}

TEST_CASE("entries that were removed, doubled, reordered or spliced are found") {
  const Chain chain = make_chain(), other = make_chain(2);
  CHECK(chain.end.hash != other.end.hash);
  struct Row { const char* what; std::string bytes, error; };
  const auto entry = [&](std::size_t n) { return piece(chain, n); };
  const std::string at1 = std::to_string(chain.ends[0]), at2 = std::to_string(chain.ends[1]), at3 = std::to_string(chain.ends[2]);
  const Row rows[] = {
      {"the first is gone", head(chain) + entry(2) + entry(3), "audit log entry 1 at offset " + at1 + " is broken: it has number 2"},
      {"one in the middle is gone", head(chain) + entry(1) + entry(3), "audit log entry 2 at offset " + at2 + " is broken: it has number 3"},
      {"one is there twice", head(chain) + entry(1) + entry(1) + entry(2), "audit log entry 2 at offset " + at2 + " is broken: it has number 1"},
      {"two are exchanged", head(chain) + entry(2) + entry(1), "audit log entry 1 at offset " + at1 + " is broken: it has number 2"},
      {"one of another file", head(chain) + entry(1) + piece(other, 2) + entry(3), "audit log entry 2 at offset " + at2 + " is broken: it does not follow the entry before"},
      {"the rest of another file", head(chain) + entry(1) + entry(2) + other.bytes.substr(other.ends[2]), "audit log entry 3 at offset " + at3 + " is broken: it does not follow the entry before"},
      {"another file's header", head(other) + chain.bytes.substr(audit_header_bytes), "audit log entry 1 at offset " + at1 + " is broken: it does not follow the entry before"},
      {"zeros behind", chain.bytes + std::string(200, '\0'), "audit log entry 6 at offset " + std::to_string(chain.bytes.size()) + " is broken: its length is out of bounds"},
      {"no audit log", "SPGWAL", "the file is not an audit log"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(walk(row.bytes).error == row.error);
  }
  std::string newer = chain.bytes;
  newer[7] = 2;
  CHECK(walk(newer).error == "audit log has format 2, this program reads 1");
}

TEST_CASE("an entry that is well chained but of before the one before, or malformed, is found") {
  const auto with = [](AuditKind kind, Lsn lsn, std::string_view body) {
    Chain chain = make_chain();
    RecordBuffer entry;
    REQUIRE_FALSE(add_audit_entry(entry, kind, lsn, 0, as_bytes(body), chain.end));
    return walk(chain.bytes + std::string(as_text(entry.bytes()))).error;
  };
  const std::string good = body_of({"x"});
  CHECK(with(AuditKind::transaction, {2, 350}, good) == "");
  CHECK(with(AuditKind::transaction, {2, 349}, good).ends_with("it is of before the entry before"));
  CHECK(with(AuditKind::transaction, {1, 999}, good).ends_with("it is of before the entry before"));
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) CHECK(with(AuditKind::transaction, {3, 0}, good.substr(0, bytes)).ends_with("it is malformed"));
  CHECK(with(AuditKind::transaction, {3, 0}, good + "x").ends_with("it is malformed"));
  CHECK(with(AuditKind::pause, {3, 0}, "short").ends_with("it is malformed"));
  CHECK(with(static_cast<AuditKind>(3), {3, 0}, good).ends_with("it is malformed"));
}

TEST_CASE("long texts are cut, many are counted, and their hashes stay") {
  const std::string longest(statement_text_bytes_max, 'a'), longer = longest + "b";
  std::string split = std::string(statement_text_bytes_max - 1, 'a') + "\xc3\xa4" "rest";  // a character across the bound
  struct Found { std::string text; std::uint64_t whole; bool has_hash; };
  std::vector<Found> found;
  const auto read = [&](const std::string& body) {
    found.clear();
    auto of = read_audit_body(as_bytes(body), [&](const AuditStatement& one) {
      found.push_back({std::string(one.text), one.whole_bytes, one.whole_hash != nullptr});
      if (one.whole_hash != nullptr) {
        const std::string& whole = one.whole_bytes == longer.size() ? longer : split;
        CHECK(std::memcmp(one.whole_hash, crypto::blake3(as_bytes(whole)).data(), 32) == 0);
      }
    });
    REQUIRE(of);
    return AuditBody(*of);
  };
  const std::string few = body_of({longest, longer, split});
  CHECK(read(few).left_out == 0);
  REQUIRE(found.size() == 3);
  CHECK((found[0].text == longest && !found[0].has_hash));
  CHECK((found[1].text == longest && found[1].whole == longer.size() && found[1].has_hash));
  CHECK((found[2].text == split.substr(0, statement_text_bytes_max - 1) && found[2].has_hash));

  std::vector<std::string> many(audit_statements_max, "x");
  many.push_back("y");
  many.push_back("zz");
  const std::string counted = body_of(many);
  const AuditBody body = read(counted);
  CHECK((body.statements == audit_statements_max && body.left_out == 2 && body.left_out_bytes == 3));
  Blake3Digest hash = crypto::Blake3().update(Blake3Digest{}).update(as_bytes("y")).finish();
  hash = crypto::Blake3().update(hash).update(as_bytes("zz")).finish();
  CHECK(std::memcmp(body.left_out_hash, hash.data(), 32) == 0);

  const std::string large = body_of(std::vector<std::string>(100, longer));
  CHECK(large.size() < audit_entry_bytes_max - audit_entry_bytes_min);
  const AuditBody of_large = read(large);
  CHECK((of_large.statements + of_large.left_out == 100 && of_large.left_out_bytes == of_large.left_out * longer.size()));
}

TEST_CASE("a savepoint takes statements back, those that were only counted as well") {
  AuditText text;
  REQUIRE_FALSE(text.add("one"));
  const AuditText::Mark early = text.mark();
  for (std::size_t i = 0; i < audit_statements_max; ++i) REQUIRE_FALSE(text.add("two"));
  const AuditText::Mark late = text.mark();
  RecordBuffer before, after;
  REQUIRE_FALSE(text.write_body("u", "d", before));
  REQUIRE_FALSE(text.add("three"));
  text.back_to(late);
  REQUIRE_FALSE(text.write_body("u", "d", after));
  CHECK(as_text(before.bytes()) == as_text(after.bytes()));
  text.back_to(early);
  RecordBuffer last;
  REQUIRE_FALSE(text.write_body("u", "d", last));
  CHECK(std::string(as_text(last.bytes())) == body_of({"one"}, "u", "d"));
}

TEST_CASE("what the file lacks behind the anchor comes from the log; what is wrong before it is refused") {
  os::SimStorage disk;
  AuditAnchor anchor;
  {
    Fixture writer(disk);
    REQUIRE_FALSE(writer.open());
    for (int n = 1; n <= 3; ++n) REQUIRE_FALSE(writer.commit("statement " + std::to_string(n)));
    REQUIRE_FALSE(writer.audit->make_durable(*writer.log));
    anchor = writer.audit->anchor();
    CHECK((anchor.end.number == 3 && writer.audit->kept_from() == UINT64_MAX));
    for (int n = 4; n <= 7; ++n) REQUIRE_FALSE(writer.commit("statement " + std::to_string(n)));
    CHECK(writer.audit->kept_from() == anchor.through.counter);
  }
  const std::string whole = get_file(disk, "d/audit");
  REQUIRE(walk(whole).entries == 7);
  const auto reopen = [&](const std::string& bytes, std::string* told = nullptr, bool begins = false) {
    put_file(disk, "d/audit", bytes);
    Fixture reader(disk, anchor, begins);
    Status failed = reader.open();
    if (told != nullptr) *told = reader.reports.told;
    return failed ? std::string(failed.message()) : std::string();
  };
  std::string told;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const std::string error = reopen(whole.substr(0, size), &told);
    if (size >= anchor.end.bytes) {
      REQUIRE(error == "");
      REQUIRE((told != "") == (size != whole.size()));
      REQUIRE(get_file(disk, "d/audit") == whole);
    } else {
      REQUIRE(error.starts_with("audit log \"d/audit\": "));
    }
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    const std::string error = reopen(bytes, &told);
    REQUIRE((error == "") == (at >= anchor.end.bytes));
    if (error == "") REQUIRE(get_file(disk, "d/audit") == whole);
  }
  // Cut where an entry ends, so that the rest is a whole chain: it is not what the database knows.
  std::vector<std::size_t> ends{audit_header_bytes};
  while (ends.back() < whole.size()) ends.push_back(ends.back() + load_le<std::uint32_t>(whole.data() + ends.back()));
  CHECK(reopen(whole.substr(0, ends[2])) == "audit log \"d/audit\": it ends behind entry 2, but the database knows of 3");
  // More than the log knows of.
  AuditEnd end;
  end.number = 7;
  std::memcpy(end.hash.data(), whole.data() + whole.size() - 32, 32);
  RecordBuffer more;
  const std::string body = body_of({"forged"});
  REQUIRE_FALSE(add_audit_entry(more, AuditKind::transaction, {9, 9}, 7, as_bytes(body), end));
  CHECK(reopen(whole + std::string(as_text(more.bytes()))) ==
        "audit log \"d/audit\": it goes on behind entry 7 at offset " + std::to_string(whole.size()) + ", where the write-ahead log knows of no more");
  CHECK(reopen(whole + "x").ends_with("where the write-ahead log knows of no more"));
  // Another entry in the place of one: a chain by itself, but not this database's.
  end.number = 4;
  std::memcpy(end.hash.data(), whole.data() + ends[4] - 32, 32);
  RecordBuffer fork;
  REQUIRE_FALSE(add_audit_entry(fork, AuditKind::transaction, {1, anchor.through.counter + 100}, 7, as_bytes(body), end));
  CHECK(reopen(whole.substr(0, ends[4]) + std::string(as_text(fork.bytes()))) ==
        "audit log \"d/audit\": entry 5 at offset " + std::to_string(ends[4]) + " is not what the write-ahead log says");
  CHECK(reopen(make_chain(9).bytes).find("is not the one that the database knows") != std::string::npos);
}

TEST_CASE("a missing audit log is missed, and one begun anew names the last entry of the other") {
  os::SimStorage disk;
  AuditAnchor anchor;
  {
    Fixture writer(disk);
    REQUIRE_FALSE(writer.open());
    for (int n = 1; n <= 3; ++n) REQUIRE_FALSE(writer.commit("statement " + std::to_string(n)));
    REQUIRE_FALSE(writer.audit->make_durable(*writer.log));
    anchor = writer.audit->anchor();
    REQUIRE_FALSE(writer.commit("statement 4"));
  }
  const std::string first = get_file(disk, "d/audit");
  REQUIRE_FALSE(disk.remove("d/audit"));
  Status missed = Fixture(disk, anchor).open();
  CHECK(missed.code() == sqlstate::undefined_file);
  CHECK(std::string(missed.message()) == "audit log \"d/audit\" is not there, but the database knows of 3 entries");
  for (int tries = 0; tries < 2; ++tries) {  // the second: as if the first had not come to its manifest
    Fixture second(disk, anchor, true);
    REQUIRE_FALSE(second.open());
    CHECK(second.anchor.end.number == 4);
  }
  const std::string begun = get_file(disk, "d/audit");
  const Walked found = walk(begun);
  REQUIRE(found.lines.size() == 1);
  CHECK(found.lines[0].starts_with("4 1/"));
  CHECK(std::memcmp(begun.data() + 16, anchor.end.hash.data(), 32) == 0);
  // Without being told to, a file that merely claims to follow is not taken.
  CHECK(Fixture(disk, anchor).open().failed());
}

TEST_CASE("a pause is an entry, and the same one when the start is begun anew") {
  os::SimStorage disk;
  AuditAnchor anchor;
  {
    Fixture writer(disk);
    REQUIRE_FALSE(writer.open());
    REQUIRE_FALSE(writer.commit("statement 1"));
    REQUIRE_FALSE(writer.audit->make_durable(*writer.log));
    anchor = writer.audit->anchor();
  }
  anchor.is_paused = true;
  for (int tries = 0; tries < 2; ++tries) {
    Fixture again(disk, anchor);
    REQUIRE_FALSE(again.open());
    CHECK(again.anchor.end.number == 2);
    CHECK_FALSE(again.anchor.is_paused);
  }
  const std::string at = std::to_string(anchor.through.counter);
  CHECK(walk(get_file(disk, "d/audit")).lines[1] == "2 1/" + at + " pause 1/" + at);
}

TEST_CASE("each call that fails is tried again, and no entry is lost or doubled") {
  constexpr int commits = 12;
  for (const bool sticky : {false, true})
    for (std::uint64_t nth = 1;; ++nth) {
      CAPTURE(sticky, nth);
      os::SimStorage disk;
      Fixture fixture(disk);
      REQUIRE_FALSE(fixture.open());
      std::uint64_t calls = 0;
      bool has_failed = false;
      for (int n = 1; n <= commits; ++n) {
        REQUIRE_FALSE(fixture.commit("statement " + std::to_string(n), false));
        REQUIRE_FALSE(fixture.log->flush());
        // The nth call of the audit log's, or that and all of the three that follow.
        const std::uint64_t before = disk.steps();
        if (calls < nth) disk.fail_at(nth - calls, sqlstate::io_error, sticky);
        else if (sticky && calls < nth + 3) disk.fail_at(1, sqlstate::io_error, true);
        const Status failed = n % 3 == 0 ? fixture.audit->make_durable(*fixture.log) : fixture.audit->write(*fixture.log);
        disk.fail_at(0, sqlstate::io_error);
        calls += disk.steps() - before;
        REQUIRE(fixture.audit->is_failing() == failed.failed());
        if (!failed) continue;
        has_failed = true;
        // The log stays from the first entry on that may be lost.
        const std::uint64_t durable_entries = fixture.audit->anchor().end.number;
        REQUIRE(fixture.audit->kept_from() <= fixture.log->position());
        REQUIRE(durable_entries < static_cast<std::uint64_t>(n));
      }
      REQUIRE_FALSE(fixture.audit->make_durable(*fixture.log));
      CHECK(fixture.audit->kept_from() == UINT64_MAX);
      CHECK(fixture.audit->anchor().end.number == commits);
      const Walked found = walk(get_file(disk, "d/audit"));
      REQUIRE(found.error == "");
      REQUIRE(found.entries == commits);
      CHECK((fixture.reports.told != "") == has_failed);
      if (has_failed) CHECK(fixture.reports.told.ends_with("works\n"));
      if (!has_failed) break;
    }
}

TEST_CASE("nothing is audited before it is durable") {
  os::SimStorage disk;
  Fixture fixture(disk);
  REQUIRE_FALSE(fixture.open());
  REQUIRE_FALSE(fixture.commit("statement 1", false));
  REQUIRE_FALSE(fixture.audit->make_durable(*fixture.log));
  CHECK(walk(get_file(disk, "d/audit")).entries == 0);
  REQUIRE_FALSE(fixture.log->flush());
  CHECK(fixture.audit->has_pending(fixture.log->durable()));
  REQUIRE_FALSE(fixture.audit->write(*fixture.log));
  CHECK(walk(get_file(disk, "d/audit")).entries == 1);
}

TEST_CASE("what a failed sync has dropped is written again") {
  os::SimStorage disk;
  Fixture fixture(disk);
  REQUIRE_FALSE(fixture.open());
  REQUIRE_FALSE(fixture.commit("statement 1"));
  REQUIRE_FALSE(fixture.audit->make_durable(*fixture.log));
  const std::uint64_t safe = fixture.audit->anchor().end.bytes;
  for (int n = 2; n <= 4; ++n) REQUIRE_FALSE(fixture.commit("statement " + std::to_string(n)));
  const std::string whole = get_file(disk, "d/audit");
  disk.fail_at(1, sqlstate::io_error, false, os::SimCalls::syncs);
  CHECK(fixture.audit->make_durable(*fixture.log).failed());
  // As systems do: the pages are thrown away and called clean, and the next sync succeeds.
  put_file(disk, "d/audit", whole.substr(0, safe) + std::string(whole.size() - safe, '\0'));
  REQUIRE_FALSE(fixture.audit->make_durable(*fixture.log));
  CHECK(get_file(disk, "d/audit") == whole);
}

TEST_CASE("commits are refused once too much waits for an audit log that fails, and go on when it works") {
  os::SimStorage disk;
  Fixture fixture(disk);
  fixture.options.backlog_bytes_max = 4096;
  REQUIRE_FALSE(fixture.open());
  int taken = 0;
  Status refused;
  while (!refused) {
    REQUIRE(taken < 1000);
    refused = fixture.commit("statement " + std::to_string(taken), false);
    if (refused) break;
    ++taken;
    REQUIRE_FALSE(fixture.log->flush());
    disk.fail_at(1, sqlstate::disk_full, true);
    CHECK(fixture.audit->write(*fixture.log).failed());
    disk.fail_at(0, sqlstate::disk_full);
  }
  CHECK(taken > 5);
  CHECK(refused.code() == sqlstate::disk_full);
  CHECK(std::string(refused.message()) == "the audit log cannot be written: No space left on device");
  REQUIRE_FALSE(fixture.audit->write(*fixture.log));
  REQUIRE_FALSE(fixture.commit("the last"));
  REQUIRE_FALSE(fixture.audit->make_durable(*fixture.log));
  CHECK(walk(get_file(disk, "d/audit")).entries == static_cast<std::uint64_t>(taken) + 1);
  CHECK(fixture.reports.told == "fails: No space left on device\nworks\n");
}
