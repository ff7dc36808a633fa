// Chunk: one column of a block, an array of values and a validity bitmap; and the heaps that hold its long strings.
//
// Chunk image (Kind::chunk): header | ChunkState | validity words | values | heap slots (the child array). The header's
// `claimed` counts the rows whose places have been claimed by appends; what a reader may look at is told by its block.
//   Appending in place (DESIGN 1.3): the writer moves `claimed` from n to n+k by compare-exchange and writes past n; readers
//   of older versions never look there. When that fails, or the chunk is sealed (a checkpoint reads it), it is copied.
// Heap image (Kind::heap): header | bytes; `claimed` = bytes used. Heaps are shared by the copies of a chunk and only grow.
// Values longer than 4 KiB have a heap object of their own; longer than an object: a directory (Kind::large) of pieces.
#pragma once
#include <cstring>

#include "spg/base/arena.hpp"
#include "spg/store/objects.hpp"
#include "spg/type/vector.hpp"

namespace spg::table {

using type::Physical;
using type::StringRef;

inline constexpr std::uint32_t block_rows = type::batch_rows_max;
inline constexpr std::uint32_t own_heap_bytes = 4 * 1024;       ///< bodies above this get an object of their own
inline constexpr std::uint32_t heap_bytes_max = 32 * 1024;      ///< usual size of a shared heap that has grown up
inline constexpr std::uint32_t piece_bytes_max = 60 * 1024;     ///< of a value that is split
inline constexpr std::uint32_t directory_pieces_max = 4096;

struct ChunkState {
  std::uint16_t capacity;        ///< rows: 16, 64, 256 or 1024
  Physical physical;
  std::uint8_t reserved;
  std::uint16_t heap_count;      ///< used child slots; grows in place together with `claimed`
  std::uint16_t reserved2;
  std::uint32_t dead_heap_bytes; ///< of strings overwritten since the heaps were last rewritten
  std::uint32_t reserved3;
};
static_assert(sizeof(ChunkState) == 16);

constexpr std::uint32_t chunk_capacity_for(std::uint32_t rows) { return rows <= 16 ? 16 : rows <= 64 ? 64 : rows <= 256 ? 256 : 1024; }
constexpr std::uint32_t chunk_words(std::uint32_t capacity) { return capacity <= 64 ? 2 : capacity / 64; }
constexpr std::uint32_t chunk_values_at(std::uint32_t capacity) {
  return static_cast<std::uint32_t>(sizeof(store::Image) + sizeof(ChunkState)) + chunk_words(capacity) * 8;
}
constexpr std::uint32_t chunk_children_at(std::uint32_t capacity, Physical physical) {
  return (chunk_values_at(capacity) + capacity * static_cast<std::uint32_t>(type::physical_bytes(physical)) + 15) & ~15u;
}

inline ChunkState& chunk_state(store::Image* image) { return *image->payload<ChunkState>(); }
inline const ChunkState& chunk_state(const store::Image* image) { return *image->payload<ChunkState>(); }
inline std::uint64_t* chunk_validity(store::Image* image) { return reinterpret_cast<std::uint64_t*>(&chunk_state(image) + 1); }
inline const std::uint64_t* chunk_validity(const store::Image* image) { return reinterpret_cast<const std::uint64_t*>(&chunk_state(image) + 1); }
inline std::byte* chunk_values(store::Image* image) { return reinterpret_cast<std::byte*>(image) + chunk_values_at(chunk_state(image).capacity); }
inline const std::byte* chunk_values(const store::Image* image) {
  return reinterpret_cast<const std::byte*>(image) + chunk_values_at(chunk_state(image).capacity);
}

template <class Scope>
Result<store::Cell*> make_chunk(Scope& scope, Physical physical, std::uint32_t capacity, std::uint16_t heap_slots) {
  const std::uint32_t children_at = chunk_children_at(capacity, physical);
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::chunk, children_at + heap_slots * 8u, heap_slots, children_at));
  ChunkState& state = chunk_state(Scope::ObjectsOf::image_of(cell));
  state.capacity = static_cast<std::uint16_t>(capacity);
  state.physical = physical;
  return cell;
}

