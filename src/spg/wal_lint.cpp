// spg wal-lint: reads a write-ahead log as recovery does, but needs no database and changes nothing.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "cli.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/log/frame.hpp"
#include "spg/os/posix/posix.hpp"

namespace spg::cli {
namespace {

using log::FrameHeader;

std::string type_name(log::RecordType type) {
  if (log::is_audited(type)) return "audited " + type_name(log::without_audit(type));
  switch (type) {
    case log::RecordType::commit: return "commit";
    case log::RecordType::joint_commit: return "joint commit";
    case log::RecordType::piece: return "piece";
    case log::RecordType::streamed_commit: return "streamed commit";
    case log::RecordType::mark: return "mark";
  }
  return "type " + std::to_string(static_cast<int>(type));
}

/// The bytes of all log files in a row, kept file by file.
class Reader {
 public:
  explicit Reader(std::string_view path) : path_(path) {}

  Status find_files() {
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    const std::string base = (slash == std::string::npos ? path_ : path_.substr(slash + 1)) + ".";
    SPG_TRY(storage_.list(folder, [&](std::string_view name) {
      if (!name.starts_with(base)) return;
      const std::string digits(name.substr(base.size()));
      if (digits.size() >= 8 && digits.find_first_not_of("0123456789") == std::string::npos) numbers_.push_back(std::strtoull(digits.c_str(), nullptr, 10));
    }));
    std::sort(numbers_.begin(), numbers_.end());
    return numbers_.empty() ? Error::make(sqlstate::undefined_file, "there is no log file \"", std::string_view(path_), ".NNNNNNNN\"") : ok();
  }
  const std::vector<std::uint64_t>& numbers() const { return numbers_; }
  std::string name(std::uint64_t number) const {
    char digits[32];
    std::snprintf(digits, sizeof digits, ".%08" PRIu64, number);
    return path_ + digits;
  }

  /// Empty when the header is right, else what is wrong with it.
  std::string check_header(std::uint64_t number) {
    std::byte header[log::file_header_bytes];
    if (!open(number)) return "cannot be opened";
    if (size_ < sizeof header || file_.read_at(0, header)) return "is shorter than its header";
    if (std::memcmp(header, log::file_magic, sizeof log::file_magic) != 0) return "is no log file";
    if (load_le<std::uint32_t>(header + 24) != crypto::crc32c(0, {header, 24})) return "has a damaged header";
    if (load_le<std::uint64_t>(header + 8) != number) return "says that it is file " + std::to_string(load_le<std::uint64_t>(header + 8));
    log::Jump jump;
    if (!log::read_file_header(header, number, jump)) return "has a damaged header";
    if (jump.to != 0) jumps_.push_back(jump);
    return {};
  }
  /// Files that go on behind an earlier position than the one before them ends at.
  const std::vector<log::Jump>& jumps() const { return jumps_; }

  /// False when the files do not hold all of it.
  bool read(std::uint64_t position, MutableBytes into) {
    while (!into.empty()) {
      const std::uint64_t at = position % log::file_data_bytes;
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), log::file_data_bytes - at));
      if (!open(position / log::file_data_bytes) || size_ < log::file_header_bytes + at + take) return false;
      if (file_.read_at(log::file_header_bytes + at, into.first(take))) return false;
      into = into.subspan(take);
      position += take;
    }
    return true;
  }

  enum class Verdict : std::uint8_t { valid, end_of_files, never_written, other_position, bad_length, bad_crc };
  Verdict read_frame(std::uint64_t position, FrameHeader& header) {
    std::byte raw[log::frame_header_bytes];
    if (!read(position, raw)) return Verdict::end_of_files;
    header = log::read_frame_header(raw);
    if (std::all_of(std::begin(raw), std::end(raw), [](std::byte b) { return b == std::byte{0}; })) return Verdict::never_written;
    if (header.counter != position) return Verdict::other_position;
    if (header.length > log::payload_bytes_max) return Verdict::bad_length;
    std::uint32_t crc = crypto::crc32c(0, {raw + 4, sizeof raw - 4});
    std::byte piece[64 * 1024];
    for (std::uint64_t done = 0; done < header.length;) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof piece, header.length - done));
      if (!read(position + sizeof raw + done, {piece, take})) return Verdict::end_of_files;
      crc = crypto::crc32c(crc, {piece, take});
      done += take;
    }
    return crc == header.crc ? Verdict::valid : Verdict::bad_crc;
  }
  /// The next position from `from` on (8-byte steps) of a valid frame that `wanted` accepts, below `upto`.
  template <class Wanted>
  std::optional<std::uint64_t> find_frame(std::uint64_t from, std::uint64_t upto, Wanted wanted) {
    for (std::uint64_t position = from; position + log::frame_header_bytes <= upto; position += 8) {
      std::byte raw[log::frame_header_bytes];
      if (!read(position, raw)) return {};
      FrameHeader header = log::read_frame_header(raw);
      if (header.counter == position && wanted(header) && read_frame(position, header) == Verdict::valid) return position;
    }
    return {};
  }

 private:
  bool open(std::uint64_t number) {
    if (open_number_ == number) return true;
    auto opened = storage_.open(name(number), policy::OpenMode::read);
    if (!opened) return false;
    auto size = opened->size();
    if (!size) return false;
    file_ = std::move(*opened);
    size_ = *size;
    open_number_ = number;
    return true;
  }

  std::string path_;
  os::PosixStorage storage_;
  std::vector<std::uint64_t> numbers_;
  std::vector<log::Jump> jumps_;
  os::PosixFile file_;
  std::uint64_t size_ = 0, open_number_ = UINT64_MAX;
};

