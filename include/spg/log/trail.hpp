// Trail: the records of a log from a position on, wherever they lie: in the database's own log, in an archive of it, in a tee.
//
// Each frame is taken from the first place that has a valid one for the position. Jumps are followed: what a recovery to an
// earlier point has given up is never handed out, whichever place still holds it. Epochs that the history does not know (a
// start after it was written) are taken from the frames, which is sound where places hold nothing but what was durable.
// Where the frames end is told apart from damage by all that is known: epochs, later frames, the size of an archive's last file.
// Changes no file. Threads: one at a time.
#pragma once
#include <memory>

#include "spg/log/reader.hpp"

namespace spg::log {

enum class PlaceKind : std::uint8_t {
  log,      ///< what a server has written: it may end in the middle of a record
  tee,      ///< durable records alone, but its own end may be torn
  archive,  ///< durable bytes alone, all of them
};

template <policy::Storage Storage>
class Trail {
 public:
  /// Says whether to go on: false leaves the record, and all behind it, alone.
  using Visit = FunctionRef<Result<bool>(const Record&)>;
  static constexpr std::size_t places_max = 4;

  explicit Trail(Storage& storage) : storage_(&storage) {}
  /// Requires: at most places_max. Copies tell of jumps; the database's own log does not, its manifest does.
  Status add(std::string_view path, PlaceKind kind);
  Status add_jump(const Jump& jump);
  /// What a manifest knows, in ascending order of start.
  Status add_epoch(const Epoch& epoch) { return history_.push_back(epoch) ? ok() : Error::out_of_memory(); }
  /// Reads on from `from`, where `epoch` is in force. XX001 where something is missing or damaged.
  Status follow(std::uint64_t from, std::uint32_t epoch, Visit visit);

  /// Behind the last record that was taken (and behind a jump that begins there), and its epoch.
  std::uint64_t position() const { return position_; }
  std::uint32_t epoch() const { return epoch_; }
  bool was_stopped() const { return stopped_; }
  /// Behind the last record taken, before any jump.
  std::uint64_t taken() const { return taken_; }
  /// Whether a position was given up.
  bool is_given_up(std::uint64_t position) const;
  /// Whether what had this LSN was.
  bool is_given_up_lsn(std::uint64_t lsn) const;
  /// Above all files of all places.
  std::uint64_t next_file() const;
  std::span<const Jump> jumps() const { return {jumps_.data(), jumps_.size()}; }

 private:
  struct Place {
    Place(Storage& storage, std::string_view path, PlaceKind of) : reader(storage, path), kind(of) {}
    Reader<Storage> reader;
    PlaceKind kind;
    Array<std::uint64_t> numbers;
  };
  Status read_jumps(Place& place);
  void pass_jumps();
  Result<bool> find_next(Record& record);
  bool may_follow(const FrameHeader& header) const;
  Status check_end();
  Result<bool> is_known_beyond(Place& place);

  Storage* storage_;
  std::unique_ptr<Place> places_[places_max];
  std::size_t count_ = 0;
  Array<Jump> jumps_;
  Array<Epoch> history_;
  std::uint64_t position_ = 0, taken_ = 0;
  std::uint32_t epoch_ = 0, before_crc_ = 0;
  bool know_before_ = false, stopped_ = false;
};

}  // namespace spg::log
