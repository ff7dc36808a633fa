#include <catch2/catch.hpp>

#include "wire/session.hpp"

using namespace spg;
using namespace spg::test;

namespace {

std::string be16(int n) {
  std::string s(2, '\0');
  store_be(s.data(), static_cast<std::int16_t>(n));
  return s;
}
std::string be32(std::int64_t n) {
  std::string s(4, '\0');
  store_be(s.data(), static_cast<std::uint32_t>(n));
  return s;
}
std::string message(char type, std::string_view body) {
  return type + be32(static_cast<std::int64_t>(body.size()) + 4) + std::string(body);
}
std::string z(std::string_view text) { return std::string(text) + '\0'; }

const std::string every_message = hello() + client_bytes([](ClientWriter& w) {
                                    w.query("select 1");
                                    w.parse("s", "select $1", {23, 25});
                                    w.parse("", "x");
                                    w.bind("p", "s", {"one", std::nullopt, ""});
                                    w.message('B', as_bytes(z("p") + z("s") + be16(2) + be16(1) + be16(0) + be16(2) +
                                                            be32(3) + "a\1b" + be32(-1) + be16(2) + be16(0) + be16(1)));
                                    w.describe('S', "s");
                                    w.describe('P', "p");
                                    w.execute("p", 7);
                                    w.close('P', "p");
                                    w.flush();
                                    w.sync();
                                    w.query("copy");
                                    w.copy_data("row\n");
                                    w.copy_data("");
                                    w.sync();
                                    w.copy_done();
                                    w.query("copy");
                                    w.copy_fail("reason");
                                    w.query("copy");
                                    w.copy_data("bad");
                                    w.copy_data("ignored");
                                    w.copy_done();
                                    w.bind("copy", "s");
                                    w.execute("copy");
                                    w.sync();
                                    w.copy_data("x");
                                    w.copy_done();
                                    w.sync();
                                    w.parse("", "fail");
                                    w.query("skipped");
                                    w.bind("", "");
                                    w.sync();
                                    w.message('F', as_bytes("whatever"));
                                    w.terminate();
                                    w.query("never");
                                  });

const char* const every_event =
    "startup user=u database=d\nquery select 1\nparse s:select $1 23 25\nparse :x\nbind p:s t'one' tNULL t''\n"
    "bind p:s b'a\1b' tNULL r0 r1\ndescribe S s\ndescribe P p\nexecute p 7\nclose P p\nflush\nsync\nquery copy\ndata "
    "row\n\n"
    "data \ndone\nquery copy\ncopy_fail reason\nquery copy\ndata bad\nbind copy:s\nexecute copy 0\ndata x\ndone\nsync\n"
    "parse :fail\nsync\nerror fastpath function calls are not supported\nterminate\n";

const char* const no = "ESERROR.VERROR.C42601.Mno..|";
const std::string every_reply =
    std::string("R....|ZI|CSELECT 1.|ZI|1|1|2|2|n|n|CSELECT 0.|3|ZI|G...|CCOPY 1.|ZI|G...|") + no + "ZI|G...|" + no +
    "ZI|2|G...|CCOPY 1.|ZI|" + no + "ZI|ESERROR.VERROR.C0A000.Mfastpath function calls are not supported..|ZI|";

struct ErrorCase {
  const char* what;
  std::string bytes;
  const char* reply;
};

void check_replies(const ErrorCase& one, std::string_view before) {
  INFO(one.what);
  for (std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{3}}) {
    ScriptedSession session;
    session.feed(before);
    session.forget();
    session.feed(one.bytes, piece);
    CHECK(shown(session.sent()) == one.reply);
    CHECK(session.connection.closed() == (std::string_view(one.reply).find("FATAL") != std::string_view::npos));
  }
}

}  // namespace

TEST_CASE("every message gives its event, however the bytes are cut") {
  for (std::size_t piece = 1; piece <= every_message.size(); ++piece) {
    ScriptedSession session;
    session.feed(every_message, piece);
    CHECK(session.log == every_event);
    CHECK(shown(session.sent()) == every_reply);
    CHECK(session.connection.closed());
    CHECK(session.connection.held_bytes() == 0);
  }
  for (std::size_t cut = 0; cut <= every_message.size(); ++cut) {
    ScriptedSession session;
    session.feed(std::string_view(every_message).substr(0, cut));
    session.feed(std::string_view(every_message).substr(cut));
    CHECK(session.log == every_event);
  }
}

