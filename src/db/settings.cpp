#include "spg/db/settings.hpp"

#include <charconv>
#include <cmath>

namespace spg::db {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct Unit { std::string_view name; double factor; };  // in units of the first
constexpr Unit memory_units[] = {{"B", 1}, {"kB", 1024}, {"MB", 1024.0 * 1024}, {"GB", 1024.0 * 1024 * 1024}, {"TB", 1024.0 * 1024 * 1024 * 1024}};
constexpr Unit time_units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

bool is_time(std::string_view unit) { return unit == "ms" || unit == "s" || unit == "min"; }
std::span<const Unit> units_of(const SettingInfo& info) {
  return is_time(info.unit) ? std::span<const Unit>(time_units) : std::span<const Unit>(memory_units);
}
double factor_of(std::string_view unit) {
  if (unit == "8kB") return 8192;
  for (const Unit& one : memory_units)
    if (one.name == unit) return one.factor;
  for (const Unit& one : time_units)
    if (one.name == unit) return one.factor;
  return 1;
}

Error invalid_value(const SettingInfo& info, std::string_view text) {
  return Error::make(sqlstate::invalid_parameter_value, "invalid value for parameter \"", info.name, "\": \"", text, "\"");
}
Error out_of_range(const SettingInfo& info, std::string_view number) {
  return Error::make(sqlstate::invalid_parameter_value, number, info.unit.empty() ? "" : " ", info.unit, " is outside the valid range for parameter \"", info.name,
                     "\" (", info.least, " .. ", info.greatest, ")");
}

Result<std::string> canonical_boolean(const SettingInfo& info, std::string_view text) {
  auto begins = [&](std::string_view word, std::size_t least) {
    return text.size() >= least && text.size() <= word.size() && same_name(text, word.substr(0, text.size()));
  };
  if (begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1") return std::string("on");
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0") return std::string("off");
  return Error::make(sqlstate::invalid_parameter_value, "parameter \"", info.name, "\" requires a Boolean value");
}

std::string print_number(double value) {
  char buffer[40];
  const auto end = value == std::floor(value) && std::fabs(value) < 1e15
                       ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value)).ptr
                       : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

Result<std::string> canonical_integer(const SettingInfo& info, std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, number);
  if (parsed.ec != std::errc{}) return invalid_value(info, text);
  const std::string_view unit = trim({parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)});
  if (!unit.empty()) {
    const Unit* found = nullptr;
    if (!info.unit.empty())
      for (const Unit& one : units_of(info))
        if (one.name == unit) found = &one;
    if (found == nullptr) {
      Error error = invalid_value(info, text);
      if (info.unit.empty()) return error;
      return std::move(error).hint(is_time(info.unit) ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
                                                      : "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
    }
    number = number * found->factor / factor_of(info.unit);
  }
  number = std::nearbyint(number);
  double least = 0, greatest = 0;
  std::from_chars(info.least.data(), info.least.data() + info.least.size(), least);
  std::from_chars(info.greatest.data(), info.greatest.data() + info.greatest.size(), greatest);
  if (number < least || number > greatest) return out_of_range(info, print_number(number));
  // SHOW uses the largest unit that leaves a whole number.
  if (info.unit.empty() || number <= 0) return print_number(number);
  const double base = number * factor_of(info.unit);
  std::string best = print_number(number) + std::string(info.unit);
  for (const Unit& one : units_of(info))
    if (one.factor >= 1 && base >= one.factor && std::fmod(base, one.factor) == 0) best = print_number(base / one.factor) + std::string(one.name);
  return best;
}

Result<std::string> canonical_real(const SettingInfo& info, std::string_view text) {
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = trim({parsed.ptr, static_cast<std::size_t>(text.data() + text.size() - parsed.ptr)});
  if (parsed.ec != std::errc{} || (!unit.empty() && info.unit.empty())) return invalid_value(info, text);
  if (!unit.empty()) number = number * factor_of(unit) / factor_of(info.unit);
  double least = 0, greatest = 0;
  std::from_chars(info.least.data(), info.least.data() + info.least.size(), least);
  std::from_chars(info.greatest.data(), info.greatest.data() + info.greatest.size(), greatest);
  if (number < least || number > greatest) return out_of_range(info, print_number(number));
  return print_number(number) + (number != 0 ? std::string(info.unit) : std::string());
}

