#include <catch2/catch.hpp>

#include "wire/session.hpp"

using namespace spg;
using namespace spg::test;

namespace {

const crypto::ScramVerifier sesame = crypto::make_scram_verifier("sesame", as_bytes("0123456789abcdef"));

/// The replies so far, which are then forgotten.
std::vector<std::pair<char, std::string>> take_replies(ScriptedSession& session) {
  ClientParser parser;
  parser.feed(session.out.view());
  std::vector<std::pair<char, std::string>> replies;
  while (true) {
    auto message = parser.next();
    if (!message || !*message) break;
    replies.emplace_back((*message)->type, std::string(as_text((*message)->body)));
  }
  session.out.clear();
  return replies;
}

std::string log_in(ScriptedSession& session, std::string_view password, std::size_t piece = SIZE_MAX,
                   std::string* server_first = nullptr) {
  session.use_scram = true;
  session.feed(hello(), piece);
  const auto offer = take_replies(session);
  REQUIRE(offer.size() == 1);
  CHECK(offer[0].second == std::string("\0\0\0\nSCRAM-SHA-256\0\0", 19));
  ScramClient client;
  session.feed(client_bytes([&](ClientWriter& w) { w.sasl_initial(scram_mechanism, client.first("clientnonce")); }),
               piece);
  const auto challenge = take_replies(session);
  REQUIRE(challenge.size() == 1);
  CHECK(challenge[0].second.substr(0, 4) == std::string("\0\0\0\x0b", 4));
  if (server_first != nullptr) *server_first = challenge[0].second.substr(4);
  const auto final = client.final(challenge[0].second.substr(4), password);
  REQUIRE(final);
  session.feed(client_bytes([&](ClientWriter& w) { w.sasl_response(*final); }), piece);
  const auto end = take_replies(session);
  if (end.size() == 3) {
    CHECK(end[0].second.substr(0, 4) == std::string("\0\0\0\x0c", 4));
    CHECK(client.accepts(end[0].second.substr(4)));
    CHECK_FALSE(client.accepts("v=" + std::string(43, 'A') + "="));
    return "in";
  }
  REQUIRE(end.size() == 1);
  std::string text = end[0].second;
  for (char& c : text) c = c == '\0' ? '.' : c;
  return text;
}

std::string reply_to(std::initializer_list<std::string> messages) {
  ScriptedSession session;
  session.use_scram = true;
  session.verifier = &sesame;
  session.feed(hello());
  session.forget();
  for (const auto& bytes : messages) {
    session.out.clear();
    session.feed(bytes);
  }
  CHECK(session.connection.closed());
  return shown(session.sent());
}
std::string initial(std::string_view data) {
  return client_bytes([&](ClientWriter& w) { w.sasl_initial(scram_mechanism, data); });
}
std::string response(std::string_view data) {
  return client_bytes([&](ClientWriter& w) { w.sasl_response(data); });
}
std::string malformed(const std::string& detail) {
  return "ESFATAL.VFATAL.C08P01.Mmalformed SCRAM message.D" + detail + "..|";
}

}  // namespace

TEST_CASE("a client with the password gets in, however the bytes are cut") {
  for (std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{5}}) {
    ScriptedSession session;
    session.verifier = &sesame;
    CHECK(log_in(session, "sesame", piece) == "in");
    session.feed(client_bytes([](ClientWriter& w) { w.query("x"); }));
    CHECK(session.log == "startup user=u database=d\nauthenticated\nquery x\n");
  }
}

TEST_CASE("a wrong password and an unknown user look alike") {
  ScriptedSession wrong, unknown, again;
  wrong.verifier = &sesame;
  std::string wrong_first, unknown_first, again_first;
  const char* const refused = "SFATAL.VFATAL.C28P01.Mpassword authentication failed for user \"u\"..";
  CHECK(log_in(wrong, "sesamE", SIZE_MAX, &wrong_first) == refused);
  CHECK(log_in(unknown, "sesame", SIZE_MAX, &unknown_first) == refused);
  CHECK(log_in(again, "sesame", SIZE_MAX, &again_first) == refused);
  CHECK(wrong_first.size() == unknown_first.size());
  CHECK(unknown_first == again_first);
  CHECK((wrong.connection.closed() && unknown.connection.closed()));
}

