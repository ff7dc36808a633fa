#pragma once
#include <algorithm>
#include <cstdio>

#include "spg/crypto/crc32c.hpp"
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
  std::snprintf(name, sizeof name, "%s/segment-%08u", directory_, segment);
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::adopt(std::span<const SegmentInfo> segments) {
  for (const SegmentInfo& segment : segments) {
    if (!segments_.push_back(segment)) return Error::out_of_memory();
    if (segment.number > output_number_) output_number_ = segment.number;
  }
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Segments<O, St, Sy>::~Segments() {
  while (open_files_ != nullptr) delete std::exchange(open_files_, open_files_->next);
}

/// The file stays open: what is read from it is read without a lock.
template <class O, policy::Storage St, policy::Sync Sy>
auto Segments<O, St, Sy>::file_of(std::uint32_t segment) -> Result<OpenFile*> {
  policy::LockGuard lock(mutex_);
  for (OpenFile** link = &open_files_; *link != nullptr; link = &(*link)->next) {
    OpenFile* found = *link;
    if (found->number != segment) continue;
    *link = found->next;
    found->next = open_files_;
    open_files_ = found;
    return found;
  }
  char name[512];
  file_name(name, segment);
  SPG_ASSIGN(File file, storage_->open(name, policy::OpenMode::read));
  std::byte header[segment_header_used_bytes];
  SPG_TRY(file.read_at(0, header));
  SPG_ASSIGN(const std::uint8_t version, check_segment_header(header, segment));
  auto* opened = new (std::nothrow) OpenFile{segment, version, std::move(file), open_files_};
  if (opened == nullptr) return Error::out_of_memory();
  return open_files_ = opened;
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::load(Cell& cell) {
  const Address address = cell.where();
  auto damaged = [&](const char* what) {
    return Error::make(sqlstate::data_corrupted, "object in segment ", address.segment, " at ", address.offset, " is damaged: ", what);
  };
  if (address.length < record_header_bytes || address.length > record_bytes_max) return damaged("length");
  RecordBuffer record;
  std::byte* at = record.extend(address.length);
  if (at == nullptr) return Error::out_of_memory();
  SPG_ASSIGN(OpenFile * opened, file_of(address.segment));
  SPG_TRY(opened->file.read_at(address.offset, {at, address.length}));
  const std::uint8_t version = opened->version;
  if (load_le<std::uint32_t>(at + 4) != address.length ||
      load_le<std::uint32_t>(at) != crypto::crc32c(place_seed(address.segment, address.offset), {at + 4, address.length - 4}))
    return damaged("checksum");
  // A record that a lost write has left in place, of an earlier use of the segment's number. (What the manifest says of a
  // root is its version's generation.)
  if (static_cast<Kind>(at[14]) != Kind::root && load_le<std::uint64_t>(at + 40) != raw(cell.birth)) return damaged("birth");
  const auto image_bytes = load_le<std::uint32_t>(at + 8);
  const auto children = load_le<std::uint16_t>(at + 12);
  const auto encoding = static_cast<std::uint8_t>(at[15]);
  const auto children_at = load_le<std::uint32_t>(at + 16);
  if (image_bytes < sizeof(Image) || image_bytes > object_bytes_max || children_at % 8 != 0 || children_at < sizeof(Image) ||
      children_at + std::uint64_t{children} * 8 > image_bytes)
    return damaged("shape");
  if (version == 1 && encoding != 0) return damaged("encoding");
  Image* image = objects_->make_image(image_bytes);
  if (image == nullptr) return Error::out_of_memory();
  std::memset(static_cast<void*>(image), 0, image_bytes);
  image->bytes = image_bytes;
  image->children = children;
  image->kind = static_cast<Kind>(at[14]);
  image->children_at = children_at;
  image->claimed.store(load_le<std::uint32_t>(at + 20), std::memory_order_relaxed);
  image->table = load_le<std::uint32_t>(at + 24);
  image->part = load_le<std::uint32_t>(at + 28);
  image->place = load_le<std::uint64_t>(at + 32);
  auto give_up = [&](Error error) {
    objects_->alloc().release(image, image_bytes);
    return error;
  };
  ByteReader reader({at + record_header_bytes, address.length - record_header_bytes});
  if (encoding == 0) {
    const Bytes head = reader.bytes(children_at - sizeof(Image));
    if (!reader.ok()) return give_up(damaged("truncated"));
    std::memcpy(static_cast<void*>(image + 1), head.data(), head.size());
  }
  Array<Reference> references;
  ChildSlots slots;
  auto read = read_references(reader, address, children, references, slots);
  if (!read) return give_up(read.take_error());
  if (*read != nullptr) return give_up(damaged(*read));
  if (encoding == 0) {
    const std::uint32_t tail_at = children_at + children * 8u;
    const Bytes tail = reader.bytes(image_bytes - tail_at);
    if (!reader.at_end()) return give_up(damaged("length"));
    if (!tail.empty()) std::memcpy(reinterpret_cast<std::byte*>(image) + tail_at, tail.data(), tail.size());
  } else if (const char* fault = rules_->decode(encoding, reader.rest(), *image)) {
    return give_up(damaged(fault));
  }
  if (const char* fault = rules_->fault(*image, cell.expected, slots)) return give_up(damaged(fault));
  if (Status failed = adopt_children(cell, image, {references.data(), references.size()})) return give_up(std::move(failed));
  cell.expected = {};
  cell.clear(Cell::childless);
  cell.image.store(image, std::memory_order_release);
  return ok();
}

/// All references are read before the first cell is made; gives what is wrong with them, or null. Children were written before
/// their parents, and no two slots share one: a record that says otherwise would make a circle, or an object with two owners.
template <class O, policy::Storage St, policy::Sync Sy>
Result<const char*> Segments<O, St, Sy>::read_references(ByteReader& reader, Address address, std::uint32_t children, Array<Reference>& references,
                                                         ChildSlots& slots) const {
  std::uint64_t slot = 0;
  for (std::uint64_t left = reader.varint(); left != 0 && reader.ok(); --left) {
    slot += reader.varint();
    Reference one{slot, {}, {}};
    one.child.segment = static_cast<std::uint32_t>(reader.varint());
    one.child.length = static_cast<std::uint32_t>(reader.varint());
    one.child.offset = reader.varint();
    one.birth = Generation{reader.varint()};
    const bool is_before = one.child.segment < address.segment || (one.child.segment == address.segment && one.child.offset < address.offset);
    if (!reader.ok() || slot >= children || !one.child.exists() || !is_before || one.child.offset >> 40 != 0 ||
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
      auto claimed = objects_->claim(one.child, one.birth, rules_->child(*image, cell.expected, one.slot));
      if (claimed) { child = *claimed; continue; }
      while (done != 0) objects_->free(image->child_array()[references[--done].slot]);
      return claimed.take_error();
    }
    child = objects_->find(one.child);
    if (child == nullptr)
      return Error::make(sqlstate::data_corrupted, "object in segment ", one.child.segment, " at ", one.child.offset, " is referred to by a record that has changed");
  }
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Address Segments<O, St, Sy>::planned(const Cell* cell) const {
  if (cell->has_address()) return cell->where();
  SPG_ASSERT(cell->planned_by == checkpoint_);
  return {static_cast<std::uint32_t>(cell->planned >> 40), cell->length, cell->planned & ((std::uint64_t{1} << 40) - 1)};
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::open_output() {
  // Numbers are never used twice: a file left by a crash is skipped.
  char name[512];
  for (;;) {
    file_name(name, ++output_number_);
    auto made = storage_->open(name, policy::OpenMode::create);
    if (made) { output_ = std::move(*made); break; }
    if (made.error().code() != sqlstate::duplicate_file) return made.take_error();
  }
  if (!segments_.push_back({output_number_, 0, 0})) return Error::out_of_memory();
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
bool Segments<O, St, Sy>::write_references(const Image* image) {
  std::uint64_t count = 0, before = 0;
  for (std::uint16_t i = 0; i < image->children; ++i) count += image->child_array()[i] != nullptr;
  bool fits = buffer_.add_varint(count);
  for (std::uint16_t i = 0; i < image->children; ++i) {
    const Cell* child = image->child_array()[i];
    if (child == nullptr) continue;
    const Address address = planned(child);
    fits = fits && buffer_.add_varint(i - before) && buffer_.add_varint(address.segment) && buffer_.add_varint(address.length) &&
           buffer_.add_varint(address.offset) && buffer_.add_varint(raw(child->birth));
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
  const std::uint64_t offset = buffer_start_ + buffer_.size();
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
  const auto length = static_cast<std::uint32_t>(buffer_.size() - record_at);
  const std::size_t padding = (8 - buffer_.size() % 8) % 8;
  std::byte* pad = fits ? buffer_.extend(padding) : nullptr;
  if (pad == nullptr) return Error::out_of_memory();
  std::memset(pad, 0, padding);
  std::byte* at = buffer_.data() + record_at;
  store_le(at + 4, length);
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
  store_le(at, crypto::crc32c(place_seed(output_number_, offset), {at + 4, length - 4}));
  const Address address{output_number_, length, offset};
  if (!planned_.push_back({cell, address})) return Error::out_of_memory();
  cell->length = length;
  cell->planned = address.packed();
  cell->planned_by = checkpoint_;
  if (buffer_.size() >= 1024 * 1024) SPG_TRY(flush_output());
  return ok();
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::write_tree(Cell* root) {
  if (root->has_address() || (writing_ && root->planned_by == checkpoint_)) return ok();
  if (!writing_) {
    ++checkpoint_;
    writing_ = true;
    segments_before_ = segments_.size();
    SPG_TRY(open_output());
  } else if (buffer_start_ + buffer_.size() > segment_bytes_max) {
    SPG_TRY(flush_output());
    SPG_TRY(output_.sync());
    segments_.back().bytes = buffer_start_;
    SPG_TRY(open_output());
  }
  const Image* image = O::image_of(root);
  for (std::uint16_t i = 0; i < image->children; ++i)
    if (Cell* child = image->child_array()[i]) SPG_TRY(write_tree(child));
  return write_object(root);
}

template <class O, policy::Storage St, policy::Sync Sy>
void Segments<O, St, Sy>::abandon() {
  if (!writing_) return;
  writing_ = false;
  segments_.truncate(segments_before_);
  planned_.clear();
  buffer_.clear();
  ++checkpoint_;  // no cell counts as planned any more
}

template <class O, policy::Storage St, policy::Sync Sy>
Status Segments<O, St, Sy>::finish() {
  if (!writing_) return ok();
  SPG_TRY(flush_output());
  SPG_TRY(output_.sync());
  segments_.back().bytes = buffer_start_;
  SPG_TRY(storage_->sync_dir(std::string_view(directory_)));
  for (const Planned& planned : planned_) objects_->set_address(planned.cell, planned.address);
  writing_ = false;
  planned_.clear();
  buffer_.shrink(0);
  return ok();
}

}  // namespace spg::store
