#include "spg/log/audit.hpp"

#include <algorithm>

namespace spg::log {
namespace {

Blake3Digest digest_at(const std::byte* from) {
  Blake3Digest digest;
  std::memcpy(digest.data(), from, digest.size());
  return digest;
}
Error malformed() { return Error::make(sqlstate::data_corrupted, "audit log entry is malformed"); }

/// As much of a text as may be kept, without half a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= statement_text_bytes_max) return text;
  std::size_t bytes = statement_text_bytes_max;
  while (bytes > statement_text_bytes_max - 4 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

bool add_text(RecordBuffer& out, std::string_view text) { return out.add_varint(text.size()) && out.add(as_bytes(text)); }

}  // namespace

Blake3Digest write_audit_header(std::byte* to, const AuditHeader& header) {
  std::memcpy(to, audit_magic, 8);
  store_le(to + 8, header.first_number);
  std::memcpy(to + 16, header.before.data(), 32);
  store_le(to + 48, header.made_us);
  std::memcpy(to + 56, header.random, 16);
  const Blake3Digest hash = crypto::blake3({to, 72});
  std::memcpy(to + 72, hash.data(), 32);
  return hash;
}

Status add_audit_entry(RecordBuffer& out, AuditKind kind, Lsn lsn, std::int64_t time_us, Bytes body, AuditEnd& end) {
  const std::size_t bytes = audit_entry_bytes_min + body.size();
  SPG_ASSERT(bytes <= audit_entry_bytes_max);
  std::byte* at = out.extend(bytes);
  if (at == nullptr) return Error::out_of_memory();
  store_le(at, static_cast<std::uint32_t>(bytes));
  store_le(at + 4, static_cast<std::uint32_t>(kind));
  store_le(at + 8, end.number + 1);
  std::memcpy(at + 16, end.hash.data(), 32);
  store_le(at + 48, lsn.counter);
  store_le(at + 56, lsn.epoch);
  store_le(at + 60, std::uint32_t{0});
  store_le(at + 64, time_us);
  if (!body.empty()) std::memcpy(at + audit_fixed_bytes, body.data(), body.size());
  end = {end.number + 1, crypto::blake3({at, bytes - 32}), end.bytes + bytes, lsn};
  std::memcpy(at + bytes - 32, end.hash.data(), 32);
  return ok();
}

std::array<std::byte, 12> audit_from_body(Lsn from) {
  std::array<std::byte, 12> body;
  store_le(body.data(), from.counter);
  store_le(body.data() + 8, from.epoch);
  return body;
}

Result<Lsn> read_audit_from(Bytes body) {
  if (body.size() != 12) return malformed();
  return Lsn{load_le<std::uint32_t>(body.data() + 8), load_le<std::uint64_t>(body.data())};
}

Status AuditText::add(std::string_view statement) {
  const std::string_view text = cut(statement);
  if (end_.left_out != 0 || end_.statements == audit_statements_max || end_.bytes + text.size() > transaction_text_bytes_max) {
    end_.left_out_hash = crypto::Blake3().update(end_.left_out_hash).update(as_bytes(statement)).finish();
    ++end_.left_out;
    end_.left_out_bytes += statement.size();
    return ok();
  }
  bool fits = add_text(kept_, text) && kept_.add_varint(statement.size());
  if (fits && text.size() < statement.size()) fits = kept_.add(crypto::blake3(as_bytes(statement)));
  if (!fits) {
    kept_.resize(end_.bytes);
    return Error::out_of_memory();
  }
  end_.bytes = kept_.size();
  ++end_.statements;
  return ok();
}

Status AuditText::write_body(std::string_view user, std::string_view database, RecordBuffer& out) const {
  bool fits = add_text(out, user) && add_text(out, database) && out.add_varint(end_.statements) && out.add(kept_.bytes()) && out.add_varint(end_.left_out);
  if (fits && end_.left_out != 0) fits = out.add_varint(end_.left_out_bytes) && out.add(end_.left_out_hash);
  return fits ? ok() : Error::out_of_memory();
}

Result<AuditBody> read_audit_body(Bytes body, FunctionRef<void(const AuditStatement&)> visit) {
  ByteReader reader(body);
  AuditBody of;
  of.user = as_text(reader.bytes(reader.varint()));
  of.database = as_text(reader.bytes(reader.varint()));
  of.statements = reader.varint();
  for (std::uint64_t left = of.statements; left != 0 && reader.ok(); --left) {
    AuditStatement statement;
    statement.text = as_text(reader.bytes(reader.varint()));
    statement.whole_bytes = reader.varint();
    if (statement.whole_bytes > statement.text.size()) statement.whole_hash = reader.bytes(32).data();
    if (!reader.ok() || statement.whole_bytes < statement.text.size()) return malformed();
    visit(statement);
  }
  of.left_out = reader.varint();
  if (of.left_out != 0) {
    of.left_out_bytes = reader.varint();
    of.left_out_hash = reader.bytes(32).data();
  }
  if (!reader.ok() || !reader.at_end()) return malformed();
  return of;
}

// --- AuditWalk ------------------------------------------------------------------------------------------------------

Error AuditWalk::broken(std::string_view why) const {
  return Error::make(sqlstate::data_corrupted, "audit log entry ", end_.number + 1, " at offset ", end_.bytes, " is broken: ", why);
}

/// That many bytes at the end of what has been read. Requires: they are in the file.
Result<Bytes> AuditWalk::window(std::size_t bytes) {
  const std::uint64_t at = end_.bytes;
  if (at < buffer_at_ || at + bytes > buffer_at_ + buffer_.size()) {
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(bytes, window_bytes), file_bytes_ - at));
    buffer_.clear();
    std::byte* into = buffer_.extend(take);
    if (into == nullptr) return Error::out_of_memory();
    buffer_at_ = at;
    if (Status failed = read_(at, {into, take})) {
      buffer_.clear();
      return failed;
    }
  }
  return buffer_.bytes().subspan(static_cast<std::size_t>(at - buffer_at_), bytes);
}

