#include <catch2/catch.hpp>

#include "wire/session.hpp"

using namespace spg;
using namespace spg::test;

namespace {
template <class Write>
std::string server_bytes(Write write) {
  ByteBuffer buffer;
  Writer writer(buffer);
  write(writer);
  CHECK_FALSE(buffer.failed());
  return hex(as_bytes(std::string(as_text(buffer.view()))));
}
std::string hex_of(std::string_view bytes) { return hex(as_bytes(bytes)); }
std::string framed(char type, std::string_view body) {
  std::string bytes(5, type);
  store_be(bytes.data() + 1, static_cast<std::uint32_t>(body.size() + 4));
  return hex_of(bytes + std::string(body));
}
#define BYTES(text) std::string_view(text, sizeof(text) - 1)
}  // namespace

// The bodies were captured from PostgreSQL 15.20; F, L and R (its source lines) left out.
TEST_CASE("messages are byte for byte PostgreSQL's") {
  CHECK(server_bytes([](Writer& w) { w.authentication_ok(); }) == framed('R', BYTES("\0\0\0\0")));
  CHECK(server_bytes([](Writer& w) { w.authentication_sasl("SCRAM-SHA-256"); }) ==
        framed('R', BYTES("\0\0\0\nSCRAM-SHA-256\0\0")));
  CHECK(server_bytes([](Writer& w) { w.parameter_status("DateStyle", "ISO, MDY"); }) ==
        framed('S', BYTES("DateStyle\0ISO, MDY\0")));
  CHECK(server_bytes([](Writer& w) { w.backend_key_data(0x1ca2, 0x2694d312); }) ==
        framed('K', BYTES("\x00\x00\x1c\xa2&\x94\xd3\x12")));
  CHECK(server_bytes([](Writer& w) { w.ready_for_query(TransactionStatus::block); }) == framed('Z', "T"));
  CHECK(server_bytes([](Writer& w) {
          const Field fields[] = {{.name = "int4", .type_oid = 23, .type_bytes = 4, .format = 1},
                                  {.name = "x", .type_oid = 25, .format = 1}};
          w.row_description(fields);
        }) == framed('T', BYTES("\x00\x02int4\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00"
                                "\x01x\x00\x00\x00\x00\x00"
                                "\x00\x00\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x01")));
  CHECK(server_bytes([](Writer& w) {
          w.row_description(std::vector<Field>{{.name = "a", .table_oid = 0x4003, .column_number = 1, .type_oid = 25}});
        }) == framed('T', BYTES("\x00\x01"
                                "a\x00\x00\x00@\x03\x00\x01\x00\x00\x00\x19\xff\xff\xff\xff\xff\xff\x00\x00")));
  CHECK(server_bytes([](Writer& w) {
          const std::uint32_t types[] = {23, 25};
          w.parameter_description(types);
        }) == framed('t', BYTES("\x00\x02\x00\x00\x00\x17\x00\x00\x00\x19")));
  CHECK(server_bytes([](Writer& w) {
          w.begin_row(2);
          w.begin_value();
          w.buffer().append_be(std::int32_t{7});
          w.end_value();
          w.null_value();
          w.end_row();
        }) == framed('D', BYTES("\x00\x02\x00\x00\x00\x04\x00\x00\x00\x07\xff\xff\xff\xff")));
  CHECK(server_bytes([](Writer& w) {
          w.begin_row(1);
          w.value("2");
          w.end_row();
        }) == framed('D', BYTES("\x00\x01\x00\x00\x00\x01"
                                "2")));
  CHECK(server_bytes([](Writer& w) { w.command_complete("INSERT 0 ", 3); }) == framed('C', BYTES("INSERT 0 3\0")));
  CHECK(server_bytes([](Writer& w) { w.copy_in_response(0, std::vector<std::int16_t>{0}); }) ==
        framed('G', BYTES("\0\0\1\0\0")));
  CHECK(server_bytes([](Writer& w) {
          w.copy_out_response(0, std::vector<std::int16_t>{0, 0});
        }) == framed('H', BYTES("\0\0\2\0\0\0\0")));
  CHECK(server_bytes([](Writer& w) { w.copy_both_response(0, {}); }) == framed('W', BYTES("\0\0\0")));
  CHECK(server_bytes([](Writer& w) {
          w.copy_data(as_bytes("1\t2\n"));
          w.copy_done();
        }) == framed('d', "1\t2\n") + framed('c', ""));
  CHECK(server_bytes([](Writer& w) { w.notification_response(0x1d5d, "a", "pay"); }) ==
        framed('A', BYTES("\0\0\x1d]a\0pay\0")));
  CHECK(server_bytes([](Writer& w) {
          w.empty_query_response();
          w.parse_complete();
          w.bind_complete();
          w.close_complete();
          w.no_data();
          w.portal_suspended();
        }) ==
        framed('I', "") + framed('1', "") + framed('2', "") + framed('3', "") + framed('n', "") + framed('s', ""));
}

TEST_CASE("errors carry their fields in PostgreSQL's order") {
  Error check =
      Error::make(sqlstate::check_violation, "new row for relation \"u\" violates check constraint \"u_a_check\"")
          .detail("Failing row contains (-1).")
          .set(ErrorField::schema, {"pg_temp_3"})
          .set(ErrorField::table, {"u"})
          .set(ErrorField::constraint, {"u_a_check"});
  CHECK(
      server_bytes([&](Writer& w) { w.error_response(check); }) ==
      framed('E', BYTES("SERROR\0VERROR\0C23514\0Mnew row for relation \"u\" violates check constraint \"u_a_check\"\0"
                        "DFailing row contains (-1).\0spg_temp_3\0tu\0nu_a_check\0\0")));
  Error syntax = Error::make(sqlstate::syntax_error, "syntax error at or near \"selec\"").at(1);
  CHECK(server_bytes([&](Writer& w) { w.error_response(syntax); }) ==
        framed('E', BYTES("SERROR\0VERROR\0C42601\0Msyntax error at or near \"selec\"\0P1\0\0")));
  Error notice = Error::make(sqlstate::successful_completion, "hey").detail("d").hint("h").context("PL/pgSQL");
  CHECK(server_bytes([&](Writer& w) { w.notice_response(notice); }) ==
        framed('N', BYTES("SNOTICE\0VNOTICE\0C00000\0Mhey\0Dd\0Hh\0WPL/pgSQL\0\0")));
  Error rest = Error::make(sqlstate::not_null_violation, "m")
                   .set(ErrorField::column, {"c"})
                   .set(ErrorField::data_type, {"d"})
                   .at(12);
  CHECK(server_bytes([&](Writer& w) { w.error_response(rest, Severity::panic); }) ==
        framed('E', BYTES("SPANIC\0VPANIC\0C23502\0Mm\0cc\0dd\0P12\0\0")));
}

TEST_CASE("a row that was begun can be taken back") {
  CHECK(server_bytes([](Writer& w) {
          w.no_data();
          w.begin_row(1);
          w.value("x");
          w.abandon();
          w.bind_complete();
        }) == framed('n', "") + framed('2', ""));
}
