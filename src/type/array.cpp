#include "spg/type/array.hpp"

#include "spg/type/io.hpp"

namespace spg::type {

ArrayReader::ArrayReader(const StringRef& ref) : body_(ref.view()) {
  if (body_.size() < 8) return;
  element_ = Oid{load_le<std::uint32_t>(body_.data())};
  physical_ = physical_of(element_);
  dimensions_ = static_cast<unsigned char>(body_[4]);
  has_nulls_ = body_[5] != 0;
  if (find_shape() && holds_elements()) return;
  dimensions_ = 0;  // a damaged body (from disk) is an empty array
  count_ = 0;
}

/// Sets what follows from the dimensions. Arrays do not nest, so that nothing walks deeper than one.
bool ArrayReader::find_shape() {
  const TypeInfo* info = find_type(element_);
  if (info != nullptr && (info->format == Format::array || info->format == Format::vector)) return false;
  if (dimensions_ > array_dimensions_max || body_.size() < 8 + 8 * static_cast<std::size_t>(dimensions_)) return false;
  ArrayDimension all[array_dimensions_max];
  count_ = dimensions_ == 0 ? 0 : 1;
  for (int i = 0; i < dimensions_; ++i) {
    all[i] = dimension(i);
    count_ = all[i].length < 0 || count_ > array_elements_max ? -1 : count_ * all[i].length;
    if (count_ < 0) return false;
  }
  if (check_dimensions({all, static_cast<std::size_t>(dimensions_)})) return false;
  bitmap_ = 8 + 8 * static_cast<std::size_t>(dimensions_);
  at_ = bitmap_ + (has_nulls_ ? static_cast<std::size_t>(count_ + 7) / 8 : 0);
  return at_ <= body_.size();
}

/// Whether the body ends behind the last element, not before.
bool ArrayReader::holds_elements() const {
  const std::size_t left = body_.size() - at_, width = physical_bytes(physical_);
  if (physical_ != Physical::string && !has_nulls_) return static_cast<std::size_t>(count_) <= left / (width == 0 ? 1 : width);
  std::size_t at = at_;
  for (std::int64_t i = 0; i < count_; ++i) {
    if (has_nulls_ && !is_present(i)) continue;
    std::size_t bytes = width;
    if (physical_ == Physical::string) {
      if (body_.size() - at < 4) return false;
      bytes = load_le<std::uint32_t>(body_.data() + at);
      at += 4;
    }
    if (body_.size() - at < bytes) return false;
    at += bytes;
  }
  return true;
}

bool ArrayReader::is_present(std::int64_t index) const {
  return (body_[bitmap_ + static_cast<std::size_t>(index / 8)] >> (index % 8) & 1) != 0;
}

ArrayDimension ArrayReader::dimension(int i) const {
  const char* at = body_.data() + 8 + 8 * i;
  return {load_le<std::int32_t>(at), load_le<std::int32_t>(at + 4)};
}

bool ArrayReader::next(Value* value) {
  if (index_ >= count_) return false;
  const std::int64_t index = index_++;
  *value = Value::null_of(physical_);
  if (has_nulls_ && !is_present(index)) return true;
  const auto left = [&] { return body_.size() - at_; };
  value->is_null = false;
  if (physical_ == Physical::string) {
    if (left() < 4) { count_ = 0; return false; }
    const std::size_t size = load_le<std::uint32_t>(body_.data() + at_);
    at_ += 4;
    if (left() < size) { count_ = 0; return false; }
    *value = string_value(body_.substr(at_, size));
    at_ += size;
    return true;
  }
  const std::size_t size = physical_bytes(physical_);
  if (left() < size) { count_ = 0; return false; }
  std::memcpy(value->bytes, body_.data() + at_, size);
  at_ += size;
  return true;
}

Status check_dimensions(std::span<const ArrayDimension> dimensions) {
  if (dimensions.size() > array_dimensions_max)
    return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", dimensions.size(),
                       ") exceeds the maximum allowed (", array_dimensions_max, ")");
  std::int64_t count = 1;
  for (const ArrayDimension& d : dimensions) {
    std::int32_t end = 0;
    if (d.length < 0 || __builtin_mul_overflow(count, std::int64_t{d.length}, &count) || count > array_elements_max)
      return Error::make(sqlstate::program_limit_exceeded, "array size exceeds the maximum allowed (",
                         array_elements_max, ")");
    if (__builtin_add_overflow(d.lower, d.length, &end))
      return Error::make(sqlstate::program_limit_exceeded, "array lower bound is too large: ", d.lower);
  }
  return ok();
}

Result<StringRef> make_array(Oid element, std::span<const ArrayDimension> dimensions, std::span<const Value> elements,
                             Arena& arena) {
  SPG_TRY(check_dimensions(dimensions));
  if (elements.empty()) dimensions = {};
  const Physical physical = physical_of(element);
  bool has_nulls = false;
  std::size_t bytes = 8 + 8 * dimensions.size();
  for (const Value& value : elements) {
    has_nulls |= value.is_null;
    if (!value.is_null)
      bytes += physical == Physical::string ? 4 + std::size_t{value.as<StringRef>().size} : physical_bytes(physical);
  }
  const std::size_t bitmap = 8 + 8 * dimensions.size();
  if (has_nulls) bytes += (elements.size() + 7) / 8;
  if (bytes > value_bytes_max)
    return Error::make(sqlstate::program_limit_exceeded, "array size exceeds the maximum allowed (", value_bytes_max,
                       ")");
  auto* to = static_cast<char*>(arena.try_allocate(bytes, 8));
  if (to == nullptr) return Error::out_of_memory();
  std::memset(to, 0, bitmap);
  store_le<std::uint32_t>(to, raw(element));
  to[4] = static_cast<char>(dimensions.size());
  to[5] = has_nulls;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    store_le<std::int32_t>(to + 8 + 8 * i, dimensions[i].length);
    store_le<std::int32_t>(to + 12 + 8 * i, dimensions[i].lower);
  }
  std::size_t at = bitmap;
  if (has_nulls) {
    std::memset(to + at, 0, (elements.size() + 7) / 8);
    for (std::size_t i = 0; i < elements.size(); ++i)
      if (!elements[i].is_null) to[at + i / 8] = static_cast<char>(to[at + i / 8] | 1 << (i % 8));
    at += (elements.size() + 7) / 8;
  }
  for (const Value& value : elements) {
    if (value.is_null) continue;
    if (physical == Physical::string) {
      const StringRef text = value.as<StringRef>();
      store_le<std::uint32_t>(to + at, text.size);
      if (text.size != 0) std::memcpy(to + at + 4, text.data(), text.size);
      at += 4 + std::size_t{text.size};
    } else {
      std::memcpy(to + at, value.bytes, physical_bytes(physical));
      at += physical_bytes(physical);
    }
  }
  return StringRef(std::string_view(to, bytes));
}

}  // namespace spg::type
