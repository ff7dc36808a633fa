// Zones: time zones by name from the instance's zone files, kept once read. One session's.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "spg/db/zone_files.hpp"
#include "spg/type/time_zone.hpp"

namespace spg::db {

class Zones final : public type::ZoneSource {
 public:
  explicit Zones(const ZoneFiles* files) : files_(files), arena_(budget_) {}
  const type::TimeZone* find(std::string_view name) const override;

 private:
  const ZoneFiles* files_;
  mutable MemoryBudget budget_;
  mutable Arena arena_;
  mutable std::map<std::string, std::unique_ptr<type::TimeZone>, std::less<>> known_;
};

}  // namespace spg::db
