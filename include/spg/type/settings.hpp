// TextSettings: what a session's settings say about reading and printing values. Plain data, copied freely.
#pragma once
#include <cstdint>

#include "spg/type/time_zone.hpp"

namespace spg::type {

enum class DateStyle : std::uint8_t { iso, sql, postgres, german };
enum class DateOrder : std::uint8_t { mdy, dmy, ymd };
enum class IntervalStyle : std::uint8_t { postgres, postgres_verbose, iso_8601, sql_standard };
enum class ByteaOutput : std::uint8_t { hex, escape };

inline const TimeZone utc_zone = TimeZone::utc();

struct TextSettings {
  DateStyle date_style = DateStyle::iso;
  DateOrder date_order = DateOrder::mdy;
  IntervalStyle interval_style = IntervalStyle::postgres;
  ByteaOutput bytea_output = ByteaOutput::hex;
  int extra_float_digits = 1;
  const TimeZone* zone = &utc_zone;
  const ZoneSource* zones = nullptr;  ///< null: only UTC, offsets and abbreviations are known
  std::int64_t now = 0;               ///< the transaction's start, microseconds since 2000-01-01 UTC
};

}  // namespace spg::type
