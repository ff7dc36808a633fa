#include <algorithm>
#include <cstdio>
#include <cstring>

#include "spg/log/reader.hpp"

namespace spg::log {

FileNames::FileNames(std::string_view path) : path_bytes_(std::min(path.size(), sizeof path_ - 1)) {
  if (path_bytes_ != 0) std::memcpy(path_, path.data(), path_bytes_);
  path_[path_bytes_] = '\0';
}

std::string_view FileNames::directory() const {
  const auto slash = path().rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path().substr(0, slash == 0 ? 1 : slash);
}

void FileNames::name(char (&to)[512], std::uint64_t number) const {
  std::snprintf(to, sizeof to, "%s.%08llu", path_, static_cast<unsigned long long>(number));
}

bool FileNames::number_of(std::string_view base_name, std::uint64_t& number) const {
  const auto slash = path().rfind('/');
  const std::string_view own = slash == std::string_view::npos ? path() : path().substr(slash + 1);
  if (!base_name.starts_with(own) || base_name.size() < own.size() + 9 || base_name[own.size()] != '.') return false;
  number = 0;
  for (const char c : base_name.substr(own.size() + 1)) {
    if (c < '0' || c > '9' || number > UINT64_MAX / file_data_bytes / 16) return false;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  // No other spelling of the same number.
  char whole[512];
  name(whole, number);
  return std::string_view(whole).ends_with(base_name);
}

Error damage_at(const FileNames& names, std::uint64_t position) {
  char name[512];
  names.name(name, position / file_data_bytes);
  return Error::make(sqlstate::data_corrupted, "write-ahead log is damaged in file \"", std::string_view(name), "\" at offset ",
                     file_header_bytes + position % file_data_bytes)
      .detail("It is known that this position had been written durably.")
      .hint("\"spg wal-lint ", names.path(), "\" says what is there.");
}

}  // namespace spg::log
