#include "spg/type/text.hpp"

#include "vectors.hpp"

using namespace spg;
using namespace spg::type;
using vectors::Function;
using vectors::Row;

namespace {
std::string shown(Result<std::string_view> r) {
  return vectors::outcome(std::move(r), [](std::string_view v) { return std::string(v); });
}
std::int32_t number(const std::string& text) { return std::stoi(text); }
Function plain(std::string_view (*f)(std::string_view, Arena&)) {
  return [=](const Row& r, Arena& a) { return std::string(f(r[1], a)); };
}
std::string truth(Result<bool> r) {
  return vectors::outcome(std::move(r), [](bool v) { return std::string(v ? "true" : "false"); });
}
std::string printed(Result<std::string_view> r, ByteaOutput style, Arena& arena) {
  return vectors::outcome(std::move(r), [&](std::string_view v) {
    TextBuilder out(arena);
    print_bytea(v, out, style);
    return std::string(out.view());
  });
}
}  // namespace

TEST_CASE("texts behave as PostgreSQL's do") {
  vectors::replay(
      {"text"},
      {
          {"upper", plain(upper)},
          {"lower", plain(lower)},
          {"initcap", plain(initcap)},
          {"reverse", plain(reverse)},
          {"md5", plain(md5)},
          {"quote_literal", plain(quote_literal)},
          {"quote_ident", [](const Row& r, Arena& a) { return std::string(quote_ident(r[1], false, a)); }},
          {"length", [](const Row& r, Arena&) { return std::to_string(character_count(r[1])); }},
          {"octet_length", [](const Row& r, Arena&) { return std::to_string(r[1].size()); }},
          {"ascii", [](const Row& r, Arena&) { return std::to_string(ascii(r[1])); }},
          {"btrim", [](const Row& r, Arena&) { return std::string(trim(r[1], " ", TrimSide::both)); }},
          {"ltrim", [](const Row& r, Arena&) { return std::string(trim(r[1], r[2], TrimSide::leading)); }},
          {"rtrim", [](const Row& r, Arena&) { return std::string(trim(r[1], r[2], TrimSide::trailing)); }},
          {"left", [](const Row& r, Arena&) { return std::string(left(r[1], number(r[2]))); }},
          {"right", [](const Row& r, Arena&) { return std::string(right(r[1], number(r[2]))); }},
          {"substr1", [](const Row& r, Arena&) { return std::string(substring(r[1], number(r[2]))); }},
          {"substr2", [](const Row& r, Arena&) { return shown(substring(r[1], number(r[2]), number(r[3]))); }},
          {"repeat", [](const Row& r, Arena& a) { return shown(repeat(r[1], number(r[2]), a)); }},
          {"split_part", [](const Row& r, Arena&) { return shown(split_part(r[1], r[2], number(r[3]))); }},
          {"position", [](const Row& r, Arena&) { return std::to_string(position(r[2], r[1])); }},
          {"replace", [](const Row& r, Arena& a) { return shown(replace(r[1], r[2], "<>", a)); }},
          {"translate", [](const Row& r, Arena& a) { return std::string(translate(r[1], r[2], "12", a)); }},
          {"lpad", [](const Row& r, Arena& a) { return shown(lpad(r[1], number(r[2]), r[3], a)); }},
          {"rpad", [](const Row& r, Arena& a) { return shown(rpad(r[1], number(r[2]), r[3], a)); }},
          {"overlay", [](const Row& r, Arena& a) { return shown(overlay(r[1], "zz", number(r[2]), number(r[3]), a)); }},
          {"varchar_cast",
           [](const Row& r, Arena&) { return shown(coerce_varchar(r[1], number(r[2]) + 4, CastForm::explicit_cast)); }},
          {"bpchar_cast",
           [](const Row& r, Arena& a) {
             return "[" + shown(coerce_bpchar(r[1], number(r[2]) + 4, CastForm::explicit_cast, a)) + "]";
           }},
          {"chr", [](const Row& r, Arena& a) { return shown(chr(number(r[1]), a)); }},
          {"to_hex",
           [](const Row& r, Arena& a) { return std::string(to_hex(static_cast<std::uint32_t>(number(r[1])), a)); }},
          {"bytea", [](const Row& r, Arena& a) { return printed(parse_bytea(r[1], a), ByteaOutput::hex, a); }},
          {"bytea_escape",
           [](const Row& r, Arena& a) {
             std::string text = printed(parse_bytea(r[1], a), ByteaOutput::escape, a);
             return text;
           }},
          {"uuid",
           [](const Row& r, Arena& a) {
             return vectors::outcome(parse_uuid(r[1]), [&](const Uuid& v) {
               TextBuilder out(a);
               print_uuid(v, out);
               return std::string(out.view());
             });
           }},
          {"like", [](const Row& r, Arena&) { return truth(like(r[1], r[2])); }},
          {"ilike", [](const Row& r, Arena&) { return truth(ilike(r[1], r[2])); }},
          {"like_escape", [](const Row& r, Arena&) { return truth(like(r[1], r[2], r[3])); }},
          {"format",
           [](const Row& r, Arena& a) {
             const FormatArgument arguments[] = {{"w o'r"}, {"Ta\\ble"}, {"x"}};
             return shown(format(r[1], arguments, nullptr, a));
           }},
      });
}

TEST_CASE("assignments refuse what is too long, but not blanks") {
  MemoryBudget budget;
  Arena arena(budget);
  CHECK(shown(coerce_varchar("abcd", 7, CastForm::implicit)) == "!22001 value too long for type character varying(3)");
  CHECK(shown(coerce_varchar("abc   ", 7, CastForm::implicit)) == "abc");
  CHECK(shown(coerce_bpchar("abcd", 7, CastForm::implicit, arena)) == "!22001 value too long for type character(3)");
  CHECK(trim_bpchar("ab  ") == "ab");
}

TEST_CASE("nulls are left out of joins and quoted as a word") {
  MemoryBudget budget;
  Arena arena(budget);
  const FormatArgument arguments[] = {{"a"}, {"", true}, {""}, {"b"}};
  CHECK(concat_ws(",", arguments, arena) == "a,,b");
  CHECK(concat_ws("", arguments, arena) == "ab");
  CHECK(quote_nullable(arguments[1], arena) == "NULL");
  CHECK(quote_nullable(arguments[0], arena) == "'a'");
}

TEST_CASE("only valid UTF-8 passes") {
  for (const char* good : {"", "a", "é", "日", "😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    CHECK_FALSE(check_utf8(good).failed());
  for (const char* bad : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "a\xff"})
    CHECK(check_utf8(bad).failed());
  CHECK(check_utf8("\xc3").message() == "invalid byte sequence for encoding \"UTF8\": 0xc3");
  CHECK(truncate_name(std::string(62, 'a') + "é").size() == 62);
}