TEST_CASE("a client may send its first message after an empty challenge") {
  ScriptedSession session;
  session.use_scram = true;
  session.verifier = &sesame;
  session.feed(hello());
  session.out.clear();
  session.feed(client_bytes(
      [](ClientWriter& w) { w.message('p', as_bytes(std::string("SCRAM-SHA-256\0\xff\xff\xff\xff", 18))); }));
  CHECK(shown(session.sent()) == "R...\x0b|");
  session.out.clear();
  session.feed(response("n,,n=,r=abc"));
  CHECK(shown(session.sent()).substr(0, 11) == "R...\x0br=abcA");
}

TEST_CASE("messages that are not SCRAM are refused with PostgreSQL's words") {
  CHECK(reply_to({client_bytes([](ClientWriter& w) {
          w.sasl_initial("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc");
        })}) == "ESFATAL.VFATAL.C08P01.Mclient selected an invalid SASL authentication mechanism..|");
  CHECK(reply_to({client_bytes([](ClientWriter& w) { w.query("select 1"); })}) ==
        "ESFATAL.VFATAL.C08P01.Mexpected SASL response, got message type 81..|");
  CHECK(reply_to({std::string("p\x00\x00\x04\x05", 5)}) == "ESFATAL.VFATAL.C08P01.Minvalid message length..|");
  CHECK(reply_to({std::string("p\x00\x00\x00\x03", 5)}) == "ESFATAL.VFATAL.C08P01.Minvalid message length..|");
  CHECK(reply_to({initial("")}) == malformed("The message is empty."));
  CHECK(reply_to({initial(std::string("n,\0,", 4))}) == malformed("Message length does not match input length."));
  CHECK(reply_to({initial("x,,n=,r=abc")}) == malformed("Unexpected channel-binding flag \"'x'\"."));
  CHECK(reply_to({initial("p=tls-unique,,n=,r=abc")}) ==
        malformed("The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel "
                  "binding data."));
  CHECK(reply_to({initial("nn")}) == malformed("Comma expected, but found character \"'n'\"."));
  CHECK(reply_to({initial("n,b,n=,r=abc")}) == malformed("Unexpected attribute \"'b'\" in client-first-message."));
  CHECK(reply_to({initial("n,a=me,n=,r=abc")}) ==
        "ESFATAL.VFATAL.C0A000.Mclient uses authorization identity, but it is not supported..|");
  CHECK(reply_to({initial("n,,m=x,n=,r=abc")}) ==
        "ESFATAL.VFATAL.C0A000.Mclient requires an unsupported SCRAM extension..|");
  CHECK(reply_to({initial("n,,r=abc")}) == malformed("Expected attribute \"n\" but found \"'r'\"."));
  CHECK(reply_to({initial("n,,n,r=abc")}) == malformed("Expected character \"=\" for attribute \"n\"."));
  CHECK(reply_to({initial("n,,n=,r=a\tc")}) == "ESFATAL.VFATAL.C08P01.Mnon-printable characters in SCRAM nonce..|");

  const std::string nonce = "abcAAECAwQFBgcICQoLDA0ODxAR";
  const std::string proof = std::string(43, 'A') + "=";
  const auto after_first = [&](std::string_view final) { return reply_to({initial("n,,n=,r=abc"), response(final)}); };
  CHECK(after_first("c=eSws,r=" + nonce + ",p=" + proof) ==
        "ESFATAL.VFATAL.C08P01.Munexpected SCRAM channel-binding attribute in client-final-message..|");
  CHECK(after_first("c=biws,r=abcX,p=" + proof) ==
        "ESFATAL.VFATAL.C08P01.Minvalid SCRAM response.DNonce does not match...|");
  CHECK(after_first("c=biws,r=" + nonce) == malformed("Attribute expected, but found invalid character \"0x00\"."));
  CHECK(after_first("c=biws,r=" + nonce + ",p=abc") == malformed("Malformed proof in client-final-message."));
  CHECK(after_first("c=biws,r=" + nonce + ",p=" + proof + ",x=1") ==
        malformed("Garbage found at the end of client-final-message."));
  CHECK(after_first("c=biws,r=" + nonce + ",x=1,p=" + proof) ==
        "ESFATAL.VFATAL.C28P01.Mpassword authentication failed for user \"u\"..|");
}