/// A chunk of another capacity or with more heap slots that holds the first `rows` of the old one, whose place it takes.
/// `last_validity`: the word of the last rows, if they do not fill one. Another may be writing to that of the old chunk.
template <class Scope>
Status resize_chunk(Scope& scope, store::Cell*& slot, std::uint32_t rows, std::uint32_t capacity, std::uint16_t heap_slots, std::uint64_t last_validity) {
  const store::Image* old = Scope::ObjectsOf::image_of(slot);
  const ChunkState& from = chunk_state(old);
  SPG_ASSIGN(store::Cell * cell, make_chunk(scope, from.physical, capacity, heap_slots));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  ChunkState& to = chunk_state(image);
  image->table = old->table;
  image->part = old->part;
  image->place = old->place;
  image->claimed.store(rows, std::memory_order_relaxed);
  to.heap_count = from.heap_count;
  to.dead_heap_bytes = from.dead_heap_bytes;
  std::memcpy(chunk_validity(image), chunk_validity(old), rows / 64 * 8);
  if (rows % 64 != 0) chunk_validity(image)[rows / 64] = last_validity;
  if (rows != 0) std::memcpy(chunk_values(image), chunk_values(old), rows * type::physical_bytes(from.physical));
  if (from.heap_count != 0) std::memcpy(image->child_array(), old->child_array(), from.heap_count * sizeof(store::Cell*));
  SPG_TRY(scope.retire(slot));
  slot = cell;
  return ok();
}

template <class Scope>
Result<store::Cell*> make_heap(Scope& scope, std::uint32_t bytes) {
  const std::uint32_t image_bytes = (static_cast<std::uint32_t>(sizeof(store::Image)) + bytes + 7) & ~7u;
  return scope.make(store::Kind::heap, image_bytes, 0, image_bytes);
}

/// Writes a value that is larger than an object as a tree of pieces.
template <class Scope>
Result<store::Cell*> make_large(Scope& scope, std::string_view bytes, std::uint64_t piece_bytes) {
  const std::size_t count = (bytes.size() + piece_bytes - 1) / piece_bytes;
  if (count > directory_pieces_max) return make_large(scope, bytes, piece_bytes * directory_pieces_max);
  const std::uint32_t children_at = sizeof(store::Image) + 8;
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::large, static_cast<std::uint32_t>(children_at + count * 8), static_cast<std::uint16_t>(count), children_at));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  *image->template payload<std::uint64_t>() = bytes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view piece = bytes.substr(i * piece_bytes, piece_bytes);
    if (piece_bytes > piece_bytes_max) {
      SPG_ASSIGN(image->child_array()[i], make_large(scope, piece, piece_bytes / directory_pieces_max));
    } else {
      SPG_ASSIGN(image->child_array()[i], make_heap(scope, static_cast<std::uint32_t>(piece.size())));
      store::Image* heap = Scope::ObjectsOf::image_of(image->child_array()[i]);
      std::memcpy(heap->template payload<char>(), piece.data(), piece.size());
      heap->claimed.store(static_cast<std::uint32_t>(piece.size()), std::memory_order_relaxed);
    }
  }
  return cell;
}

/// What is known of the strings that come behind one: how much room a new heap should have.
struct HeapNeed {
  std::uint32_t batch_bytes = 0;  ///< of this one and those that come with it
  bool appends = false;           ///< they are behind all rows of the block
};

/// The room of a chunk's next shared heap. They double, up to what a full block is likely to need.
inline std::uint32_t next_heap_bytes(const store::Image* chunk, std::uint32_t rows, std::uint32_t length, const HeapNeed& need) {
  const std::uint16_t heaps = chunk_state(chunk).heap_count;
  std::uint64_t growth = 1024, held = 0;
  for (std::uint16_t i = 0; i < heaps; ++i) {
    const store::Image* heap = chunk->child_array()[i]->image.load(std::memory_order_acquire);
    if (heap == nullptr || heap->kind != store::Kind::heap) continue;
    held += heap->claimed.load(std::memory_order_relaxed);
    if (i + 1 == heaps) growth = heap->bytes * std::uint64_t{2};
  }
  growth = std::max(growth, length * std::uint64_t{4});
  if (need.appends) {
    const std::uint64_t left = (held + length) * (block_rows - rows) / (rows + 1);
    growth = std::min(growth, left + left / 16);
  }
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(std::max<std::uint64_t>(growth, need.batch_bytes), length, heap_bytes_max));
}