const char* reason(Reader::Verdict verdict) {
  switch (verdict) {
    case Reader::Verdict::end_of_files: return "the files end here";
    case Reader::Verdict::never_written: return "nothing was ever written here";
    case Reader::Verdict::other_position: return "what follows belongs to another position (an earlier use of the file, or torn)";
    case Reader::Verdict::bad_length: return "the frame's length is impossible";
    case Reader::Verdict::bad_crc: return "the frame's checksum is wrong";
    case Reader::Verdict::valid: break;
  }
  return "";
}

void print_place(Reader& reader, std::uint64_t position) {
  std::printf("%" PRIu64 " (%s at %" PRIu64 ")", position, reader.name(position / log::file_data_bytes).c_str(),
              log::file_header_bytes + position % log::file_data_bytes);
}

struct Walk {
  std::uint64_t frames = 0, bytes = 0, end = 0;
  const char* why = "";
};

/// Where the log goes on behind what a recovery to an earlier point has given up: the newest such file counts.
std::uint64_t behind_jumps(const Reader& reader, std::uint64_t position) {
  std::uint64_t to = position;
  for (const log::Jump& jump : reader.jumps())
    if (jump.from == position) to = std::max(to, jump.to);
  return to;
}

/// Follows the frames from a valid one on.
Walk walk(Reader& reader, std::uint64_t start, bool quiet) {
  Walk result;
  result.end = start;
  FrameHeader before;
  for (bool first = true;; first = false) {
    FrameHeader frame;
    if (const std::uint64_t to = behind_jumps(reader, result.end); to != result.end) {
      std::printf("what follows lsn %" PRIu64 " was given up; the log goes on at %" PRIu64 "\n", result.end, to);
      result.end = to;
    }
    const auto verdict = reader.read_frame(result.end, frame);
    if (verdict != Reader::Verdict::valid) { result.why = reason(verdict); break; }
    if (!first && frame.epoch < before.epoch) { result.why = "the epoch goes back: left from before a recovery"; break; }
    if (!first && frame.before_crc != (frame.epoch == before.epoch ? before.crc : 0)) { result.why = "it does not name the frame before"; break; }
    if (!quiet)
      std::printf("lsn %" PRIu64 "  epoch %u  database %u  %s  payload %u  durable %" PRIu64 "\n", frame.counter, frame.epoch, raw(frame.database),
                  type_name(frame.type).c_str(), frame.length, frame.durable);
    ++result.frames;
    result.end += log::frame_bytes(frame.length);
    result.bytes += log::frame_bytes(frame.length);
    before = frame;
  }
  return result;
}

}  // namespace

int wal_lint(Arguments arguments) {
  Options options(arguments);
  const bool quiet = options.flag("--quiet");
  if (options.rest.size() != 1 || options.has_unknown()) return wrong_usage("wal-lint: one path, as the server was given it");
  Reader reader(options.rest[0]);
  if (Status failed = reader.find_files()) return report(failed);
  bool damaged = false;
  for (const std::uint64_t number : reader.numbers()) {
    const std::string wrong = reader.check_header(number);
    std::printf("file %s%s%s\n", reader.name(number).c_str(), wrong.empty() ? "" : " ", wrong.c_str());
    damaged |= !wrong.empty();
  }
  const std::uint64_t first = reader.numbers().front() * log::file_data_bytes, upto = (reader.numbers().back() + 1) * log::file_data_bytes;
  // The first file may begin in the middle of a frame, or be one that waits to be used again.
  const auto start = reader.find_frame(first, upto, [](const FrameHeader&) { return true; });
  if (!start) {
    std::printf("no frames\n");
    return damaged ? 1 : 0;
  }
  const Walk found = walk(reader, *start, quiet);
  std::printf("%" PRIu64 " frames, %" PRIu64 " bytes; the log ends at ", found.frames, found.bytes);
  print_place(reader, found.end);
  std::printf(": %s\n", found.why);
  const auto later = reader.find_frame(found.end + 8, upto, [&](const FrameHeader& frame) { return frame.durable > found.end; });
  if (later) {
    std::printf("DAMAGED: the frame at ");
    print_place(reader, *later);
    std::printf(" knows that the end was durable\n");
  }
  return damaged || later ? 1 : 0;
}

}  // namespace spg::cli
