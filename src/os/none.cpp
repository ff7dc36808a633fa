#include "spg/os/none/none.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace spg::os {

// --- FixedAlloc -----------------------------------------------------------------------------------------------------

namespace {
constexpr std::size_t alloc_align = 16;
}

FixedAlloc::FixedAlloc(MutableBytes block) {
  const auto at = reinterpret_cast<std::uintptr_t>(block.data());
  const std::size_t skip = std::min<std::size_t>((alloc_align - at % alloc_align) % alloc_align, block.size());
  fresh_ = block.data() + skip;
  end_ = block.data() + block.size();
  limit_bytes_ = block.size() - skip;
}

void* FixedAlloc::allocate(std::size_t bytes) {
  if (bytes > Classes::bytes_max) return nullptr;
  const unsigned index = Classes::of(bytes);
  const std::size_t size = Classes::bytes_of(index);
  void* memory = free_[index];
  if (memory != nullptr) {
    free_[index] = free_[index]->next;
  } else {
    if (static_cast<std::size_t>(end_ - fresh_) < size) return nullptr;
    memory = fresh_;
    fresh_ += size;
  }
  used_bytes_ += size;
  return memory;
}

void FixedAlloc::release(void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  const unsigned index = Classes::of(bytes);
  free_[index] = new (memory) Free{free_[index]};
  used_bytes_ -= Classes::bytes_of(index);
}

// --- RamStorage -----------------------------------------------------------------------------------------------------

namespace {
constexpr char ram_magic[8] = {'S', 'P', 'G', 'R', 'A', 'M', 0, 1};
constexpr std::uint32_t no_page = UINT32_MAX, no_entry = UINT32_MAX;
std::uint32_t pages_of(std::uint64_t bytes) { return static_cast<std::uint32_t>((bytes + RamStorage::page_bytes - 1) / RamStorage::page_bytes); }
}  // namespace

struct RamStorage::Header {
  char magic[8];
  std::uint32_t page_count, free_count;
  std::uint32_t first_free, lives;  // lives: draws numbers for Entry::life
};
struct RamStorage::Entry {
  std::uint64_t size;
  std::uint32_t first;
  std::uint32_t life;  // 0: no file here
  char name[name_bytes_max + 1];
  std::string_view name_view() const { return name; }
};

RamStorage::RamStorage(MutableBytes block) {
  SPG_ASSERT(block.size() >= block_bytes_min && reinterpret_cast<std::uintptr_t>(block.data()) % 8 == 0);
  const std::size_t fixed = sizeof(Header) + file_count_max * sizeof(Entry);
  const auto pages = static_cast<std::uint32_t>(std::min<std::size_t>((block.size() - fixed) / (page_bytes + sizeof(std::uint32_t)), no_page - 1));
  header_ = reinterpret_cast<Header*>(block.data());
  entries_ = reinterpret_cast<Entry*>(header_ + 1);
  links_ = reinterpret_cast<std::uint32_t*>(entries_ + file_count_max);
  pages_ = reinterpret_cast<std::byte*>(links_ + pages);
  if (std::memcmp(header_->magic, ram_magic, sizeof ram_magic) != 0 || header_->page_count != pages) format(pages);
  for (std::uint32_t i = 0; i < file_count_max; ++i) cursors_[i] = {0, entries_[i].first};
}

void RamStorage::format(std::uint32_t pages) {
  std::memcpy(header_->magic, ram_magic, sizeof ram_magic);
  header_->page_count = header_->free_count = pages;
  header_->first_free = pages == 0 ? no_page : 0;
  header_->lives = 0;
  for (std::uint32_t i = 0; i < file_count_max; ++i) new (&entries_[i]) Entry{0, no_page, 0, {}};
  for (std::uint32_t i = 0; i < pages; ++i) links_[i] = i + 1 == pages ? no_page : i + 1;
}

std::uint64_t RamStorage::free_bytes() const { return std::uint64_t{header_->free_count} * page_bytes; }

