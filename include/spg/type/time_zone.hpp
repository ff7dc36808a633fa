// Time zones: offsets from UTC over time, read from the bytes of a TZif file (RFC 8536); where they lie is the caller's
// affair.
//
// A TimeZone is immutable and refers to the arena it was read into. Seconds are those of Unix time; offsets are seconds
// east of UTC. Usable from any thread.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/result.hpp"

namespace spg::type {

struct ZonePeriod {
  std::int32_t offset = 0;
  bool is_dst = false;
  std::string_view abbreviation = "UTC";
};

/// One half of a rule like "M3.2.0/2:00": when, within a year, the clock changes (local seconds since New Year).
struct ZoneChange {
  char kind = 0;  ///< 'M' month.week.day, 'J' day 1..365 without leap day, 'N' day 0..365
  std::int32_t month = 0, week = 0, day = 0, time = 7200;
};

class TimeZone {
 public:
  static TimeZone utc() { return TimeZone{}; }
  /// A zone that is always `offset` seconds east of UTC; the texts must outlive it.
  static TimeZone fixed(std::int32_t offset, std::string_view name, std::string_view abbreviation);
  /// Error 22023 when the bytes are no valid TZif data.
  static Result<TimeZone> read(Bytes tzif, std::string_view name, Arena& arena);

  std::string_view name() const { return name_; }
  ZonePeriod at(std::int64_t unix_seconds) const;
  /// The offset of a local time. One that a change skips is read by the offset before it, one that happens twice by the
  /// offset after it.
  std::int32_t offset_of_local(std::int64_t local_seconds) const;

 private:
  bool next_change(std::int64_t after, std::int64_t* change, std::int32_t* offset) const;
  std::int64_t rule_change(const ZoneChange& change, std::int64_t year, std::int32_t offset) const;
  bool parse_rule(std::string_view rule, Arena& arena);

  std::string_view name_ = "UTC";
  std::span<const std::int64_t> changes_;
  std::span<const std::uint8_t> kinds_;       ///< kinds_[i] rules from changes_[i] on
  std::span<const ZonePeriod> periods_;
  bool has_rule_ = false;                     ///< after the last change: standard_, and daylight_ if it has changes
  bool has_daylight_ = false;
  ZonePeriod standard_, daylight_;
  ZoneChange to_daylight_, to_standard_;
};

/// Finds zones by name (ignoring case); null when there is none. Implemented where files may be read.
class ZoneSource {
 public:
  virtual const TimeZone* find(std::string_view name) const = 0;

 protected:
  ~ZoneSource() = default;
};

/// Offset of a common abbreviation such as "pst" (lower case); false when unknown.
bool find_zone_abbreviation(std::string_view lower, std::int32_t* offset);

}  // namespace spg::type