Result<AuditHeader> AuditWalk::open() {
  end_ = {};
  const auto is_none = [] { return Error::make(sqlstate::data_corrupted, "the file is not an audit log"); };
  if (file_bytes_ < audit_header_bytes) return is_none();
  SPG_ASSIGN(const Bytes bytes, window(audit_header_bytes));
  const std::byte* at = bytes.data();
  if (std::memcmp(at, audit_magic, 7) != 0) return is_none();
  if (at[7] != std::byte{audit_magic[7]})
    return Error::make(sqlstate::feature_not_supported, "audit log has format ", static_cast<unsigned>(at[7]), ", this program reads ", static_cast<unsigned>(audit_magic[7]));
  const Blake3Digest hash = crypto::blake3({at, 72});
  if (digest_at(at + 72) != hash) return Error::make(sqlstate::data_corrupted, "the audit log's header is broken: its hash is wrong");
  AuditHeader header;
  header.first_number = load_le<std::uint64_t>(at + 8);
  header.before = digest_at(at + 16);
  header.made_us = load_le<std::int64_t>(at + 48);
  std::memcpy(header.random, at + 56, 16);
  if (header.first_number == 0) return Error::make(sqlstate::data_corrupted, "the audit log's header is broken: entries are counted from 1");
  end_ = {header.first_number - 1, hash, audit_header_bytes, {}};
  return header;
}

Result<bool> AuditWalk::next(AuditEntry& entry) {
  const std::uint64_t left = file_bytes_ - end_.bytes;
  if (left == 0) return false;
  cut_short_ = true;
  if (left < 4) return broken("the file ends within it");
  SPG_ASSIGN(const Bytes head, window(4));
  const std::size_t bytes = load_le<std::uint32_t>(head.data());
  cut_short_ = false;
  if (bytes < audit_entry_bytes_min || bytes > audit_entry_bytes_max) return broken("its length is out of bounds");
  cut_short_ = bytes > left;
  if (cut_short_) return broken("the file ends within it");
  SPG_ASSIGN(const Bytes whole, window(bytes));
  const std::byte* at = whole.data();
  const Blake3Digest hash = crypto::blake3(whole.first(bytes - 32));
  if (digest_at(at + bytes - 32) != hash) return broken("its hash is wrong");
  if (const auto number = load_le<std::uint64_t>(at + 8); number != end_.number + 1) {
    const Piece found(number);
    char why[64] = "it has number ";
    std::memcpy(why + 14, found.text().data(), found.text().size());
    return broken({why, 14 + found.text().size()});
  }
  if (digest_at(at + 16) != end_.hash) return broken("it does not follow the entry before");
  entry.kind = static_cast<AuditKind>(load_le<std::uint32_t>(at + 4));
  entry.number = end_.number + 1;
  entry.offset = end_.bytes;
  entry.lsn = {load_le<std::uint32_t>(at + 56), load_le<std::uint64_t>(at + 48)};
  entry.time_us = load_le<std::int64_t>(at + 64);
  entry.bytes = whole;
  entry.body = whole.subspan(audit_fixed_bytes, bytes - audit_entry_bytes_min);
  if (entry.lsn < end_.lsn) return broken("it is of before the entry before");
  if (load_le<std::uint32_t>(at + 60) != 0) return broken("it is malformed");
  const bool is_range = entry.kind == AuditKind::pause || entry.kind == AuditKind::revert;
  const bool is_whole = entry.kind == AuditKind::transaction ? read_audit_body(entry.body, [](const AuditStatement&) {}).has_value()
                                                             : is_range && read_audit_from(entry.body).has_value();
  if (!is_whole) return broken("it is malformed");
  end_ = {entry.number, hash, end_.bytes + bytes, entry.lsn};
  return true;
}

}  // namespace spg::log
