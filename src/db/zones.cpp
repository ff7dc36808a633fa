#include "zones.hpp"

namespace spg::db {

namespace {

/// A POSIX zone without summer time: "<+05>-05", "EST5", "XYZ-3:30". Offsets are west of Greenwich there.
bool read_posix_zone(std::string_view text, std::string_view* abbreviation, std::int32_t* east) {
  std::size_t at = 0;
  if (text[0] == '<') {
    at = text.find('>');
    if (at == std::string_view::npos || at < 4) return false;
    *abbreviation = text.substr(1, at - 1);
    ++at;
  } else {
    while (at < text.size() && ((text[at] | 32) >= 'a' && (text[at] | 32) <= 'z')) ++at;
    if (at < 3) return false;
    *abbreviation = text.substr(0, at);
  }
  if (at == text.size()) return false;
  const bool minus = text[at] == '-';
  if (minus || text[at] == '+') ++at;
  std::int32_t seconds = 0;
  for (std::int32_t unit = 3600; unit >= 1; unit /= 60) {
    std::size_t digits = 0;
    std::int32_t number = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && digits < 3; ++at, ++digits) number = number * 10 + (text[at] - '0');
    if (digits == 0 || number > (unit == 3600 ? 167 : 59)) return false;
    seconds += number * unit;
    if (at == text.size()) break;
    if (text[at++] != ':') return false;
  }
  *east = minus ? seconds : -seconds;
  return at == text.size();
}

}  // namespace

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
  if (!bytes) {
    std::string_view abbreviation;
    std::int32_t east = 0;
    if (!read_posix_zone(name, &abbreviation, &east)) return nullptr;
    zone = std::make_unique<type::TimeZone>(type::TimeZone::fixed(east, arena_.copy(name), arena_.copy(abbreviation)));
    return zone.get();
  }
  auto read = type::TimeZone::read(*bytes, arena_.copy(proper), arena_);
  if (!read) return nullptr;
  zone = std::make_unique<type::TimeZone>(*read);
  return zone.get();
}

}  // namespace spg::db