/// Puts a long string into the chunk's heaps; `chunk_slot` holds a chunk that the scope may write (it is replaced when
/// it has no heap slot left). `rows` = rows of the chunk that must survive such a replacement.
template <class Scope>
Result<StringRef> store_string(Scope& scope, store::Cell*& chunk_slot, std::uint32_t rows, std::string_view text, const HeapNeed& need = {}) {
  StringRef ref(text);
  if (ref.is_inline()) return ref;
  store::Image* chunk = Scope::ObjectsOf::image_of(chunk_slot);
  const std::uint16_t heaps = chunk_state(chunk).heap_count;
  const auto length = static_cast<std::uint32_t>(text.size());
  if (length <= own_heap_bytes) {
    // Newest first: the last two heaps may have room (a value of its own may have come after the shared one).
    for (std::uint16_t back = 1; back <= heaps && back <= 2; ++back) {
      store::Cell* cell = chunk->child_array()[heaps - back];
      store::Image* heap = cell->image.load(std::memory_order_acquire);
      if (heap == nullptr || heap->kind != store::Kind::heap || scope.objects().is_sealed(*cell) || cell->has_address()) continue;
      if (!scope.appends_to_shared() && !scope.owns(*cell)) continue;
      std::uint32_t used = heap->claimed.load(std::memory_order_relaxed);
      if (heap->bytes - sizeof(store::Image) - used < length) continue;
      if (!heap->claimed.compare_exchange_strong(used, used + length, std::memory_order_relaxed)) continue;
      std::memcpy(heap->template payload<char>() + used, text.data(), length);
      ref.place = {static_cast<std::uint32_t>(heaps - back), used};
      return ref;
    }
  }
  // A new heap goes only into a chunk of the scope's own: undoing the scope frees the heap, and a shared chunk would be
  // left with a dead reference.
  if (heaps == chunk->children || !scope.owns(*chunk_slot)) {
    std::uint32_t slots = chunk->children;
    if (heaps == slots) slots = heaps == 0 ? 4 : heaps * 2u;
    const std::uint32_t claimed = chunk->claimed.load(std::memory_order_relaxed);
    SPG_TRY(resize_chunk(scope, chunk_slot, rows, chunk_state(chunk).capacity, static_cast<std::uint16_t>(slots > 2 * block_rows ? 2 * block_rows : slots),
                         rows % 64 == 0 ? 0 : chunk_validity(chunk)[rows / 64]));
    chunk = Scope::ObjectsOf::image_of(chunk_slot);
    chunk->claimed.store(claimed, std::memory_order_relaxed);
    if (heaps == chunk->children) return Error::make(sqlstate::program_limit_exceeded, "too many large values in one block");
  }
  store::Cell* cell;
  if (length > piece_bytes_max) {
    SPG_ASSIGN(cell, make_large(scope, text, piece_bytes_max));
  } else {
    const std::uint32_t size = length <= own_heap_bytes ? next_heap_bytes(chunk, rows, length, need) : length;
    SPG_ASSIGN(cell, make_heap(scope, size));
    store::Image* heap = Scope::ObjectsOf::image_of(cell);
    std::memcpy(heap->template payload<char>(), text.data(), length);
    heap->claimed.store(length, std::memory_order_relaxed);
  }
  store::Image* of_heap = Scope::ObjectsOf::image_of(cell);
  of_heap->table = chunk->table;
  of_heap->part = chunk->part;
  of_heap->place = chunk->place;
  chunk->child_array()[heaps] = cell;
  chunk_state(chunk).heap_count = static_cast<std::uint16_t>(heaps + 1);
  ref.place = {heaps, 0};
  return ref;
}

inline Error heap_missing(const StringRef& ref, std::uint32_t heaps) {
  return Error::make(sqlstate::data_corrupted, "a string refers to heap ", ref.place.heap, " of ", heaps);
}
/// Whether the heap holds all bytes of a long string.
inline bool heap_holds(const store::Image* heap, const StringRef& ref) {
  return std::uint64_t{ref.place.offset} + ref.size <= heap->bytes - sizeof(store::Image);
}
inline Error string_outside_heap(const StringRef& ref) {
  return Error::make(sqlstate::data_corrupted, "a string of ", ref.size, " bytes at ", ref.place.offset, " does not lie in its heap");
}