std::uint32_t RamStorage::find(std::string_view path) const {
  for (std::uint32_t i = 0; i < file_count_max; ++i)
    if (entries_[i].life != 0 && entries_[i].name_view() == path) return i;
  return no_entry;
}

RamStorage::Entry* RamStorage::live(const RamFile& file) const {
  Entry& entry = entries_[file.entry_];
  return entry.life == file.life_ ? &entry : nullptr;
}

Result<RamFile> RamStorage::open(std::string_view path, policy::OpenMode mode) {
  std::uint32_t at = find(path);
  if (mode == policy::OpenMode::create) {
    if (at != no_entry) return Error::make(sqlstate::duplicate_file, "file \"", path, "\" exists");
    if (path.size() > name_bytes_max) return Error::make(sqlstate::invalid_name, "file name \"", path, "\" is too long");
    for (at = 0; at < file_count_max && entries_[at].life != 0; ++at) {}
    if (at == file_count_max) return Error::make(sqlstate::disk_full, "could not create file \"", path, "\": no room for more files");
    Entry& entry = entries_[at];
    entry.size = 0;
    entry.first = no_page;
    std::memcpy(entry.name, path.data(), path.size());
    entry.name[path.size()] = '\0';
    cursors_[at] = {0, no_page};
    entry.life = ++header_->lives;
  }
  if (at == no_entry) return Error::make(sqlstate::undefined_file, "could not open file \"", path, "\": it does not exist");
  return RamFile(*this, at, entries_[at].life);
}

void RamStorage::drop(std::uint32_t entry) {
  shrink(entry, 0);
  entries_[entry].life = 0;
}

Status RamStorage::remove(std::string_view path) {
  const std::uint32_t at = find(path);
  if (at == no_entry) return Error::make(sqlstate::undefined_file, "could not remove file \"", path, "\"");
  drop(at);
  return ok();
}

Status RamStorage::rename(std::string_view from, std::string_view to) {
  const std::uint32_t at = find(from), other = find(to);
  if (at == no_entry) return Error::make(sqlstate::undefined_file, "could not rename file \"", from, "\"");
  if (to.size() > name_bytes_max) return Error::make(sqlstate::invalid_name, "file name \"", to, "\" is too long");
  if (other == at) return ok();
  if (other != no_entry) drop(other);
  std::memcpy(entries_[at].name, to.data(), to.size());
  entries_[at].name[to.size()] = '\0';
  return ok();
}

Status RamStorage::list(std::string_view path, FunctionRef<void(std::string_view)> visit) {
  for (std::uint32_t i = 0; i < file_count_max; ++i) {
    const std::string_view name = entries_[i].name_view();
    if (entries_[i].life != 0 && name.size() > path.size() + 1 && name.starts_with(path) && name[path.size()] == '/') visit(name.substr(path.size() + 1));
  }
  return ok();
}

/// The number of a file's `index`-th page. Requires: the file has it.
std::uint32_t RamStorage::page_at(std::uint32_t entry, std::uint32_t index) {
  Cursor& cursor = cursors_[entry];
  if (index < cursor.index || cursor.page == no_page) cursor = {0, entries_[entry].first};
  while (cursor.index < index) cursor = {cursor.index + 1, links_[cursor.page]};
  return cursor.page;
}

/// Calls copy(bytes of a page, offset in the range) for each piece of the range. Requires: within the file.
template <class Copy>
void RamStorage::walk(std::uint32_t entry, std::uint64_t at, std::size_t bytes, Copy copy) {
  for (std::size_t done = 0; done < bytes;) {
    const std::uint64_t place = at + done;
    const auto within = static_cast<std::size_t>(place % page_bytes);
    const std::size_t take = std::min(bytes - done, page_bytes - within);
    copy(MutableBytes(page(page_at(entry, static_cast<std::uint32_t>(place / page_bytes))) + within, take), done);
    done += take;
  }
}