Result<std::string> canonical_choice(const SettingInfo& info, std::string_view text) {
  std::string_view rest = info.choices;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const std::string_view one = rest.substr(0, comma);
    if (same_name(one, text)) return std::string(one);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  if (info.choices.find("on") != std::string_view::npos) {  // booleans grown into choices
    auto truth = canonical_boolean(info, text);
    if (truth) return truth;
  }
  std::string list;
  for (char c : info.choices) list += c == ',' ? std::string(", ") : std::string(1, c);
  return invalid_value(info, text).hint("Available values: ", list, ".");
}

Result<std::string> canonical_encoding(const SettingInfo& info, std::string_view text) {
  std::string plain;
  for (char c : text)
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) plain += c;
    else if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c + 32);
  if (plain == "utf8" || plain == "unicode") return std::string("UTF8");
  if (plain == "latin1" || plain == "iso88591") return std::string("LATIN1");
  if (plain == "sqlascii") return std::string("SQL_ASCII");
  return invalid_value(info, text);
}

/// `now`: the value before; what is not named stays.
Result<std::string> canonical_date_style(const SettingInfo& info, std::string_view text, std::string_view now) {
  const auto middle = now.find(", ");
  std::string style(middle == std::string_view::npos ? "ISO" : now.substr(0, middle));
  std::string order(middle == std::string_view::npos ? "MDY" : now.substr(middle + 2));
  const std::string_view whole = text;
  bool has_order = false;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view word = trim(text.substr(0, comma));
    if (same_name(word, "iso")) style = "ISO";
    else if (same_name(word, "sql")) style = "SQL";
    else if (word.size() >= 8 && same_name(word.substr(0, 8), "postgres")) style = "Postgres";
    else if (same_name(word, "german")) { style = "German"; if (!has_order) order = "DMY"; }
    else if (same_name(word, "default")) { style = "ISO"; order = "MDY"; }
    else {
      has_order = true;
      if (same_name(word, "ymd")) order = "YMD";
      else if (same_name(word, "dmy") || same_name(word, "european") || same_name(word, "euro")) order = "DMY";
      else if (same_name(word, "mdy") || same_name(word, "us") || same_name(word, "noneuro") || same_name(word, "noneuropean")) order = "MDY";
      else return invalid_value(info, whole).detail("Unrecognized key word: \"", word, "\".");
    }
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return style + ", " + order;
}

}  // namespace

const SettingInfo* find_setting(std::string_view name) {
  for (const SettingInfo& info : all_settings())
    if (same_name(info.name, name)) return &info;
  return nullptr;
}

Result<std::string> canonical_setting(const SettingInfo& info, std::string_view text, std::string_view now) {
  if (info.name == "client_encoding") return canonical_encoding(info, text);
  if (info.name == "DateStyle") return canonical_date_style(info, text, now);
  switch (info.kind) {
    case SettingKind::boolean: return canonical_boolean(info, trim(text));
    case SettingKind::integer: return canonical_integer(info, trim(text));
    case SettingKind::real: return canonical_real(info, trim(text));
    case SettingKind::choice: return canonical_choice(info, trim(text));
    case SettingKind::string: break;
  }
  return std::string(text);
}

Settings::Entry* Settings::find(std::string_view name) {
  for (Entry& one : entries_)
    if (same_name(one.name, name)) return &one;
  return nullptr;
}
const Settings::Entry* Settings::find(std::string_view name) const { return const_cast<Settings*>(this)->find(name); }

Settings::Entry& Settings::entry(std::string_view name) {
  if (Entry* known = find(name)) return *known;
  const SettingInfo* info = find_setting(name);
  std::string start;
  if (info != nullptr) {
    auto shown = canonical_setting(*info, info->start, {});
    start = shown ? std::move(*shown) : std::string(info->start);
  }
  entries_.push_back({info == nullptr ? std::string(name) : std::string(info->name), start, start});
  return entries_.back();
}

Result<std::string_view> Settings::get(std::string_view name) const {
  if (const Entry* known = find(name)) return std::string_view(known->value);
  if (find_setting(name) == nullptr) return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
  return std::string_view(const_cast<Settings*>(this)->entry(name).value);
}
std::string_view Settings::value(std::string_view name) const {
  auto found = get(name);
  return found ? *found : std::string_view{};
}

bool Settings::is_changed(std::string_view name) const {
  const Entry* known = find(name);
  const SettingInfo* info = find_setting(name);
  if (known == nullptr || info == nullptr) return false;
  const auto built_in = canonical_setting(*info, info->start, {});
  return known->value != (built_in ? std::string_view(*built_in) : info->start);
}