TEST_CASE("a thousand pipelined statements are answered in order from one feed") {
  const std::string bytes = hello() + client_bytes([](ClientWriter& w) {
                              for (int i = 0; i < 1000; ++i) {
                                w.bind("", "s", {std::to_string(i)});
                                w.execute("");
                                w.sync();
                              }
                            });
  ScriptedSession session;
  session.feed(bytes);
  std::string replies = "R....|ZI|";
  for (int i = 0; i < 1000; ++i) replies += "2|CSELECT 0.|ZI|";
  CHECK(shown(session.sent()) == replies);
  CHECK(session.connection.held_bytes() == 0);
}

TEST_CASE("a session may park in the middle of a pipeline and go on from what the connection kept") {
  ScriptedSession session;
  session.feed(hello());
  session.log.clear();
  {
    const std::string bytes = client_bytes([](ClientWriter& w) {
      w.query("one");
      w.query("two");
      w.query("three");
    });
    session.connection.feed(as_bytes(bytes));
    Event event;
    const auto got = session.connection.next(event);
    REQUIRE((got && *got));
    CHECK(event.text == "one");
    session.connection.settle();
  }
  CHECK(session.connection.ready_owed());
  session.connection.ready(TransactionStatus::idle);
  session.feed(client_bytes([](ClientWriter& w) { w.query("four"); }));
  CHECK(session.log == "query two\nquery three\nquery four\n");
  CHECK(session.connection.held_bytes() == 0);
}

TEST_CASE("encryption is declined and the session goes on; cancel requests close") {
  ScriptedSession session;
  session.feed(client_bytes([](ClientWriter& w) {
                 w.gss_request();
                 w.ssl_request();
                 w.startup({{"user", "u"}});
               }),
               1);
  CHECK(session.log == "gss\nssl\nstartup user=u\n");
  CHECK(session.sent().substr(0, 2) == "NN");
  ScriptedSession cancel;
  cancel.feed(client_bytes([](ClientWriter& w) { w.cancel(7, 0xfedcba98); }), 5);
  CHECK(cancel.log == "cancel 7 4275878552\n");
  CHECK(cancel.connection.closed());
  CHECK(cancel.sent().empty());
  ScriptedSession bad_cancel;
  bad_cancel.feed(be32(12) + be32(1234 << 16 | 5678) + be32(1));
  CHECK(bad_cancel.connection.closed());
  CHECK((bad_cancel.log + bad_cancel.sent()).empty());
}

TEST_CASE("start-up packets that cannot be are refused with PostgreSQL's words") {
  const auto packet = [](std::uint32_t version, std::string body) {
    return be32(static_cast<std::int64_t>(body.size()) + 8) + be32(version) + body;
  };
  const char* const layout =
      "ESFATAL.VFATAL.C08P01.Minvalid startup packet layout: expected terminator as last byte..|";
  const char* const length = "ESFATAL.VFATAL.C08P01.Minvalid length of startup packet..|";
  const std::uint32_t v3 = 3 << 16;
  const ErrorCase cases[] = {
      {"length 0", be32(0) + be32(v3), length},
      {"length 7", be32(7) + be32(v3), length},
      {"length -1", be32(-1) + be32(v3), length},
      {"length 10005", be32(10005), length},
      {"length 2^31-1", be32(0x7fffffff), length},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", length},
      {"no terminator", packet(v3, z("user") + z("u")), layout},
      {"empty", packet(v3, ""), layout},
      {"trailing", packet(v3, z("user") + z("u") + z("") + "abc"), layout},
      {"no value", packet(v3, z("user")), layout},
      {"unterminated", packet(v3, "user"), layout},
      {"version 4", packet(4 << 16, z("")),
       "ESFATAL.VFATAL.C0A000.Munsupported frontend protocol 4.0: server supports 3.0 to 3.0..|"},
      {"no user", packet(v3, z("database") + z("d") + z("")),
       "ESFATAL.VFATAL.C28000.Mno PostgreSQL user name specified in startup packet..|"},
      {"no parameters", packet(v3, z("")),
       "ESFATAL.VFATAL.C28000.Mno PostgreSQL user name specified in startup packet..|"}};
  for (const auto& one : cases) check_replies(one, "");
  ScriptedSession old;
  old.feed(packet(2 << 16, z("")));
  CHECK(old.sent() == z("EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.0\n"));
  CHECK(old.connection.closed());
  ScriptedSession twice;
  twice.feed(client_bytes([](ClientWriter& w) {
    w.ssl_request();
    w.ssl_request();
  }));
  CHECK(shown(twice.sent().substr(1)) ==
        "ESFATAL.VFATAL.C0A000.Munsupported frontend protocol 1234.5679: server supports 3.0 to 3.0..|");
}

