#include "array_io.hpp"

#include <charconv>

#include "spg/type/array.hpp"
#include "spg/type/ascii.hpp"

namespace spg::type {
namespace {

struct ArrayParser {
  const TypeInfo& type;
  std::string_view whole;
  std::int32_t typmod;
  const TextSettings& settings;
  Arena& arena;
  std::string_view rest = whole;
  Vec<Value> elements{arena};
  ArrayDimension dimensions[array_dimensions_max] = {};
  int depth_max = 0;
  bool explicit_bounds = false;

  Error malformed(std::string_view detail) const {
    Error error = Error::make(sqlstate::invalid_text_representation, "malformed array literal: \"", whole, "\"");
    return std::move(error).detail(detail);
  }
  void skip() { while (!rest.empty() && is_space(rest[0])) rest.remove_prefix(1); }
  bool eat(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }

  Status read_bounds() {
    for (skip(); eat('['); skip()) {
      if (depth_max == array_dimensions_max)
        return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", depth_max + 1,
                           ") exceeds the maximum allowed (", array_dimensions_max, ")");
      std::int32_t bounds[2] = {1, 0};
      int given = 0;
      do {
        if (given == 2) return malformed("Missing \"]\" after array dimensions.");
        if (!rest.empty() && rest[0] == '+') rest.remove_prefix(1);
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), bounds[given]);
        if (error != std::errc{}) return malformed("\"[\" must introduce explicitly-specified array dimensions.");
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        ++given;
      } while (eat(':'));
      if (!eat(']')) return malformed("Missing \"]\" after array dimensions.");
      const std::int32_t lower = given == 2 ? bounds[0] : 1, upper = bounds[given - 1];
      if (upper < lower)
        return Error::make(sqlstate::array_subscript_error, "upper bound cannot be less than lower bound");
      if (upper == INT32_MAX)
        return Error::make(sqlstate::program_limit_exceeded, "array upper bound is too large: ", upper);
      const std::int64_t length = std::int64_t{upper} - lower + 1;
      if (length > array_elements_max)
        return Error::make(sqlstate::program_limit_exceeded, "array size exceeds the maximum allowed (",
                           array_elements_max, ")");
      dimensions[depth_max++] = {static_cast<std::int32_t>(length), lower};
      explicit_bounds = true;
    }
    if (!explicit_bounds) return ok();
    if (!eat('=')) return malformed("Missing \"=\" after array dimensions.");
    skip();
    if (rest.empty() || rest[0] != '{') return malformed("Array contents must start with \"{\".");
    return ok();
  }

  Status read_element() {
    TextBuilder text(arena);
    if (eat('"')) {
      for (;;) {
        if (rest.empty()) return malformed("Unexpected end of input.");
        const char c = rest[0];
        rest.remove_prefix(1);
        if (c == '"') break;
        if (c != '\\') { text.add(c); continue; }
        if (rest.empty()) return malformed("Unexpected end of input.");
        text.add(rest[0]);
        rest.remove_prefix(1);
      }
    } else {
      std::size_t kept = 0;
      bool escaped = false;
      while (!rest.empty() && rest[0] != ',' && rest[0] != '}') {
        char c = rest[0];
        if (c == '"') return malformed("Incorrectly quoted array element.");
        if (c == '{') return malformed("Unexpected \"{\" character.");
        rest.remove_prefix(1);
        if (c == '\\') {
          if (rest.empty()) return malformed("Unexpected end of input.");
          c = rest[0];
          rest.remove_prefix(1);
          text.add(c);
          kept = text.size();
          escaped = true;
          continue;
        }
        text.add(c);
        if (!is_space(c)) kept = text.size();
      }
      text.resize(kept);
      if (kept == 0 && !rest.empty()) {
        return malformed(rest[0] == ',' ? "Unexpected \",\" character." : "Unexpected \"}\" character.");
      }
      if (!escaped && equals_ignoring_case(text.view(), "null")) {
        elements.push_back(Value::null_of(physical_of(type.element)));
        return ok();
      }
    }
    SPG_ASSIGN(const Value value, input(type.element, text.view(), typmod, settings, arena));
    elements.push_back(value);
    return arena.check();
  }

  /// Walks the nested braces without recursion: counts[d] is how many members the open brace at depth d has so far.
  Status read_members() {
    std::int32_t counts[array_dimensions_max] = {}, lengths[array_dimensions_max];
    for (auto& length : lengths) length = -1;
    int depth = 0, leaf = -1;
    bool after_member = false;
    const auto mismatch = [&] {
      return malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
    };
    for (;;) {
      skip();
      if (rest.empty()) return malformed("Unexpected end of input.");
      const char c = rest[0];
      if (c == '{') {
        if (after_member || depth == leaf) return malformed("Unexpected \"{\" character.");
        if (depth == array_dimensions_max)
          return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", depth + 1,
                             ") exceeds the maximum allowed (", array_dimensions_max, ")");
        counts[depth++] = 0;
        rest.remove_prefix(1);
      } else if (c == '}') {
        // After a comma a member must come; only the outermost braces may be empty.
        if (!after_member && (counts[depth - 1] != 0 || depth != 1)) return malformed("Unexpected \"}\" character.");
        const std::int32_t count = counts[--depth];
        if (lengths[depth] == -1) lengths[depth] = count;
        else if (lengths[depth] != count) return mismatch();
        rest.remove_prefix(1);
        if (depth == 0) break;
        if (++counts[depth - 1] > array_elements_max) return mismatch();
        after_member = true;
      } else if (c == ',') {
        if (!after_member) return malformed("Unexpected \",\" character.");
        after_member = false;
        rest.remove_prefix(1);
      } else {
        if (after_member) return malformed("Unexpected array element.");
        if (leaf == -1) leaf = depth;
        if (leaf != depth) return mismatch();
        SPG_TRY(read_element());
        ++counts[depth - 1];
        after_member = true;
      }
    }
    skip();
    if (!rest.empty()) return malformed("Junk after closing right brace.");
    if (leaf == -1) leaf = 0;
    return set_dimensions(lengths, leaf);
  }

  Status set_dimensions(const std::int32_t* lengths, int depth) {
    if (elements.empty()) { depth_max = 0; return ok(); }
    if (explicit_bounds) {
      bool fits = depth == depth_max;
      for (int i = 0; fits && i < depth; ++i) fits = lengths[i] == dimensions[i].length;
      return fits ? ok() : malformed("Specified array dimensions do not match array contents.");
    }
    depth_max = depth;
    for (int i = 0; i < depth; ++i) dimensions[i] = {lengths[i], 1};
    return ok();
  }
};

