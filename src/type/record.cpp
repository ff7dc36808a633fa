#include "spg/type/record.hpp"

#include "spg/type/array.hpp"
#include "spg/type/ascii.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::type {
namespace {

constexpr std::size_t head_bytes = 4;

std::size_t values_at(std::size_t fields) { return head_bytes + 4 * fields + (fields + 7) / 8; }

std::uint16_t depth_of(const StringRef& body) {
  return body.size < head_bytes ? std::uint16_t{0} : load_le<std::uint16_t>(body.data() + 2);
}

/// One more than the deepest record that a value of the type is or holds; 0 without.
unsigned inner_depth(Oid type, const Value& value) {
  const TypeInfo* info = find_type(type);
  if (info == nullptr || value.is_null) return 0;
  if (info->format == Format::record) return depth_of(value.as<StringRef>()) + 1u;
  if (info->format != Format::array) return 0;
  const StringRef body = value.as<StringRef>();
  ArrayReader reader(body);
  if (reader.element_type() != oid::record) return 0;
  unsigned deepest = 0;
  for (Value element; reader.next(&element);) {
    if (element.is_null) continue;
    const unsigned depth = depth_of(element.as<StringRef>()) + 1u;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

}  // namespace

RecordReader::RecordReader(const StringRef& ref) : body_(ref.view()) {
  if (body_.size() < head_bytes) return;
  size_ = load_le<std::uint16_t>(body_.data());
  at_ = values_at(size_);
  if (!is_whole()) size_ = 0;
}

bool RecordReader::is_whole() const {
  if (at_ > body_.size()) return false;
  const unsigned depth = load_le<std::uint16_t>(body_.data() + 2);
  if (depth > record_depth_max) return false;
  RecordReader walk = *this;
  std::size_t seen = 0;
  Oid type{};
  for (Value value; walk.next(&type, &value); ++seen)
    if (inner_depth(type, value) > depth) return false;
  return seen == size_ && walk.at_ == body_.size();
}

bool RecordReader::next(Oid* type, Value* value) {
  if (index_ >= size_) return false;
  const std::size_t index = index_++;
  *type = Oid{load_le<std::uint32_t>(body_.data() + head_bytes + 4 * index)};
  const Physical physical = physical_of(*type);
  *value = Value::null_of(physical);
  const auto bits = static_cast<unsigned char>(body_[head_bytes + 4 * size_ + index / 8]);
  if ((bits >> (index % 8) & 1) == 0) return true;
  std::size_t bytes = physical_bytes(physical);
  if (physical == Physical::string) {
    if (body_.size() - at_ < 4) return false;
    bytes = load_le<std::uint32_t>(body_.data() + at_);
    at_ += 4;
  }
  if (body_.size() - at_ < bytes) return false;
  value->is_null = false;
  if (physical == Physical::string) *value = string_value(body_.substr(at_, bytes));
  else std::memcpy(value->bytes, body_.data() + at_, bytes);
  at_ += bytes;
  return true;
}

Result<StringRef> make_record(std::span<const Oid> types, std::span<const Value> values, Arena& arena) {
  std::size_t bytes = values_at(types.size());
  unsigned depth = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Value& value = values[i];
    if (value.is_null) continue;
    const Physical physical = physical_of(types[i]);
    bytes += physical == Physical::string ? 4 + std::size_t{value.as<StringRef>().size} : physical_bytes(physical);
    const unsigned inner = inner_depth(types[i], value);
    if (inner > depth) depth = inner;
  }
  if (depth > record_depth_max) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  if (bytes > value_bytes_max)
    return Error::make(sqlstate::program_limit_exceeded, "record size exceeds the maximum allowed (", value_bytes_max,
                       ")");
  auto* to = static_cast<char*>(arena.try_allocate(bytes, 8));
  if (to == nullptr) return Error::out_of_memory();
  std::memset(to, 0, values_at(types.size()));
  store_le<std::uint16_t>(to, static_cast<std::uint16_t>(types.size()));
  store_le<std::uint16_t>(to + 2, static_cast<std::uint16_t>(depth));
  char* bitmap = to + head_bytes + 4 * types.size();
  std::size_t at = values_at(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    store_le<std::uint32_t>(to + head_bytes + 4 * i, raw(types[i]));
    if (values[i].is_null) continue;
    bitmap[i / 8] = static_cast<char>(bitmap[i / 8] | 1 << (i % 8));
    const Physical physical = physical_of(types[i]);
    if (physical != Physical::string) {
      std::memcpy(to + at, values[i].bytes, physical_bytes(physical));
      at += physical_bytes(physical);
      continue;
    }
    const StringRef text = values[i].as<StringRef>();
    store_le<std::uint32_t>(to + at, text.size);
    if (text.size != 0) std::memcpy(to + at + 4, text.data(), text.size);
    at += 4 + std::size_t{text.size};
  }
  return StringRef(std::string_view(to, bytes));
}

void quote_record_field(TextBuilder& out, std::size_t start) {
  const std::string_view text = out.view().substr(start);
  bool quote = text.empty();
  std::size_t doubled = 0;
  for (const char c : text) {
    quote |= c == '(' || c == ')' || c == ',' || is_space(c);
    doubled += c == '"' || c == '\\';
  }
  if (!quote && doubled == 0) return;
  // Spread the text to the right, from its end, to make room for quotes and what is doubled.
  const std::size_t size = text.size();
  out.resize(start + size + doubled + 2);
  char* from = out.data() + start + size;
  char* to = out.data() + out.size();
  *--to = '"';
  for (std::size_t left = size; left != 0; --left) {
    *--to = *--from;
    if (*to == '"' || *to == '\\') {
      const char c = *to;
      *--to = c;
    }
  }
  *--to = '"';
}

}  // namespace spg::type