TEST_CASE("newer minor versions and protocol options are negotiated down") {
  ScriptedSession session;
  session.feed(client_bytes([](ClientWriter& w) {
    w.startup({{"user", "u"}, {"_pq_.foo", "1"}, {"_pq_.bar", "2"}, {"database", "d"}}, 3 << 16 | 2);
  }));
  CHECK(session.log == "startup user=u database=d\n");
  CHECK(session.sent().substr(0, 31) == message('v', be32(3 << 16) + be32(2) + z("_pq_.foo") + z("_pq_.bar")));
  ScriptedSession minor;
  minor.feed(client_bytes([](ClientWriter& w) { w.startup({{"user", "u"}}, 3 << 16 | 2); }));
  CHECK(minor.sent().substr(0, 13) == message('v', be32(3 << 16) + be32(0)));
}

TEST_CASE("malformed messages are answered as PostgreSQL 15 answers them") {
  const auto error = [](const char* text) { return std::string("ESERROR.VERROR.") + text + "..|ZI|"; };
  const std::string format = error("C08P01.Minvalid message format"), text = error("C08P01.Minvalid string in message");
  const std::string few = error("C08P01.Minsufficient data left in message");
  const std::string one_few = error("C08P01.Minsufficient data left in message.Wunnamed portal parameter $1");
  const std::string formats = error("C08P01.Mbind message has 2 parameter formats but 1 parameters");
  const std::string format_code = error("C22023.Munsupported format code: 2");
  const std::string fatal_length = "ESFATAL.VFATAL.C08P01.Minvalid message length..|";
  const std::string S = message('S', ""), head = z("") + z("");
  const ErrorCase cases[] = {
      {"query without zero", message('Q', "select 1"), text.c_str()},
      {"query with more", message('Q', z("select 1") + "abc"), format.c_str()},
      {"query empty", message('Q', ""), text.c_str()},
      {"parse with more", message('P', z("") + z("x") + be16(0) + "x") + S, format.c_str()},
      {"parse short", message('P', z("") + z("x") + be16(2)) + S, few.c_str()},
      {"parse negative", message('P', z("") + z("x") + be16(-1)) + S, few.c_str()},
      {"bind short", message('B', head + be16(0) + be16(1)) + S, one_few.c_str()},
      {"bind negative size", message('B', head + be16(0) + be16(1) + be32(-2) + be16(0)) + S, one_few.c_str()},
      {"bind huge size", message('B', head + be16(0) + be16(1) + be32(0x7fffffff) + be16(0)) + S, one_few.c_str()},
      {"bind format count", message('B', head + be16(2) + be16(0) + be16(0) + be16(1) + be32(-1) + be16(0)) + S,
       formats.c_str()},
      {"bind format", message('B', head + be16(1) + be16(2) + be16(1) + be32(-1) + be16(0)) + S, format_code.c_str()},
      {"bind result format", message('B', head + be16(0) + be16(0) + be16(1) + be16(2)) + S, format_code.c_str()},
      {"bind with more", message('B', head + be16(0) + be16(0) + be16(0) + "x") + S, format.c_str()},
      {"bind negative count", message('B', head + be16(-1) + be16(0) + be16(0)) + S, few.c_str()},
      {"bind no result formats", message('B', head + be16(0) + be16(0)) + S, few.c_str()},
      {"bind few result formats", message('B', head + be16(0) + be16(0) + be16(2) + be16(0)) + S, few.c_str()},
      {"describe subtype", message('D', z("X")) + S,
       "ESERROR.VERROR.C08P01.Minvalid DESCRIBE message subtype 88..|ZI|"},
      {"close subtype", message('C', z("X")) + S, "ESERROR.VERROR.C08P01.Minvalid CLOSE message subtype 88..|ZI|"},
      {"describe empty", message('D', "") + S, "ESERROR.VERROR.C08P01.Mno data left in message..|ZI|"},
      {"execute short", message('E', z("") + be16(0)) + S, few.c_str()},
      {"sync with more", message('S', "x"), format.c_str()},
      {"flush with more", message('H', "x") + S, format.c_str()},
      {"stray copy", message('d', "zz") + message('c', "") + message('f', z("no")) + message('Q', z("x")),
       "CSELECT 1.|ZI|"},
      {"unknown type", message('y', "abc"), "ESFATAL.VFATAL.C08P01.Minvalid frontend message type 121..|"},
      {"unknown byte", "\xff", "ESFATAL.VFATAL.C08P01.Minvalid frontend message type 255..|"},
      {"stray password", message('p', z("x")), "ESFATAL.VFATAL.C08P01.Minvalid frontend message type 112..|"},
      {"length 0", 'Q' + be32(0), fatal_length.c_str()},
      {"length 3", 'Q' + be32(3), fatal_length.c_str()},
      {"length -1", 'Q' + be32(-1),
       "ESFATAL.VFATAL.C54000.Mmessage of 4294967295 bytes exceeds the limit of 1073741822 bytes..|"},
      {"length 2^31-1", 'B' + be32(0x7fffffff),
       "ESFATAL.VFATAL.C54000.Mmessage of 2147483647 bytes exceeds the limit of 1073741822 bytes..|"},
      {"sync of 10001", 'S' + be32(10001),
       "ESFATAL.VFATAL.C54000.Mmessage of 10001 bytes exceeds the limit of 10000 bytes..|"},
      {"unknown type while skipping", message('P', z("") + z("fail") + be16(0)) + message('y', ""),
       "ESERROR.VERROR.C42601.Mno..|ESFATAL.VFATAL.C08P01.Minvalid frontend message type 121..|"}};
  for (const auto& one : cases) check_replies(one, hello());
}