/// Once most heap bytes belong to overwritten strings: moves the live strings of mostly dead heaps into new ones and
/// retires those. `alive(slot)` says which rows count. The chunk must be the scope's own.
template <class Scope, class Alive>
Status rewrite_heaps(Scope& scope, store::Cell*& chunk_slot, std::uint32_t rows, Alive alive, store::Access access) {
  store::Image* chunk = Scope::ObjectsOf::image_of(chunk_slot);
  const std::uint16_t heaps = chunk_state(chunk).heap_count;
  std::uint32_t total = 0, live[2 * block_rows] = {};
  for (std::uint16_t i = 0; i < heaps; ++i) {
    SPG_ASSIGN(const store::Image* heap, scope.objects().read(chunk->child_array()[i], access));
    total += heap->kind == store::Kind::heap ? heap->claimed.load(std::memory_order_relaxed) : piece_bytes_max;
  }
  if (chunk_state(chunk).dead_heap_bytes < 8 * 1024 || chunk_state(chunk).dead_heap_bytes < total / 2) return ok();
  auto* refs = reinterpret_cast<StringRef*>(chunk_values(chunk));
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (!alive(row)) refs[row] = StringRef{};
    else if (refs[row].is_inline()) continue;
    else if (refs[row].place.heap >= heaps) return heap_missing(refs[row], heaps);
    else live[refs[row].place.heap] += refs[row].size;
  }
  constexpr std::uint32_t moved = UINT32_MAX;
  std::uint32_t renumbered[2 * block_rows];
  store::Cell* dropped[2 * block_rows];
  std::uint16_t kept = 0, drop_count = 0;
  for (std::uint16_t i = 0; i < heaps; ++i) {
    store::Cell* cell = chunk->child_array()[i];
    const store::Image* heap = Scope::ObjectsOf::image_of(cell);
    const bool keep = heap->kind == store::Kind::large ? live[i] != 0 : live[i] >= heap->claimed.load(std::memory_order_relaxed) / 2 && live[i] != 0;
    renumbered[i] = keep ? kept : moved;
    if (keep) chunk->child_array()[kept++] = cell;
    else dropped[drop_count++] = cell;
  }
  for (std::uint16_t i = kept; i < heaps; ++i) chunk->child_array()[i] = nullptr;
  chunk_state(chunk).heap_count = kept;
  chunk_state(chunk).dead_heap_bytes = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    refs = reinterpret_cast<StringRef*>(chunk_values(Scope::ObjectsOf::image_of(chunk_slot)));
    if (refs[row].is_inline()) continue;
    const std::uint32_t heap_index = refs[row].place.heap;
    if (renumbered[heap_index] != moved) { refs[row].place.heap = renumbered[heap_index]; continue; }
    store::Cell* from = nullptr;  // the heap_index-th of the dropped, in order
    for (std::uint32_t i = 0, nth = 0; i <= heap_index; ++i)
      if (renumbered[i] == moved) from = dropped[nth++];
    const store::Image* heap = Scope::ObjectsOf::image_of(from);
    if (!heap_holds(heap, refs[row])) return string_outside_heap(refs[row]);
    const std::string_view text{heap->template payload<char>() + refs[row].place.offset, refs[row].size};
    SPG_ASSIGN(const StringRef stored, store_string(scope, chunk_slot, rows, text));
    reinterpret_cast<StringRef*>(chunk_values(Scope::ObjectsOf::image_of(chunk_slot)))[row] = stored;
  }
  for (std::uint16_t i = 0; i < drop_count; ++i) SPG_TRY(scope.retire(dropped[i], true));
  return ok();
}

/// How many bytes the pieces of a split value hold.
template <class Objects>
Result<std::uint64_t> large_bytes(Objects& objects, store::Cell* cell, store::Access access) {
  SPG_ASSIGN(const store::Image* image, objects.read(cell, access));
  if (image->kind == store::Kind::heap) return std::uint64_t{image->claimed.load(std::memory_order_relaxed)};
  std::uint64_t bytes = 0;
  for (std::uint16_t i = 0; i < image->children; ++i) {
    SPG_ASSIGN(const std::uint64_t piece, large_bytes(objects, image->child_array()[i], access));
    bytes += piece;
  }
  return bytes;
}

/// Copies the bytes of a split value, large_bytes() of them, to `to`; returns past the end.
template <class Objects>
Result<char*> read_large(Objects& objects, store::Cell* cell, char* to, store::Access access) {
  SPG_ASSIGN(const store::Image* image, objects.read(cell, access));
  if (image->kind == store::Kind::heap) {
    const std::uint32_t used = image->claimed.load(std::memory_order_relaxed);
    std::memcpy(to, image->payload<char>(), used);
    return to + used;
  }
  for (std::uint16_t i = 0; i < image->children; ++i) {
    SPG_ASSIGN(to, read_large(objects, image->child_array()[i], to, access));
  }
  return to;
}

/// Turns a stored reference into one with a pointer (into the heap's image, or, for split values, into the arena).
template <class Objects>
Result<StringRef> load_string(Objects& objects, const store::Image* chunk, StringRef ref, Arena& arena, store::Access access) {
  if (ref.is_inline()) return ref;
  const std::uint32_t heaps = chunk_state(chunk).heap_count;
  if (ref.place.heap >= heaps) return heap_missing(ref, heaps);
  store::Cell* cell = chunk->child_array()[ref.place.heap];
  SPG_ASSIGN(const store::Image* heap, objects.read(cell, access));
  if (heap->kind == store::Kind::heap) {
    if (!heap_holds(heap, ref)) return string_outside_heap(ref);
    ref.pointer = heap->payload<char>() + ref.place.offset;
    return ref;
  }
  // What is allocated is what is there, not what the reference says.
  SPG_ASSIGN(const std::uint64_t bytes, large_bytes(objects, cell, access));
  if (bytes != ref.size)
    return Error::make(sqlstate::data_corrupted, "the pieces of a string of ", ref.size, " bytes hold ", bytes);
  auto* body = static_cast<char*>(arena.try_allocate(ref.size));
  if (body == nullptr) return Error::out_of_memory();
  SPG_TRY(read_large(objects, cell, body, access).status());
  ref.pointer = body;
  return ref;
}

}  // namespace spg::table
