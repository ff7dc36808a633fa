#include "zones.hpp"

namespace spg::db {

const type::TimeZone* Zones::find(std::string_view name) const {
  if (name.empty() || name.size() > 100 || name.find("..") != std::string_view::npos || name[0] == '/') return nullptr;
  std::string key;
  for (char c : name) key += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (const auto found = known_.find(key); found != known_.end()) return found->second.get();
  auto& zone = known_[key];
  if (key == "utc" || key == "gmt" || key == "z") {
    zone = std::make_unique<type::TimeZone>(type::TimeZone::fixed(0, arena_.copy(key == "gmt" ? "GMT" : "UTC"), arena_.copy(key == "gmt" ? "GMT" : "UTC")));
    return zone.get();
  }
  if (files_ == nullptr) return nullptr;
  // Files are called "America/New_York": capitals after every separator, unless the name came right already.
  std::string proper(name);
  auto bytes = files_->read(name, arena_);
  if (!bytes) {
    bool start = true;
    for (char& c : proper) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (letter) c = start ? static_cast<char>(c & ~32) : static_cast<char>(c | 32);
      start = !letter;
    }
    bytes = files_->read(proper, arena_);
  }
  if (!bytes) return nullptr;
  auto read = type::TimeZone::read(*bytes, arena_.copy(proper), arena_);
  if (!read) return nullptr;
  zone = std::make_unique<type::TimeZone>(*read);
  return zone.get();
}

}  // namespace spg::db
