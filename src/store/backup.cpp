#include "spg/store/backup.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "spg/crypto/crc32c.hpp"

namespace spg::store {

static bool is_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte one) { return one == std::byte{0}; });
}

void write_backup_header(std::byte* to, const BackupHeader& header) {
  std::memset(to, 0, backup_header_bytes);
  std::memcpy(to, backup_magic, sizeof backup_magic);
  store_le(to + 8, header.contents_at);
  store_le(to + 16, header.contents_bytes);
  store_le(to + 24, header.contents_crc);
  store_le(to + 60, crypto::crc32c(0, {to, 60}));
}

Result<BackupHeader> read_backup_header(Bytes bytes, std::uint64_t file_bytes) {
  constexpr std::size_t version_at = sizeof backup_magic - 1;
  const auto damaged = [](std::string_view what) { return Error::make(sqlstate::data_corrupted, "the backup is damaged: ", what); };
  if (bytes.size() < backup_header_bytes || std::memcmp(bytes.data(), backup_magic, version_at) != 0) return damaged("it has no header");
  const auto version = static_cast<std::uint8_t>(bytes[version_at]);
  if (version > backup_magic[version_at])
    return Error::make(sqlstate::feature_not_supported, "the backup has format ", unsigned{version}, ", this program reads up to ", static_cast<unsigned>(backup_magic[version_at]));
  if (version == 0 || load_le<std::uint32_t>(bytes.data() + 60) != crypto::crc32c(0, bytes.first(60)) || !is_zero(bytes.subspan(28, 32))) return damaged("header");
  const BackupHeader header{load_le<std::uint64_t>(bytes.data() + 8), load_le<std::uint64_t>(bytes.data() + 16), load_le<std::uint32_t>(bytes.data() + 24)};
  if (header.contents_at < backup_header_bytes || header.contents_at > file_bytes || header.contents_bytes > file_bytes - header.contents_at)
    return damaged("it is cut short");
  if (header.contents_bytes != file_bytes - header.contents_at) return damaged("there is something behind its end");
  return header;
}

Status encode_contents(const Manifest& manifest, std::span<const BackupSegment> segments, std::int64_t made_us, RecordBuffer& out) {
  SPG_ASSERT(segments.size() == manifest.segments.size());
  RecordBuffer inner;
  SPG_TRY(encode_manifest(manifest, inner));
  bool fits = out.add_varint(inner.size()) && out.add(inner.bytes()) && out.add_le(made_us) && out.add_varint(segments.size());
  for (const BackupSegment& one : segments) fits = fits && out.add_varint(one.offset) && out.add(one.print);
  return fits ? ok() : Error::out_of_memory();
}

Result<Backup> decode_contents(Bytes bytes, std::uint64_t contents_at) {
  const auto damaged = [] { return Error::make(sqlstate::data_corrupted, "the backup is damaged: contents"); };
  ByteReader reader(bytes);
  Backup backup;
  const Bytes manifest = reader.bytes(reader.varint());
  if (!reader.ok() || contents_at < backup_header_bytes) return damaged();
  SPG_ASSIGN(backup.manifest, decode_manifest(manifest));
  backup.made_us = reader.le<std::int64_t>();
  if (reader.varint() != backup.manifest.segments.size()) return damaged();
  // Those in the file lie one behind the other, and fill it.
  std::uint64_t end = backup_header_bytes;
  for (const SegmentInfo& info : backup.manifest.segments) {
    BackupSegment one;
    one.offset = reader.varint();
    const Bytes print = reader.bytes(sizeof one.print);
    if (!reader.ok() || (one.offset != 0 && one.offset != end)) return damaged();
    std::memcpy(one.print.data(), print.data(), sizeof one.print);
    if (one.offset != 0 && info.bytes > contents_at - end) return damaged();
    if (one.offset != 0) end += info.bytes;
    if (!backup.segments.push_back(one)) return Error::out_of_memory();
  }
  if (!reader.at_end() || end != contents_at) return damaged();
  return backup;
}

void write_shared_name(char (&to)[512], std::string_view directory, std::uint32_t segment, const SegmentPrint& print) {
  std::snprintf(to, sizeof to, "%.*s/segment-%08u-%016llx", static_cast<int>(directory.size()), directory.data(), segment,
                static_cast<unsigned long long>(load_be<std::uint64_t>(print.data())));
}

