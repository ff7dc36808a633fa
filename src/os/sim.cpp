#include "spg/os/sim/sim.hpp"

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace spg::os {
namespace {

constexpr std::size_t sector_bytes = 512;

void put(std::vector<std::byte>& to, std::uint64_t at, Bytes from) {
  if (to.size() < at + from.size()) to.resize(at + from.size());
  if (!from.empty()) std::memcpy(to.data() + at, from.data(), from.size());
}
std::string_view directory_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

}  // namespace

struct SimWrite {
  std::uint64_t at;
  std::vector<std::byte> bytes;
  bool is_resize = false;  // at = the new size
};
struct SimInode {
  std::vector<std::byte> durable, current;
  std::vector<SimWrite> pending;
};
using SimNames = std::map<std::string, std::uint64_t, std::less<>>;

struct SimDiskState {
  std::map<std::uint64_t, SimInode> inodes;
  SimNames names, durable_names;
  std::uint64_t next_inode = 1, steps = 0, cut_at = 0, fail_at = 0;
  Sqlstate fail_code{};
  SimCalls fail_calls = SimCalls::all;
  bool fail_sticky = false, dead = false, has_ended = false, ignore_syncs = false;
  std::uint64_t late_writes = 0;
  std::set<std::pair<std::uint64_t, std::uint64_t>> announced;  ///< inode and place
  SimReads reads;

  bool is_meant(SimCalls call) const {
    if (fail_calls == SimCalls::all_but_syncs) return call != SimCalls::syncs && call != SimCalls::dir_syncs;
    return fail_calls == SimCalls::all || fail_calls == call;
  }
  /// Called before every changing call.
  Status step(SimCalls call) {
    ++steps;
    if (cut_at != 0 && steps >= cut_at) dead = true;
    late_writes += has_ended && (call == SimCalls::writes || call == SimCalls::syncs);
    if (dead || has_ended) return Error::make(sqlstate::io_error, "the power is gone");
    if (fail_at != 0 && steps >= fail_at && is_meant(call)) {
      if (!fail_sticky) fail_at = 0;
      return Error::make(fail_code, fail_code == sqlstate::disk_full ? "No space left on device" : "Input/output error");
    }
    return ok();
  }
  Status alive() const { return dead ? Error::make(sqlstate::io_error, "the power is gone") : ok(); }
  void forget_unnamed() {
    for (auto it = inodes.begin(); it != inodes.end();) {
      bool named = false;
      for (const auto& [name, inode] : durable_names) named |= inode == it->first;
      it = named ? std::next(it) : inodes.erase(it);
    }
  }
};

Status SimFile::read_at(std::uint64_t at, MutableBytes into) {
  SPG_TRY(disk_->alive());
  const auto& bytes = disk_->inodes[inode_].current;
  if (at > bytes.size() || bytes.size() - at < into.size())
    return Error::make(sqlstate::io_error, "could not read file: it ends at ", bytes.size());
  if (!into.empty()) std::memcpy(into.data(), bytes.data() + at, into.size());
  ++disk_->reads.all;
  disk_->reads.announced += disk_->announced.contains({inode_, at});
  return ok();
}
/// What was announced is there; of the rest, about half.
Result<bool> SimFile::read_now(std::uint64_t at, MutableBytes into) {
  if (!disk_->announced.contains({inode_, at}) && (at / 64) % 2 == 0) return false;
  SPG_TRY(read_at(at, into));
  return true;
}
void SimFile::will_read(std::uint64_t at, std::uint64_t) {
  if (disk_->announced.size() >= 10'000) disk_->announced.clear();
  disk_->announced.insert({inode_, at});
}
Status SimFile::write_at(std::uint64_t at, Bytes from) {
  Status failed = disk_->step(SimCalls::writes);
  SimInode& inode = disk_->inodes[inode_];
  // A write that fails or that the power cut may still have reached the disk in part.
  inode.pending.push_back({at, {from.begin(), from.end()}});
  if (failed) {
    if (!disk_->dead) put(inode.current, at, from.first(from.size() / 2));
    return failed;
  }
  put(inode.current, at, from);
  return ok();
}
Status SimFile::sync() {
  SPG_TRY(disk_->step(SimCalls::syncs));
  if (disk_->ignore_syncs) return ok();
  SimInode& inode = disk_->inodes[inode_];
  inode.durable = inode.current;
  inode.pending.clear();
  return ok();
}
Result<std::uint64_t> SimFile::size() {
  SPG_TRY(disk_->alive());
  return std::uint64_t{disk_->inodes[inode_].current.size()};
}
Status SimFile::resize(std::uint64_t bytes) {
  SPG_TRY(disk_->step(SimCalls::writes));
  SimInode& inode = disk_->inodes[inode_];
  inode.current.resize(bytes);
  inode.pending.push_back({bytes, {}, true});
  return ok();
}

SimStorage::SimStorage() : disk_(new SimDiskState) {}
SimStorage::~SimStorage() { delete disk_; }

Result<SimFile> SimStorage::open(std::string_view path, policy::OpenMode mode) {
  SPG_TRY(disk_->alive());
  const auto found = disk_->names.find(path);
  if (mode == policy::OpenMode::create) {
    SPG_TRY(disk_->step(SimCalls::names));
    if (found != disk_->names.end()) return Error::make(sqlstate::duplicate_file, "file \"", path, "\" exists");
    const std::uint64_t inode = disk_->next_inode++;
    disk_->inodes[inode];
    disk_->names[std::string(path)] = inode;
    return SimFile{disk_, inode};
  }
  if (found == disk_->names.end()) return Error::make(sqlstate::undefined_file, "could not open file \"", path, "\": it does not exist");
  return SimFile{disk_, found->second};
}
Status SimStorage::remove(std::string_view path) {
  SPG_TRY(disk_->step(SimCalls::names));
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end()) return Error::make(sqlstate::undefined_file, "could not remove file \"", path, "\"");
  disk_->names.erase(found);
  return ok();
}
Status SimStorage::rename(std::string_view from, std::string_view to) {
  SPG_TRY(disk_->step(SimCalls::names));
  const auto found = disk_->names.find(from);
  if (found == disk_->names.end()) return Error::make(sqlstate::undefined_file, "could not rename file \"", from, "\"");
  const std::uint64_t inode = found->second;
  disk_->names.erase(found);
  disk_->names[std::string(to)] = inode;
  return ok();
}
Status SimStorage::make_dir(std::string_view) { return disk_->step(SimCalls::names); }
Status SimStorage::sync_dir(std::string_view path) {
  SPG_TRY(disk_->step(SimCalls::dir_syncs));
  if (disk_->ignore_syncs) return ok();
  for (auto it = disk_->durable_names.begin(); it != disk_->durable_names.end();)
    it = directory_of(it->first) == path && !disk_->names.contains(it->first) ? disk_->durable_names.erase(it) : std::next(it);
  for (const auto& [name, inode] : disk_->names)
    if (directory_of(name) == path) disk_->durable_names[name] = inode;
  return ok();
}
Status SimStorage::list(std::string_view path, FunctionRef<void(std::string_view)> visit) {
  SPG_TRY(disk_->alive());
  std::vector<std::string> found;
  for (const auto& [name, inode] : disk_->names)
    if (directory_of(name) == path) found.push_back(name.substr(path.empty() ? 0 : path.size() + 1));
  for (const auto& name : found) visit(name);
  return ok();
}

SimReads SimStorage::take_reads() { return std::exchange(disk_->reads, {}); }
std::uint64_t SimStorage::steps() const { return disk_->steps; }
void SimStorage::cut_power_at(std::uint64_t nth) { disk_->cut_at = nth == 0 ? 0 : disk_->steps + nth; }
bool SimStorage::power_is_cut() const { return disk_->dead; }
void SimStorage::end_process() {
  disk_->has_ended = true;
  disk_->late_writes = 0;
}
std::uint64_t SimStorage::begin_process() {
  disk_->has_ended = false;
  return disk_->late_writes;
}
void SimStorage::fail_at(std::uint64_t nth, Sqlstate code, bool sticky, SimCalls which) {
  disk_->fail_at = nth == 0 ? 0 : disk_->steps + nth;
  disk_->fail_code = code;
  disk_->fail_sticky = sticky;
  disk_->fail_calls = which;
}
void SimStorage::ignore_syncs(bool ignore) { disk_->ignore_syncs = ignore; }

void SimStorage::power_cycle(SimChance& chance, Survival survival) {
  locks_.forget_all();
  auto lives = [&] { return survival == Survival::all || (survival != Survival::none && chance.below(2) == 0); };
  // SimNames first: each that differs between the two states is decided by itself. (A rename over an existing name is
  // atomic: the name refers to the old or to the new file.)
  SimNames names = disk_->durable_names;
  for (const auto& [name, inode] : disk_->names) {
    const auto old = disk_->durable_names.find(name);
    if ((old == disk_->durable_names.end() || old->second != inode) && lives()) names[name] = inode;
  }
  for (const auto& [name, inode] : disk_->durable_names)
    if (!disk_->names.contains(name) && lives()) names.erase(name);
  disk_->names = disk_->durable_names = names;
  for (auto& [number, inode] : disk_->inodes) {
    std::vector<std::byte> bytes = inode.durable;
    for (const SimWrite& write : inode.pending) {
      if (write.is_resize) {
        if (lives()) bytes.resize(write.at);
        continue;
      }
      if (survival == Survival::reordered) {
        if (lives()) put(bytes, write.at, write.bytes);
        continue;
      }
      for (std::size_t from = 0; from < write.bytes.size();) {
        const std::uint64_t place = write.at + from;
        const std::size_t take = std::min(write.bytes.size() - from, sector_bytes - static_cast<std::size_t>(place % sector_bytes));
        if (lives()) put(bytes, place, Bytes(write.bytes).subspan(from, take));
        from += take;
      }
    }
    inode.durable = inode.current = bytes;
    inode.pending.clear();
  }
  disk_->forget_unnamed();
  disk_->dead = false;
  disk_->cut_at = disk_->fail_at = 0;
}

bool SimStorage::flip(std::string_view path, std::uint64_t at, unsigned bit) {
  const auto found = disk_->names.find(path);
  if (found == disk_->names.end()) return false;
  SimInode& inode = disk_->inodes[found->second];
  if (at >= inode.current.size()) return false;
  inode.current[at] ^= static_cast<std::byte>(1u << (bit % 8));
  if (at < inode.durable.size()) inode.durable[at] = inode.current[at];
  return true;
}

void SimStorage::copy_from(const SimStorage& other) {
  *disk_ = *other.disk_;
  locks_.forget_all();
}

std::uint64_t SimStorage::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325u;
  auto mix = [&](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  for (const auto& [name, inode] : disk_->names) {
    for (char c : name) mix(static_cast<unsigned char>(c));
    for (std::byte byte : disk_->inodes[inode].current) mix(static_cast<std::uint64_t>(byte));
  }
  return hash;
}

void* SimAlloc::allocate(std::size_t bytes) {
  ++calls_;
  if (fail_at_ != 0 && --fail_at_ == 0) return nullptr;
  void* memory = std::malloc(bytes);
  if (memory != nullptr) most_used_bytes_ = std::max(most_used_bytes_, used_bytes_ += bytes);
  return memory;
}
void SimAlloc::release(void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  used_bytes_ -= bytes;
  std::free(memory);
}

}  // namespace spg::os
