// Window functions: ranks, buckets, and values of other rows.
#include "kernels.hpp"
#include "window.hpp"

namespace spg::exec {
namespace {

using i4 = std::int32_t;
using i8 = std::int64_t;

/// Calls visit(partition, first and end of its peer groups by number) for each partition.
template <class Visit>
void each_partition(const WindowRows& rows, Visit visit) {
  for (std::uint32_t p = 0, peer = 0; p + 1 < rows.partitions.size(); ++p) {
    const RowRange partition{rows.partitions[p], rows.partitions[p + 1]};
    std::uint32_t last = peer;
    while (rows.peers[last] < partition.end) ++last;
    visit(partition, RowRange{peer, last});
    peer = last;
  }
}

// --- ranks ----------------------------------------------------------------------------------------------------------

Status row_number(WindowTask& task) {
  for (std::size_t p = 0; p + 1 < task.rows.partitions.size(); ++p)
    for (std::uint32_t begin = task.rows.partitions[p], row = begin; row < task.rows.partitions[p + 1]; ++row)
      task.out.set(row, i8{row - begin} + 1);
  return ok();
}

/// A result per group of peers: of(partition, the group's rows, its number in the partition).
template <class T, class Of>
Status by_peers(WindowTask& task, Of of) {
  each_partition(task.rows, [&](RowRange partition, RowRange groups) {
    for (std::uint32_t g = groups.begin; g < groups.end; ++g) {
      const RowRange peers{task.rows.peers[g], task.rows.peers[g + 1]};
      const T value = of(partition, peers, g - groups.begin);
      for (std::uint32_t row = peers.begin; row < peers.end; ++row) task.out.set(row, value);
    }
  });
  return ok();
}
Status rank(WindowTask& task) {
  return by_peers<i8>(
      task, [](RowRange partition, RowRange peers, std::uint32_t) { return i8{peers.begin - partition.begin} + 1; });
}
Status dense_rank(WindowTask& task) {
  return by_peers<i8>(task, [](RowRange, RowRange, std::uint32_t group) { return i8{group} + 1; });
}
Status percent_rank(WindowTask& task) {
  return by_peers<double>(task, [](RowRange partition, RowRange peers, std::uint32_t) {
    if (partition.size() <= 1) return 0.0;
    return static_cast<double>(peers.begin - partition.begin) / static_cast<double>(partition.size() - 1);
  });
}
Status cume_dist(WindowTask& task) {
  return by_peers<double>(task, [](RowRange partition, RowRange peers, std::uint32_t) {
    return static_cast<double>(peers.end - partition.begin) / static_cast<double>(partition.size());
  });
}

/// Buckets differ by one row at most, the larger ones come first. The count is the first that is not NULL.
Status ntile(WindowTask& task) {
  const Vector& counts = task.arguments[0];
  for (std::size_t p = 0; p + 1 < task.rows.partitions.size(); ++p) {
    const std::uint32_t end = task.rows.partitions[p + 1];
    const std::uint32_t total = end - task.rows.partitions[p];
    std::uint32_t row = task.rows.partitions[p];
    for (; row < end && counts.is_null(row); ++row) task.out.set_null(row);
    if (row == end) continue;
    const i4 wanted = counts.value<i4>(row);
    if (wanted <= 0)
      return Error::make(sqlstate::invalid_argument_for_ntile, "argument of ntile must be greater than zero");
    const auto buckets = static_cast<std::uint32_t>(wanted);
    std::uint32_t larger = total / buckets == 0 ? 0 : total % buckets;  // buckets with one row more
    const std::uint32_t least = total / buckets == 0 ? 1 : total / buckets;
    for (i4 bucket = 1; row < end; ++bucket) {
      const std::uint32_t size = least + (larger != 0 ? 1 : 0);
      if (larger != 0) --larger;
      for (std::uint32_t i = 0; i < size && row < end; ++i, ++row) task.out.set(row, bucket);
    }
  }
  return ok();
}

// --- values of other rows -------------------------------------------------------------------------------------------

constexpr std::uint32_t no_source = UINT32_MAX;

/// The first argument's value at sources[row], for each row.
template <class T>
void take_typed(WindowTask& task, const std::uint32_t* sources) {
  const Vector& from = task.arguments[0];
  const bool flat = from.form == Vector::Form::flat;
  const T* values = from.as<T>();
  for (std::uint32_t row = 0; row < task.rows.count; ++row) {
    const std::uint32_t source = sources[row];
    if (source == no_source || from.is_null(source)) task.out.set_null(row);
    else task.out.set(row, values[flat ? source : 0]);
  }
}
void take(WindowTask& task, const std::uint32_t* sources) {
  switch (type::physical_bytes(task.out.physical)) {
    case 1: return take_typed<std::uint8_t>(task, sources);
    case 2: return take_typed<std::uint16_t>(task, sources);
    case 4: return take_typed<std::uint32_t>(task, sources);
    case 8: return take_typed<std::uint64_t>(task, sources);
    default: return take_typed<StringRef>(task, sources);
  }
}

Status shifted(WindowTask& task, bool back) {
  auto* sources = static_cast<std::uint32_t*>(task.scratch.try_allocate(task.rows.count * sizeof(std::uint32_t) + 1));
  if (sources == nullptr) return Error::out_of_memory();
  const Vector* offsets = task.arguments.size() > 1 ? &task.arguments[1] : nullptr;
  for (std::size_t p = 0; p + 1 < task.rows.partitions.size(); ++p) {
    const i8 begin = task.rows.partitions[p], end = task.rows.partitions[p + 1];
    for (i8 at = begin; at < end; ++at) {
      const auto row = static_cast<std::uint32_t>(at);
      sources[row] = no_source;
      if (offsets != nullptr && offsets->is_null(row)) continue;
      const i8 by = offsets == nullptr ? 1 : offsets->value<i4>(row);
      const i8 source = back ? at - by : at + by;
      if (source >= begin && source < end) sources[row] = static_cast<std::uint32_t>(source);
      else if (task.wants_default != nullptr) set_bit(task.wants_default, row);
    }
  }
  take(task, sources);
  return ok();
}
Status lag(WindowTask& task) { return shifted(task, true); }
Status lead(WindowTask& task) { return shifted(task, false); }

/// The n-th (from 1) row of a frame; from its end when negative.
std::uint32_t frame_row(const FrameBounds& frame, std::uint32_t row, i8 n) {
  RowRange pieces[3];
  frame.pieces(row, pieces);
  const std::size_t count = frame.piece_count();
  if (n < 0) {
    for (std::size_t i = count; i-- > 0;)
      if (pieces[i].size() != 0) return pieces[i].end - 1;
    return no_source;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (n <= i8{pieces[i].size()}) return pieces[i].begin + static_cast<std::uint32_t>(n - 1);
    n -= pieces[i].size();
  }
  return no_source;
}
template <class Which>
Status from_frame(WindowTask& task, Which which) {
  auto* sources = static_cast<std::uint32_t*>(task.scratch.try_allocate(task.rows.count * sizeof(std::uint32_t) + 1));
  if (sources == nullptr) return Error::out_of_memory();
  for (std::uint32_t row = 0; row < task.rows.count; ++row) {
    const i8 n = which(row);
    sources[row] = n == 0 ? no_source : frame_row(*task.frame, row, n);
  }
  take(task, sources);
  return ok();
}
Status first_value(WindowTask& task) {
  return from_frame(task, [](std::uint32_t) { return i8{1}; });
}
Status last_value(WindowTask& task) {
  return from_frame(task, [](std::uint32_t) { return i8{-1}; });
}
Status nth_value(WindowTask& task) {
  const Vector& numbers = task.arguments[1];
  for (std::uint32_t row = 0; row < task.rows.count; ++row)
    if (!numbers.is_null(row) && numbers.value<i4>(row) <= 0)
      return Error::make(sqlstate::invalid_argument_for_nth_value, "argument of nth_value must be greater than zero");
  return from_frame(task, [&](std::uint32_t row) { return numbers.is_null(row) ? i8{0} : i8{numbers.value<i4>(row)}; });
}

struct WindowEntry {
  OidList oids;
  WindowFunction function;
};
constexpr WindowEntry window_entries[] = {
    {proc::window_row_number, {&row_number}},
    {proc::window_rank, {&rank}},
    {proc::window_dense_rank, {&dense_rank}},
    {proc::window_percent_rank, {&percent_rank}},
    {proc::window_cume_dist, {&cume_dist}},
    {proc::window_ntile, {&ntile}},
    {proc::window_lag, {&lag}},
    {proc::window_lag_with_offset, {&lag}},
    {proc::window_lag_with_offset_and_default, {&lag, false, true}},
    {proc::window_lead, {&lead}},
    {proc::window_lead_with_offset, {&lead}},
    {proc::window_lead_with_offset_and_default, {&lead, false, true}},
    {proc::window_first_value, {&first_value, true}},
    {proc::window_last_value, {&last_value, true}},
    {proc::window_nth_value, {&nth_value, true}},
};

}  // namespace

const WindowFunction* find_window_function(Oid function) {
  for (const WindowEntry& entry : window_entries)
    for (const std::uint16_t oid : entry.oids)
      if (oid == raw(function)) return &entry.function;
  return nullptr;
}

}  // namespace spg::exec
