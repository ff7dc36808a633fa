#pragma once
#include <algorithm>
#include <cstdio>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/backup.hpp"
#include "spg/store/segment.hpp"

namespace spg::store {

template <class O, policy::Storage St, policy::Sync Sy>
Segments<O, St, Sy>::Segments(O& objects, St& storage, std::string_view directory, const ImageRules& rules)
    : objects_(&objects), storage_(&storage), rules_(&rules) {
  const std::size_t bytes = std::min(directory.size(), sizeof directory_ - 1);
  std::memcpy(directory_, directory.data(), bytes);
  directory_[bytes] = '\0';
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::file_name(char (&name)[512], std::uint32_t segment) const {
  write_segment_name(name, directory_, segment);
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::adopt(std::span<const SegmentInfo> segments) {
  policy::LockGuard lock(segments_mutex_);
  for (const SegmentInfo& segment : segments) {
    if (!segments_.push_back(segment)) return Error::out_of_memory();
    if (segment.number > output_number_) output_number_ = segment.number;
    total_bytes_.fetch_add(segment.bytes);
    live_bytes_.fetch_add(segment.live_bytes);
  }
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Segments<O, St, Sy>::~Segments() {
  while (open_files_ != nullptr) delete std::exchange(open_files_, open_files_->next);
}

/// The file stays open: what is read from it is read without a lock.
template <class O, policy::Storage St, policy::Sync Sy>
auto Segments<O, St, Sy>::file_of(std::uint32_t segment, Access access) -> Result<OpenFile*> {
  policy::LockGuard lock(mutex_);
  for (OpenFile** link = &open_files_; *link != nullptr; link = &(*link)->next) {
    OpenFile* found = *link;
    if (found->number != segment) continue;
    *link = found->next;
    found->next = open_files_;
    open_files_ = found;
    return found;
  }
  if (access == Access::no_wait) return Error::would_block();
  SPG_ASSIGN(SegmentFile<File> found, open_to_copy(segment));
  std::byte header[segment_header_used_bytes];
  SPG_TRY(found.file.read_at(found.offset, header));
  SPG_ASSIGN(const std::uint8_t version, check_segment_header(header, segment));
  auto* opened = new (std::nothrow) OpenFile{segment, version, found.offset, std::move(found.file), open_files_};
  if (opened == nullptr) return Error::out_of_memory();
  return open_files_ = opened;
}

template <class O, policy::Storage St, policy::Sync Sy>
auto Segments<O, St, Sy>::open_to_copy(std::uint32_t segment) const -> Result<SegmentFile<File>> {
  SegmentFile<File> opened;
  SegmentPlace place;
  if (backup_ == nullptr) file_name(place.name, segment);
  else if (!backup_->find(segment, place)) return Error::make(sqlstate::data_corrupted, "the backup has no segment ", segment);
  SPG_ASSIGN(opened.file, storage_->open(std::string_view(place.name), policy::OpenMode::read));
  opened.offset = place.offset;
  return opened;
}

/// A record as it lies in its file, its checksum and birth looked at.
template <class O, policy::Storage St, policy::Sync Sy>
struct Segments<O, St, Sy>::Record {
  Address address;
  std::uint8_t version = 0, encoding = 0;
  Kind kind = Kind::none;
  std::uint16_t children = 0;
  std::uint32_t image_bytes = 0, children_at = 0;
  RecordBuffer bytes;
  Bytes body() const { return bytes.bytes().subspan(record_header_bytes); }
  Error damaged(const char* what) const {
    return Error::make(sqlstate::data_corrupted, "object in segment ", address.segment, " at ", address.offset, " is damaged: ", what);
  }
};

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::read_record(Address address, Generation birth, Record& record, Access access) {
  record.address = address;
  if (address.length < record_header_bytes || address.length > record_bytes_max) return record.damaged("length");
  std::byte* at = record.bytes.extend(address.length);
  if (at == nullptr) return Error::out_of_memory();
  SPG_ASSIGN(OpenFile * opened, file_of(address.segment, access));
  const std::uint64_t place = opened->offset + address.offset;
  if (access == Access::wait) {
    SPG_TRY(opened->file.read_at(place, {at, address.length}));
  } else {
    SPG_ASSIGN(const bool was_there, opened->file.read_now(place, {at, address.length}));
    if (!was_there) return Error::would_block();
  }
  record.version = opened->version;
  if (load_le<std::uint32_t>(at + 4) != address.length ||
      load_le<std::uint32_t>(at) != crypto::crc32c(place_seed(address.segment, address.offset), {at + 4, address.length - 4}))
    return record.damaged("checksum");
  record.image_bytes = load_le<std::uint32_t>(at + 8);
  record.children = load_le<std::uint16_t>(at + 12);
  record.kind = static_cast<Kind>(at[14]);
  record.encoding = static_cast<std::uint8_t>(at[15]);
  record.children_at = load_le<std::uint32_t>(at + 16);
  // A record that a lost write has left in place, of an earlier use of the segment's number. (What the manifest says of a
  // root is its version's generation.)
  if (record.kind != Kind::root && load_le<std::uint64_t>(at + 40) != raw(birth)) return record.damaged("birth");
  if (record.image_bytes < sizeof(Image) || record.image_bytes > object_bytes_max || record.children_at % 8 != 0 || record.children_at < sizeof(Image) ||
      record.children_at + std::uint64_t{record.children} * 8 > record.image_bytes)
    return record.damaged("shape");
  return record.version == 1 && record.encoding != 0 ? record.damaged("encoding") : ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::will_load(const Cell& cell) {
  const Address address = cell.where();
  if (auto opened = file_of(address.segment, Access::wait)) (*opened)->file.will_read((*opened)->offset + address.offset, address.length);
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::load(Cell& cell, Access access) {
  Record record;
  SPG_TRY(read_record(cell.where(), cell.birth, record, access));
  const std::byte* const at = record.bytes.data();
  Image* image = objects_->make_image(record.image_bytes);
  if (image == nullptr) return Error::out_of_memory();
  std::memset(static_cast<void*>(image), 0, record.image_bytes);
  image->bytes = record.image_bytes;
  image->children = record.children;
  image->kind = record.kind;
  image->children_at = record.children_at;
  image->claimed.store(load_le<std::uint32_t>(at + 20), std::memory_order_relaxed);
  image->table = load_le<std::uint32_t>(at + 24);
  image->part = load_le<std::uint32_t>(at + 28);
  image->place = load_le<std::uint64_t>(at + 32);
  auto give_up = [&](Error error) {
    objects_->alloc().release(image, record.image_bytes);
    return error;
  };
  ByteReader reader(record.body());
  if (record.encoding == 0) {
    const Bytes head = reader.bytes(record.children_at - sizeof(Image));
    if (!reader.ok()) return give_up(record.damaged("truncated"));
    std::memcpy(static_cast<void*>(image + 1), head.data(), head.size());
  }
  Array<Reference> references;
  ChildSlots slots;
  auto read = read_references(reader, record, references, slots);
  if (!read) return give_up(read.take_error());
  if (*read != nullptr) return give_up(record.damaged(*read));
  if (record.encoding == 0) {
    const std::uint32_t tail_at = record.children_at + record.children * 8u;
    const Bytes tail = reader.bytes(record.image_bytes - tail_at);
    if (!reader.at_end()) return give_up(record.damaged("length"));
    if (!tail.empty()) std::memcpy(reinterpret_cast<std::byte*>(image) + tail_at, tail.data(), tail.size());
  } else if (const char* fault = rules_->decode(record.encoding, reader.rest(), *image)) {
    return give_up(record.damaged(fault));
  }
  if (const char* fault = rules_->fault(*image, cell.expected, slots)) return give_up(record.damaged(fault));
  const std::span<const Reference> children(references.data(), references.size());
  if (!lies_within(children, cell.below.load(std::memory_order_relaxed) | set_of(record.address.segment))) return give_up(record.damaged("segments of its children"));
  if (Status failed = adopt_children(cell, image, children)) return give_up(std::move(failed));
  cell.expected = {};
  cell.clear(Cell::childless);
  cell.image.store(image, std::memory_order_release);
  return ok();
}

/// What a compaction leaves alone must not hide what it has to move.
template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::lies_within(std::span<const Reference> references, SegmentSet promised) {
  SegmentSet found = 0;
  for (const Reference& one : references) found |= set_of(one.child.segment) | one.below;
  return (found & ~promised) == 0;
}

/// All references are read before the first cell is made; gives what is wrong with them, or null. Children were written before
/// their parents, and no two slots share one: a record that says otherwise would make a circle, or an object with two owners.
template <class O, policy::Storage St, policy::Sync Sy>
Result<const char*> Segments<O, St, Sy>::read_references(ByteReader& reader, const Record& record, Array<Reference>& references, ChildSlots& slots) const {
  std::uint64_t slot = 0;
  const Address& address = record.address;
  for (std::uint64_t left = reader.varint(); left != 0 && reader.ok(); --left) {
    slot += reader.varint();
    Reference one{slot, {}, {}, ~SegmentSet{0}};
    one.child.segment = static_cast<std::uint32_t>(reader.varint());
    one.child.length = static_cast<std::uint32_t>(reader.varint());
    one.child.offset = reader.varint();
    one.birth = Generation{reader.varint()};
    if (record.version >= 3) one.below = reader.varint();
    const bool is_before = one.child.segment < address.segment || (one.child.segment == address.segment && one.child.offset < address.offset);
    if (!reader.ok() || slot >= record.children || !one.child.exists() || !is_before || one.child.offset >> 40 != 0 ||
        (!references.empty() && references.back().slot == slot)) return "child reference";
    if (!references.push_back(one)) return Error::out_of_memory();
    slots.set(static_cast<std::size_t>(slot));
  }
  return reader.ok() ? nullptr : "truncated";
}

/// Gives the image the cells of its children: makes them, or finds those that an eviction has left.
template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::adopt_children(Cell& cell, Image* image, std::span<const Reference> references) {
  const bool is_first = cell.has(Cell::childless);
  for (std::size_t done = 0; done < references.size(); ++done) {
    const Reference& one = references[done];
    Cell*& child = image->child_array()[one.slot];
    if (is_first) {
      auto claimed = objects_->claim(one.child, one.birth, rules_->child(*image, cell.expected, one.slot), one.below);
      if (claimed) { child = *claimed; continue; }
      while (done != 0) objects_->disown(image->child_array()[references[--done].slot]);
      return claimed.take_error();
    }
    child = objects_->find(one.child);
    if (child == nullptr)
      return Error::make(sqlstate::data_corrupted, "object in segment ", one.child.segment, " at ", one.child.offset, " is referred to by a record that has changed");
  }
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::open_output() {
  // Numbers are never used twice: a file left by a crash is skipped.
  char name[512];
  for (;;) {
    file_name(name, ++output_number_);
    if (apart_[0] != '\0') write_apart_name(name, apart_, output_number_);
    auto made = storage_->open(name, policy::OpenMode::create);
    if (made) { output_ = std::move(*made); break; }
    if (made.error().code() != sqlstate::duplicate_file) return made.take_error();
  }
  {
    policy::LockGuard lock(segments_mutex_);
    if (!segments_.push_back({output_number_, 0, 0})) return Error::out_of_memory();
  }
  buffer_.clear();
  buffer_start_ = 0;
  std::byte* header = buffer_.extend(segment_header_bytes);
  if (header == nullptr) return Error::out_of_memory();
  std::memset(header, 0, segment_header_bytes);
  write_segment_header(header, output_number_);
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::flush_output() {
  SPG_TRY(output_.write_at(buffer_start_, buffer_.bytes()));
  buffer_start_ += buffer_.size();
  buffer_.clear();
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::write_reference(const Reference& one, std::uint64_t slot_before) {
  return buffer_.add_varint(one.slot - slot_before) && buffer_.add_varint(one.child.segment) && buffer_.add_varint(one.child.length) &&
         buffer_.add_varint(one.child.offset) && buffer_.add_varint(raw(one.birth)) && buffer_.add_varint(one.below);
}

template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::write_references(const Image* image) {
  std::uint64_t count = 0, before = 0;
  for (std::uint16_t i = 0; i < image->children; ++i) count += image->child_array()[i] != nullptr;
  bool fits = buffer_.add_varint(count);
  for (std::uint16_t i = 0; i < image->children; ++i) {
    const Cell* child = image->child_array()[i];
    if (child == nullptr) continue;
    fits = fits && write_reference({i, planned(child), child->birth, below(*child)}, before);
    before = i;
  }
  return fits;
}

template <class O, policy::Storage St, policy::Sync Sy>
bool Segments<O, St, Sy>::write_plain(const Image* image) {
  const auto* bytes = reinterpret_cast<const std::byte*>(image);
  const std::uint32_t tail_at = image->children_at + image->children * 8u;
  return buffer_.add({bytes + sizeof(Image), image->children_at - sizeof(Image)}) && write_references(image) && buffer_.add({bytes + tail_at, image->bytes - tail_at});
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::write_object(Cell* cell) {
  const Image* image = O::image_of(cell);
  const std::uint32_t claimed = image->claimed.load(std::memory_order_relaxed);
  const std::size_t record_at = buffer_.size();
  bool fits = buffer_.extend(record_header_bytes) != nullptr && write_references(image);
  if (!fits) return Error::out_of_memory();
  const std::size_t encoded_at = buffer_.size(), plain_bytes = image->bytes - sizeof(Image) - image->children * 8u;
  SPG_ASSIGN(std::uint8_t encoding, rules_->encode(*image, claimed, buffer_));
  if (encoding == 0 || buffer_.size() - encoded_at >= plain_bytes) {
    encoding = 0;
    buffer_.resize(record_at + record_header_bytes);
    fits = write_plain(image);
  }
  if (!fits) return Error::out_of_memory();
  std::byte* at = buffer_.data() + record_at;
  store_le(at + 8, image->bytes);
  store_le(at + 12, image->children);
  at[14] = static_cast<std::byte>(image->kind);
  at[15] = std::byte{encoding};
  store_le(at + 16, image->children_at);
  store_le(at + 20, claimed);
  store_le(at + 24, image->table);
  store_le(at + 28, image->part);
  store_le(at + 32, image->place);
  store_le(at + 40, raw(cell->birth));
  SegmentSet segments = 0;
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (const Cell* child = image->child_array()[i]) segments |= set_of(planned(child).segment) | below(*child);
  SPG_ASSIGN(const Address address, end_record(record_at));
  cell->planned = static_cast<std::uint32_t>(placed_.size());
  cell->planned_by = checkpoint_;
  return placed_.push_back({cell, {}, address, segments}) ? ok() : Error::out_of_memory();
}

/// Gives the record its length and checksum, and pads it.
template <class O, policy::Storage St, policy::Sync Sy>
Result<Address> Segments<O, St, Sy>::end_record(std::size_t record_at) {
  const auto length = static_cast<std::uint32_t>(buffer_.size() - record_at);
  const Address address{output_number_, length, buffer_start_ + record_at};
  const std::size_t padding = (8 - buffer_.size() % 8) % 8;
  std::byte* pad = buffer_.extend(padding);
  if (pad == nullptr) return Error::out_of_memory();
  std::memset(pad, 0, padding);
  std::byte* at = buffer_.data() + record_at;
  store_le(at + 4, length);
  store_le(at, crypto::crc32c(place_seed(output_number_, address.offset), {at + 4, length - 4}));
  if (buffer_.size() >= 1024 * 1024) SPG_TRY(flush_output());
  return address;
}

/// Makes sure that there is a segment with room.
template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::begin_output() {
  if (!writing_) {
    ++checkpoint_;
    first_output_ = output_number_ + 1;
    writing_ = true;
    return open_output();
  }
  if (buffer_start_ + buffer_.size() <= output_bytes_max_) return ok();
  SPG_TRY(end_output());
  return open_output();
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::write_tree(Cell* root) {
  if (is_placed(*root)) return ok();
  if (root->has_address()) {
    if (!must_look_at(root->where(), root->below.load(std::memory_order_relaxed))) return ok();
    SPG_ASSIGN(const Placed placed, move_record(root->where(), root->birth));
    if (placed.to == placed.from) return ok();
    root->planned = static_cast<std::uint32_t>(placed_.size() - 1);
    root->planned_by = checkpoint_;
    return ok();
  }
  const Image* image = O::image_of(root);
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (Cell* child = image->child_array()[i]) SPG_TRY(write_tree(child));
  SPG_TRY(begin_output());
  return write_object(root);
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::write_history(Cell* root) {
  if (is_placed(*root) || root->has_address()) return ok();
  const Image* image = O::image_of(root);
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (Cell* child = image->child_array()[i]) SPG_TRY(write_history(child));
  SPG_TRY(begin_output());
  return write_object(root);
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::write_apart(std::string_view prefix) {
  std::snprintf(apart_, sizeof apart_, "%.*s", static_cast<int>(prefix.size()), prefix.data());
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::end_apart(Array<SegmentInfo>& made) {
  if (!writing_) return ok();
  SPG_TRY(end_output());
  for (const SegmentInfo& info : segments_)
    if (info.number >= first_output_ && !made.push_back({info.number, info.bytes, info.bytes})) return Error::out_of_memory();
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::abandon() {
  victims_.clear();
  victims_set_ = 0;
  apart_[0] = '\0';
  if (!writing_) return;
  writing_ = false;
  policy::LockGuard lock(segments_mutex_);
  while (!segments_.empty() && segments_.back().number >= first_output_) segments_.truncate(segments_.size() - 1);
  placed_.clear();
  buffer_.clear();
}

/// What has been written is durable, and where the manifest would look for it.
template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::end_output() {
  SPG_TRY(flush_output());
  SPG_TRY(output_.sync());
  {
    policy::LockGuard lock(segments_mutex_);
    info_of(output_number_)->bytes = buffer_start_;
  }
  return storage_->sync_dir(std::string_view(directory_));
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::finish() {
  if (!writing_) return ok();
  SPG_TRY(end_output());
  SPG_TRY(relocate_moved());
  for (const Placed& placed : placed_)
    if (placed.cell != nullptr) objects_->set_address(placed.cell, placed.to, placed.below);
  count_placed();
  writing_ = false;
  placed_.clear();
  buffer_.shrink(0);
  return ok();
}

/// Whether the object has, or is about to get, an address.
template <class O, policy::Storage St, policy::Sync Sy>
Result<bool> Segments<O, St, Sy>::write_private(Cell* cell, Generation from) {
  if (cell->has_address() || is_placed(*cell)) return true;
  if (raw(cell->birth) < raw(from)) return false;
  bool may_go = true;
  const Image* image = O::image_of(cell);
  for (std::uint16_t i = 0; i < image->children; ++i) {
    Cell* child = image->child_array()[i];
    if (child == nullptr) continue;
    SPG_ASSIGN(const bool is_placed, write_private(child, from));
    may_go &= is_placed;
  }
  if (!may_go) return false;
  SPG_TRY(begin_output());
  SPG_TRY(write_object(cell));
  return true;
}

template <class O, policy::Storage St, policy::Sync Sy>
Result<std::uint32_t> Segments<O, St, Sy>::spill(Cell* root, Generation from, Generation unseen_from) {
  Status failed = write_private(root, from).status();
  if (!failed && !writing_) return std::uint32_t{0};
  if (!failed) failed = end_output();
  if (failed) {
    abandon();
    return failed;
  }
  {
    policy::LockGuard lock(segments_mutex_);
    info_of(output_number_)->is_private = true;  // one is enough for what is written at once
  }
  for (const Placed& placed : placed_) objects_->set_address(placed.cell, placed.to, placed.below);
  for (const Placed& placed : placed_)
    if (raw(placed.cell->birth) >= raw(unseen_from)) objects_->drop_image(placed.cell);
  count_placed();
  writing_ = false;
  placed_.clear();
  return output_number_;
}

}  // namespace spg::store

#include "spg/store/compaction.inl.hpp"