void output_elements(ArrayReader& reader, int depth, TextBuilder& out, const TextSettings& settings) {
  out.add("{");
  for (std::int32_t i = 0; i < reader.dimension(depth).length; ++i) {
    if (i != 0) out.add(",");
    if (depth + 1 < reader.dimensions()) { output_elements(reader, depth + 1, out, settings); continue; }
    Value element;
    if (!reader.next(&element)) break;
    if (element.is_null) { out.add("NULL"); continue; }
    const std::size_t start = out.size();
    output(reader.element_type(), element, out, settings);
    const std::string_view text = out.view().substr(start);
    bool quote = text.empty() || equals_ignoring_case(text, "null");
    std::size_t escapes = 0;
    for (const char c : text) {
      quote |= c == '{' || c == '}' || c == ',' || is_space(c);
      escapes += c == '"' || c == '\\';
    }
    if (!quote && escapes == 0) continue;
    // Spread the text to the right, from its end, to make room for quotes and backslashes.
    const std::size_t size = text.size();
    out.resize(start + size + escapes + 2);
    char* from = out.data() + start + size;
    char* to = out.data() + out.size();
    *--to = '"';
    for (std::size_t left = size; left != 0; --left) {
      *--to = *--from;
      if (*to == '"' || *to == '\\') *--to = '\\';
    }
    *--to = '"';
  }
  out.add("}");
}

void put_int(TextBuilder& out, std::uint32_t value) {
  char raw[4];
  store_be<std::uint32_t>(raw, value);
  out.add(std::string_view(raw, 4));
}

}  // namespace

Result<Value> input_array(const TypeInfo& type, std::string_view text, std::int32_t typmod,
                          const TextSettings& settings, Arena& arena) {
  ArrayParser parser{type, text, typmod, settings, arena};
  SPG_TRY(parser.read_bounds());
  parser.skip();
  if (parser.rest.empty() || parser.rest[0] != '{')
    return parser.malformed("Array value must start with \"{\" or dimension information.");
  SPG_TRY(parser.read_members());
  SPG_ASSIGN(const StringRef body,
             make_array(type.element, {parser.dimensions, static_cast<std::size_t>(parser.depth_max)},
                        parser.elements.span(), arena));
  return Value::of(Physical::string, body);
}

void output_array(const Value& value, TextBuilder& out, const TextSettings& settings) {
  const StringRef body = value.as<StringRef>();
  ArrayReader reader(body);
  if (reader.count() == 0) { out.add("{}"); return; }
  bool bounds = false;
  for (int i = 0; i < reader.dimensions(); ++i) bounds |= reader.dimension(i).lower != 1;
  if (bounds) {
    for (int i = 0; i < reader.dimensions(); ++i) {
      const ArrayDimension d = reader.dimension(i);
      out.add("[", d.lower, ":", d.lower + d.length - 1, "]");
    }
    out.add("=");
  }
  output_elements(reader, 0, out, settings);
}