TEST_CASE("what does not belong into COPY ends the connection, as synchronisation is lost") {
  const char* const lost = "ESFATAL.VFATAL.C08P01.Mterminating connection because protocol synchronization was lost..|";
  const std::pair<char, const char*> cases[] = {{'Q', "0x51"}, {'X', "0x58"}, {'y', "0x79"}, {'B', "0x42"}};
  for (const auto& [type, code] : cases) {
    const std::string reply =
        std::string("ESERROR.VERROR.C08P01.Munexpected message type ") + code + " during COPY from stdin..|" + lost;
    check_replies({code, message(type, z("x")), reply.c_str()}, hello() + message('Q', z("copy")));
  }
}

TEST_CASE("the limit on messages is settable and holds before anything is buffered") {
  ScriptedSession session({.message_bytes_max = 100});
  session.feed(hello());
  session.forget();
  session.feed(message('Q', z(std::string(95, 'x'))));
  CHECK(shown(session.sent()) == "CSELECT 1.|ZI|");
  session.forget();
  session.feed(message('Q', z(std::string(96, 'x'))).substr(0, 5));
  CHECK(shown(session.sent()) == "ESFATAL.VFATAL.C54000.Mmessage of 101 bytes exceeds the limit of 100 bytes..|");
  CHECK(session.connection.held_bytes() == 0);
}

TEST_CASE("memory follows the bytes that arrived, not the length that was announced") {
  ScriptedSession session;
  session.feed(hello());
  session.feed('Q' + be32(0x3ffffffe) + "select");
  CHECK(session.connection.held_bytes() <= 1024);
  CHECK(session.connection.pending_bytes() == 11);
  ScriptedSession skipping;
  skipping.feed(hello() + message('P', z("") + z("fail") + be16(0)) + 'Q' + be32(1000004));
  skipping.forget();
  for (int i = 0; i < 100; ++i) {
    skipping.feed(std::string(10000, 'x'));
    CHECK(skipping.connection.held_bytes() == 0);
  }
  skipping.feed(message('S', ""));
  CHECK(skipping.log == "sync\n");
}

TEST_CASE("no truncation or changed byte of a session is a fault, and every reply is well formed") {
  const std::string bytes = every_message;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int change : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      ScriptedSession whole, pieces;
      whole.feed(changed);
      pieces.feed(changed, 7);
      CHECK(whole.log == pieces.log);
      CHECK(whole.sent() == pieces.sent());
    }
}