void write_apart_name(char (&to)[512], std::string_view prefix, std::uint32_t segment) {
  std::snprintf(to, sizeof to, "%.*s%08u", static_cast<int>(prefix.size()), prefix.data(), segment);
}

SegmentPlace Backup::place_of(std::size_t at) const {
  SegmentPlace place;
  place.offset = segments[at].offset;
  if (place.offset != 0) std::snprintf(place.name, sizeof place.name, "%s", path);
  else write_shared_name(place.name, DatabasePaths(path).parent, manifest.segments[at].number, segments[at].print);
  return place;
}

bool Backup::find(std::uint32_t segment, SegmentPlace& place) const {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (manifest.segments[i].number != segment) continue;
    place = place_of(i);
    return true;
  }
  return false;
}

// --- SegmentCheck

void SegmentCheck::begin(const SegmentInfo& info) {
  info_ = info;
  pending_.clear();
  offset_ = 0;
  hash_ = crypto::Blake3();
  piece_crc_ = 0;
  piece_filled_ = 0;
}

Error SegmentCheck::damaged(std::uint64_t at, std::string_view what) const {
  return Error::make(sqlstate::data_corrupted, "segment ", info_.number, " is damaged at ", at, ": ", what);
}

/// The bytes of the header or record that begins here; 0 when not all of it is there yet.
Result<std::size_t> SegmentCheck::check_next(Bytes bytes) const {
  if (offset_ == 0) {
    if (info_.bytes < segment_header_bytes) return damaged(0, "the segment is shorter than its header");
    if (bytes.size() < segment_header_bytes) return std::size_t{0};
    SPG_TRY(check_segment_header(bytes.data(), info_.number).status());
    if (!is_zero(bytes.subspan(segment_header_used_bytes, segment_header_bytes - segment_header_used_bytes))) return damaged(0, "bytes of the header that are not used are not zero");
    return std::size_t{segment_header_bytes};
  }
  if (info_.bytes - offset_ < 8) return damaged(offset_, "the segment ends within a record");
  if (bytes.size() < 8) return std::size_t{0};
  const auto length = load_le<std::uint32_t>(bytes.data() + 4);
  if (length < record_header_bytes || length > record_bytes_max || padded(length) > info_.bytes - offset_) return damaged(offset_, "the record has an impossible length");
  const auto whole = static_cast<std::size_t>(padded(length));
  if (bytes.size() < whole) return std::size_t{0};
  if (load_le<std::uint32_t>(bytes.data()) != crypto::crc32c(place_seed(info_.number, offset_), bytes.subspan(4, length - 4))) return damaged(offset_, "the record has a wrong checksum");
  if (!is_zero(bytes.subspan(length, whole - length))) return damaged(offset_ + length, "bytes between records are not zero");
  return whole;
}

void SegmentCheck::end_piece() {
  std::byte crc[4];
  store_le(crc, piece_crc_);
  hash_.update(crc);
  piece_crc_ = 0;
  piece_filled_ = 0;
}

void SegmentCheck::add_to_print(Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t take = std::min(bytes.size(), piece_bytes - piece_filled_);
    piece_crc_ = crypto::crc32c(piece_crc_, bytes.first(take));
    piece_filled_ += take;
    bytes = bytes.subspan(take);
    if (piece_filled_ == piece_bytes) end_piece();
  }
}

Status SegmentCheck::add(Bytes bytes) {
  add_to_print(bytes);
  if (!pending_.add(bytes)) return Error::out_of_memory();
  std::size_t done = 0;
  while (done < pending_.size()) {
    SPG_ASSIGN(const std::size_t next, check_next(pending_.bytes().subspan(done)));
    if (next == 0) break;
    done += next;
    offset_ += next;
  }
  const std::size_t left = pending_.size() - done;
  if (left != 0 && done != 0) std::memmove(pending_.data(), pending_.data() + done, left);
  pending_.resize(left);
  return ok();
}

Result<SegmentPrint> SegmentCheck::finish() {
  if (offset_ != info_.bytes || offset_ == 0 || pending_.size() != 0) return damaged(offset_, "the segment ends within a record");
  if (piece_filled_ != 0) end_piece();
  return hash_.finish();
}

}  // namespace spg::store