std::int64_t Settings::number(std::string_view name) const {
  const SettingInfo* info = find_setting(name);
  const std::string_view text = value(name);
  double number = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (info == nullptr || parsed.ec != std::errc{}) return -1;
  const std::string_view unit{parsed.ptr, static_cast<std::size_t>(text.data() + text.size() - parsed.ptr)};
  return static_cast<std::int64_t>(unit.empty() ? number : number * factor_of(unit) / factor_of(info->unit));
}

void Settings::change(std::string_view name, std::string value, bool local) {
  Entry& known = entry(name);
  changes_.push_back({known.name, known.value, local});
  known.value = std::move(value);
  ++stamp_;
  to_report_.push_back(known.name);
}

Status Settings::set(std::string_view name, std::string_view text, Source source, bool local) {
  const SettingInfo* info = find_setting(name);
  if (info == nullptr) {
    if (name.find('.') == std::string_view::npos) return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
    change(name, std::string(text), local);
    return ok();
  }
  if (source == Source::user) {
    if (info->context == SettingContext::internal) return Error::make(sqlstate::cant_change_runtime_param, "parameter \"", info->name, "\" cannot be changed");
    if (info->context == SettingContext::server_start)
      return Error::make(sqlstate::cant_change_runtime_param, "parameter \"", info->name, "\" cannot be changed without restarting the server");
    if (info->context == SettingContext::session_start)
      return Error::make(sqlstate::cant_change_runtime_param, "parameter \"", info->name, "\" cannot be set after connection start");
    if (info->context == SettingContext::superuser && !is_on("is_superuser"))
      return Error::make(sqlstate::insufficient_privilege, "permission denied to set parameter \"", info->name, "\"");
  }
  SPG_ASSIGN(std::string value, canonical_setting(*info, text, this->value(info->name)));
  change(info->name, std::move(value), local);
  return ok();
}

Status Settings::reset(std::string_view name, bool local) {
  const SettingInfo* info = find_setting(name);
  if (info == nullptr && find(name) == nullptr) return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
  if (info != nullptr && info->context == SettingContext::internal) return Error::make(sqlstate::cant_change_runtime_param, "parameter \"", info->name, "\" cannot be changed");
  change(name, entry(name).start, local);
  return ok();
}
void Settings::reset_all() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const SettingInfo* info = find_setting(entries_[i].name);
    if (info != nullptr && info->name.starts_with("transaction_")) continue;  // of the transaction, not of the session
    if (info != nullptr && info->context >= SettingContext::superuser && entries_[i].value != entries_[i].start) change(std::string(entries_[i].name), entries_[i].start, false);
  }
}

void Settings::set_start(std::string_view name, std::string_view text) {
  Entry& known = entry(name);
  known.value = known.start = std::string(text);
  ++stamp_;
}

void Settings::undo_to(std::size_t mark) {
  while (changes_.size() > mark) {
    Change& last = changes_.back();
    Entry& known = entry(last.name);
    if (known.value != last.before) {
      known.value = last.before;
      ++stamp_;
      to_report_.push_back(known.name);
    }
    changes_.pop_back();
  }
}

void Settings::commit() {
  // From the newest to the oldest: SET LOCAL goes back, unless a later plain SET made the value stay.
  std::vector<std::string> kept;
  while (!changes_.empty()) {
    Change& last = changes_.back();
    bool stays = false;
    for (const std::string& name : kept) stays |= name == last.name;
    if (!last.local && !stays) {
      // A plain SET under a later SET LOCAL: the local one has been taken back by now, and the value is the plain one's.
      kept.push_back(last.name);
    } else if (last.local && !stays) {
      Entry& known = entry(last.name);
      if (known.value != last.before) {
        known.value = last.before;
        ++stamp_;
        to_report_.push_back(known.name);
      }
    }
    changes_.pop_back();
  }
}

void Settings::report_changes(FunctionRef<void(std::string_view, std::string_view)> report) {
  static constexpr std::string_view reported[] = {"server_version", "server_encoding", "client_encoding", "application_name", "is_superuser",
      "session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings",
      "default_transaction_read_only", "in_hot_standby"};
  for (const std::string& name : to_report_)
    for (std::string_view one : reported)
      if (same_name(one, name)) report(one, value(one));
  to_report_.clear();
}

void Settings::each(FunctionRef<void(const SettingInfo&, std::string_view)> visit) const {
  for (const SettingInfo& info : all_settings()) visit(info, value(info.name));
}

}  // namespace spg::db