/// Extends a file with zeros; 53100 and nothing done when the pages do not suffice.
Status RamStorage::grow(std::uint32_t entry_number, std::uint64_t bytes) {
  Entry& entry = entries_[entry_number];
  std::uint32_t have = pages_of(entry.size);
  if (bytes / page_bytes >= header_->page_count + std::uint64_t{1} || pages_of(bytes) - have > header_->free_count)
    return Error::make(sqlstate::disk_full, "could not extend file \"", entry.name_view(), "\": no free pages");
  const auto zero = [](MutableBytes piece, std::size_t) { std::memset(piece.data(), 0, piece.size()); };
  const std::uint64_t tail_end = std::min<std::uint64_t>(bytes, std::uint64_t{have} * page_bytes);
  walk(entry_number, entry.size, static_cast<std::size_t>(tail_end - entry.size), zero);
  std::uint32_t last = have == 0 ? no_page : page_at(entry_number, have - 1);
  for (const std::uint32_t want = pages_of(bytes); have < want; ++have) {
    const std::uint32_t fresh = header_->first_free;
    header_->first_free = links_[fresh];
    --header_->free_count;
    links_[fresh] = no_page;
    std::memset(page(fresh), 0, page_bytes);
    (last == no_page ? entry.first : links_[last]) = fresh;
    last = fresh;
  }
  entry.size = bytes;
  return ok();
}

void RamStorage::shrink(std::uint32_t entry_number, std::uint64_t bytes) {
  Entry& entry = entries_[entry_number];
  const std::uint32_t keep = pages_of(bytes), have = pages_of(entry.size);
  if (keep < have) {
    std::uint32_t* link = &entry.first;
    if (keep != 0) link = &links_[page_at(entry_number, keep - 1)];
    const std::uint32_t first = *link, last = page_at(entry_number, have - 1);
    *link = no_page;
    links_[last] = header_->first_free;
    header_->first_free = first;
    header_->free_count += have - keep;
  }
  entry.size = bytes;
  cursors_[entry_number] = {0, entry.first};
}

namespace {
Error file_is_gone() { return Error::make(sqlstate::io_error, "the file was removed"); }
}  // namespace

Status RamFile::read_at(std::uint64_t at, MutableBytes into) {
  const RamStorage::Entry* entry = storage_->live(*this);
  if (entry == nullptr) return file_is_gone();
  if (at > entry->size || entry->size - at < into.size()) return Error::make(sqlstate::io_error, "could not read file: it ends at ", entry->size);
  storage_->walk(entry_, at, into.size(), [&](MutableBytes piece, std::size_t done) { std::memcpy(into.data() + done, piece.data(), piece.size()); });
  return ok();
}
Status RamFile::write_at(std::uint64_t at, Bytes from) {
  const RamStorage::Entry* entry = storage_->live(*this);
  if (entry == nullptr) return file_is_gone();
  if (entry->size < at + from.size()) SPG_TRY(storage_->grow(entry_, at + from.size()));
  storage_->walk(entry_, at, from.size(), [&](MutableBytes piece, std::size_t done) { std::memcpy(piece.data(), from.data() + done, piece.size()); });
  return ok();
}
Result<std::uint64_t> RamFile::size() {
  const RamStorage::Entry* entry = storage_->live(*this);
  if (entry == nullptr) return file_is_gone();
  return entry->size;
}
Status RamFile::resize(std::uint64_t bytes) {
  const RamStorage::Entry* entry = storage_->live(*this);
  if (entry == nullptr) return file_is_gone();
  if (bytes > entry->size) return storage_->grow(entry_, bytes);
  storage_->shrink(entry_, bytes);
  return ok();
}

// --- SeededRandom ---------------------------------------------------------------------------------------------------

void SeededRandom::fill(MutableBytes into) {
  std::byte call[8];
  store_le(call, ++calls_);
  crypto::Blake3::keyed(key_).update(call).finish(into);
}

}  // namespace spg::os
