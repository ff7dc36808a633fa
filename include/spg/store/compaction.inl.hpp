// Compaction: a checkpoint empties segments of which little is alive, or of which there are too many (DESIGN 1.9).
//
// It writes what is alive in its victims anew, as it writes what has changed, and so everything that refers to it up to the
// root. References tell which segments lie below them (SegmentSet), so that only paths to the victims are walked; records
// are copied as they are, but for their references. Cells change their addresses when all is durable; both addresses of
// an object lead to its cell until no version is left that refers to it by the one before (Forwarding).
#pragma once
#include <algorithm>

#include "spg/store/segment.hpp"

namespace spg::store {

/// What one checkpoint moves because so much else is dead, rather than because there are too many segments.
inline constexpr std::uint64_t moved_bytes_max = std::uint64_t{64} << 20;

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::choose_victims() {
  const std::uint32_t count_max = std::max(limits_.count_max, 2u);
  victims_.clear();
  victims_set_ = 0;
  if (objects_->is_forwarding()) return ok();
  Array<SegmentInfo> left;
  {
    policy::LockGuard lock(segments_mutex_);
    for (const SegmentInfo& info : segments_)
      if (!info.is_private && !left.push_back(info)) return Error::out_of_memory();
  }
  std::uint64_t total = 0, live = 0, moved = 0;
  for (const SegmentInfo& info : left) { total += info.bytes; live += info.live_bytes; }
  output_bytes_max_ = std::max(segment_bytes_max, live / std::max(1u, count_max / 4));
  Status failed;
  const auto take = [&](std::size_t at) {
    const SegmentInfo& info = left[at];
    total -= info.bytes - std::min(info.bytes, info.live_bytes);
    moved += info.live_bytes;
    if (!victims_.push_back(info.number)) failed = Error::out_of_memory();
    victims_set_ |= set_of(info.number);
    left.erase(at);
  };
  // Those of which least is alive first: they give most for what they cost.
  const auto share = [](const SegmentInfo& info) { return static_cast<double>(info.live_bytes) / static_cast<double>(info.bytes + 1); };
  std::sort(left.begin(), left.end(), [&](const SegmentInfo& a, const SegmentInfo& b) { return share(a) < share(b); });
  while (!left.empty() && !failed) {
    const bool is_worth_it = is_too_much_dead(total, live) && (moved == 0 || moved + left[0].live_bytes <= moved_bytes_max);
    if (left[0].live_bytes != 0 && !is_worth_it) break;
    take(0);
  }
  // The checkpoint adds one. Small ones are put together, a quarter at a time, so that the next are not due at once.
  if (left.size() + 1 >= count_max) {
    std::sort(left.begin(), left.end(), [](const SegmentInfo& a, const SegmentInfo& b) { return a.live_bytes < b.live_bytes; });
    while (left.size() > 1 && left.size() + 1 > count_max - std::max(1u, count_max / 4) && !failed) take(0);
  }
  return failed;
}

template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::is_victim(std::uint32_t segment) const {
  if ((victims_set_ & set_of(segment)) == 0) return false;
  return std::find(victims_.begin(), victims_.end(), segment) != victims_.end();
}

/// The place of an object after this checkpoint. It moves when it lies in a victim, or refers to something that moves.
template <class O, policy::Storage St, policy::Sync Sy>
auto Segments<O, St, Sy>::move_record(Address address, Generation birth) -> Result<Placed> {
  Record record;
  SPG_TRY(read_record(address, birth, record, Access::wait));
  ByteReader reader(record.body());
  const Bytes head = record.encoding == 0 ? reader.bytes(record.children_at - sizeof(Image)) : Bytes{};
  Array<Reference> references;
  ChildSlots slots;
  SPG_ASSIGN(const char* fault, read_references(reader, record, references, slots));
  if (fault != nullptr) return record.damaged(fault);
  const Bytes tail = reader.rest();
  bool moves = is_victim(address.segment);
  SPG_TRY(move_references(references, moves));
  if (moves) return write_moved(record, {references.data(), references.size()}, head, tail);
  Placed stays{nullptr, address, address, 0};
  for (const Reference& one : references) stays.below |= set_of(one.child.segment) | one.below;
  return stays;
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::move_references(Array<Reference>& references, bool& has_moved) {
  for (Reference& one : references) {
    if (!must_look_at(one.child, one.below)) continue;
    SPG_ASSIGN(const Placed placed, move_record(one.child, one.birth));
    has_moved |= placed.to != placed.from;
    one.child = placed.to;
    one.below = placed.below;
  }
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
auto Segments<O, St, Sy>::write_moved(const Record& record, std::span<const Reference> references, Bytes head, Bytes tail) -> Result<Placed> {
  SPG_TRY(begin_output());
  Placed placed{nullptr, record.address, {}, 0};
  const std::size_t record_at = buffer_.size();
  bool fits = buffer_.add(record.bytes.bytes().first(record_header_bytes)) && buffer_.add(head) && buffer_.add_varint(references.size());
  std::uint64_t slot_before = 0;
  for (const Reference& one : references) {
    placed.below |= set_of(one.child.segment) | one.below;
    fits = fits && write_reference(one, std::exchange(slot_before, one.slot));
  }
  if (!fits || !buffer_.add(tail)) return Error::out_of_memory();
  SPG_ASSIGN(placed.to, end_record(record_at));
  if (!placed_.push_back(placed)) return Error::out_of_memory();
  return placed;
}

/// What was moved is durable. Parents come before their children here: once a cell has its new address, what is read from there
/// refers to children by theirs.
template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::relocate_moved() {
  std::unique_ptr<Forwarding> forwarding(new (std::nothrow) Forwarding);
  if (forwarding == nullptr) return Error::out_of_memory();
  for (const Placed& one : placed_)
    if (one.cell == nullptr) SPG_TRY(forwarding->add(one.from.packed(), one.to.packed()));
  if (forwarding->empty()) return ok();
  forwarding->seal();
  objects_->forward(std::move(forwarding));
  for (std::size_t i = placed_.size(); i-- != 0;)
    if (placed_[i].cell == nullptr) objects_->relocate(placed_[i].from, placed_[i].to, placed_[i].below);
  return ok();
}

// --- what is alive in each segment

template <class O, policy::Storage St, policy::Sync Sy>
SegmentInfo* Segments<O, St, Sy>::info_of(std::uint32_t segment) {
  SegmentInfo* found = std::lower_bound(segments_.begin(), segments_.end(), segment, [](const SegmentInfo& info, std::uint32_t number) { return info.number < number; });
  return found != segments_.end() && found->number == segment ? found : nullptr;
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::freed(Address address) {
  policy::LockGuard lock(segments_mutex_);
  SegmentInfo* info = info_of(address.segment);
  if (info == nullptr) return;  // dropped already
  const std::uint64_t bytes = std::min(info->live_bytes, padded(address.length));
  info->live_bytes -= bytes;
  live_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::count_placed() {
  for (const Placed& one : placed_) {
    if (one.cell == nullptr) freed(one.from);
    else if (one.cell->has(Cell::outlived)) continue;
    policy::LockGuard lock(segments_mutex_);
    info_of(one.to.segment)->live_bytes += padded(one.to.length);
    live_bytes_.fetch_add(padded(one.to.length), std::memory_order_relaxed);
  }
  policy::LockGuard lock(segments_mutex_);
  for (const SegmentInfo& info : segments_)
    if (info.number >= first_output_) total_bytes_.fetch_add(info.bytes, std::memory_order_relaxed);
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::list(Array<SegmentInfo>& to) const {
  policy::LockGuard lock(segments_mutex_);
  for (const SegmentInfo& info : segments_)
    if (!info.is_private && !is_victim(info.number) && !to.push_back(info)) return Error::out_of_memory();
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::publish(std::span<const std::uint32_t> segments) {
  policy::LockGuard lock(segments_mutex_);
  for (std::uint32_t segment : segments) info_of(segment)->is_private = false;
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::discard(std::uint32_t segment) {
  {
    policy::LockGuard lock(segments_mutex_);
    const SegmentInfo* info = info_of(segment);
    total_bytes_.fetch_sub(info->bytes, std::memory_order_relaxed);
    live_bytes_.fetch_sub(info->live_bytes, std::memory_order_relaxed);
    segments_.erase(static_cast<std::size_t>(info - segments_.begin()));
  }
  forget(segment);
}

template <class O, policy::Storage St, policy::Sync Sy>
std::uint32_t Segments<O, St, Sy>::first_private() const {
  policy::LockGuard lock(segments_mutex_);
  for (const SegmentInfo& info : segments_)
    if (info.is_private) return info.number;
  return UINT32_MAX;
}

template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::has(std::uint32_t segment) {
  policy::LockGuard lock(segments_mutex_);
  return info_of(segment) != nullptr;
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::drop_victims(Array<std::uint32_t>& to) {
  Status failed;
  for (std::uint32_t victim : victims_) {
    policy::LockGuard lock(segments_mutex_);
    const SegmentInfo* info = info_of(victim);
    total_bytes_.fetch_sub(info->bytes, std::memory_order_relaxed);
    live_bytes_.fetch_sub(info->live_bytes, std::memory_order_relaxed);
    segments_.erase(static_cast<std::size_t>(info - segments_.begin()));
    if (!to.push_back(victim)) failed = Error::out_of_memory();
  }
  victims_.clear();
  victims_set_ = 0;
  return failed;
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::forget(std::uint32_t segment) {
  policy::LockGuard lock(mutex_);
  for (OpenFile** link = &open_files_; *link != nullptr; link = &(*link)->next) {
    if ((*link)->number != segment) continue;
    delete std::exchange(*link, (*link)->next);
    return;
  }
}

}  // namespace spg::store