Result<Value> receive_array(const TypeInfo& type, ByteReader& from, std::int32_t typmod, Arena& arena) {
  const auto short_message = [] {
    return Error::make(sqlstate::protocol_violation, "insufficient data left in message");
  };
  const auto depth = from.be<std::int32_t>(), flags = from.be<std::int32_t>();
  const Oid element{from.be<std::uint32_t>()};
  if (!from.ok()) return short_message();
  if (depth < 0) return Error::make(sqlstate::invalid_binary_representation, "invalid number of dimensions: ", depth);
  if (depth > array_dimensions_max)
    return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", depth,
                       ") exceeds the maximum allowed (", array_dimensions_max, ")");
  if (flags != 0 && flags != 1) return Error::make(sqlstate::invalid_binary_representation, "invalid array flags");
  if (element != type.element) {
    const TypeInfo *got = find_type(element), *expected = find_type(type.element);
    return Error::make(sqlstate::datatype_mismatch, "binary data has array element type ", raw(element), " (", got == nullptr ? std::string_view("???") : got->name,
                       ") instead of expected ", raw(type.element), " (", expected == nullptr ? std::string_view("???") : expected->name, ")");
  }
  ArrayDimension dimensions[array_dimensions_max];
  std::int64_t count = depth == 0 ? 0 : 1;
  for (int i = 0; i < depth; ++i) {
    dimensions[i].length = from.be<std::int32_t>();
    dimensions[i].lower = from.be<std::int32_t>();
  }
  if (!from.ok()) return short_message();
  const std::span<const ArrayDimension> shape{dimensions, static_cast<std::size_t>(depth)};
  SPG_TRY(check_dimensions(shape));
  for (const ArrayDimension& d : shape) count *= d.length;
  // Each element takes at least its length word, so the message bounds what is allocated.
  if (static_cast<std::uint64_t>(count) > from.left() / 4) return short_message();
  Vec<Value> elements(arena, static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto size = from.be<std::int32_t>();
    if (!from.ok()) return short_message();
    if (size == -1) { elements.push_back(Value::null_of(physical_of(element))); continue; }
    if (size < 0 || static_cast<std::size_t>(size) > from.left()) return short_message();
    SPG_ASSIGN(const Value value, receive(element, from.bytes(static_cast<std::size_t>(size)), typmod, arena));
    elements.push_back(value);
  }
  SPG_ASSIGN(const StringRef body, make_array(element, shape, elements.span(), arena));
  return Value::of(Physical::string, body);
}

void send_array(const Value& value, TextBuilder& out) {
  const StringRef body = value.as<StringRef>();
  ArrayReader reader(body), scan(body);
  Value element;
  bool has_nulls = false;
  while (scan.next(&element)) has_nulls |= element.is_null;
  put_int(out, static_cast<std::uint32_t>(reader.dimensions()));
  put_int(out, has_nulls);
  put_int(out, raw(reader.element_type()));
  for (int i = 0; i < reader.dimensions(); ++i) {
    put_int(out, static_cast<std::uint32_t>(reader.dimension(i).length));
    put_int(out, static_cast<std::uint32_t>(reader.dimension(i).lower));
  }
  while (reader.next(&element)) {
    if (element.is_null) { put_int(out, 0xffffffff); continue; }
    const std::size_t at = out.size();
    put_int(out, 0);
    send(reader.element_type(), element, out);
    store_be<std::uint32_t>(out.data() + at, static_cast<std::uint32_t>(out.size() - at - 4));
  }
}

Result<Value> input_vector(const TypeInfo& type, std::string_view text, const TextSettings& settings, Arena& arena) {
  Vec<Value> elements(arena);
  for (;;) {
    while (!text.empty() && is_space(text[0])) text.remove_prefix(1);
    if (text.empty()) break;
    std::size_t size = 0;
    while (size < text.size() && !is_space(text[size])) ++size;
    SPG_ASSIGN(const Value value, input(type.element, text.substr(0, size), -1, settings, arena));
    elements.push_back(value);
    text.remove_prefix(size);
  }
  const ArrayDimension shape[] = {{static_cast<std::int32_t>(elements.size()), 0}};
  SPG_ASSIGN(const StringRef body, make_array(type.element, shape, elements.span(), arena));
  return Value::of(Physical::string, body);
}

void output_vector(const Value& value, TextBuilder& out, const TextSettings& settings) {
  const StringRef body = value.as<StringRef>();
  ArrayReader reader(body);
  Value element;
  for (bool first = true; reader.next(&element); first = false) {
    if (!first) out.add(" ");
    if (!element.is_null) output(reader.element_type(), element, out, settings);
  }
}

}  // namespace spg::type
