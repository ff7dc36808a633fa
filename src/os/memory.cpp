#include "spg/os/memory/memory.hpp"

#include <map>
#include <string>
#include <vector>

namespace spg::os {

struct MemoryInode {
  std::atomic<int> references{1};
  StdSync::Mutex mutex;
  std::vector<std::byte> bytes;
};
struct MemoryStorage::Names {
  StdSync::Mutex mutex;
  std::map<std::string, MemoryInode*, std::less<>> inodes;
};

MemoryFile::MemoryFile(MemoryInode* inode) : inode_(inode) { inode_->references.fetch_add(1); }
MemoryFile::~MemoryFile() {
  if (inode_ != nullptr && inode_->references.fetch_sub(1) == 1) delete inode_;
}
Status MemoryFile::read_at(std::uint64_t at, MutableBytes into) {
  policy::LockGuard lock(inode_->mutex);
  if (at > inode_->bytes.size() || inode_->bytes.size() - at < into.size())
    return Error::make(sqlstate::io_error, "could not read file: it ends at ", inode_->bytes.size());
  if (!into.empty()) std::memcpy(into.data(), inode_->bytes.data() + at, into.size());
  return ok();
}
Status MemoryFile::write_at(std::uint64_t at, Bytes from) {
  policy::LockGuard lock(inode_->mutex);
  if (inode_->bytes.size() < at + from.size()) inode_->bytes.resize(at + from.size());
  if (!from.empty()) std::memcpy(inode_->bytes.data() + at, from.data(), from.size());
  return ok();
}
Result<std::uint64_t> MemoryFile::size() {
  policy::LockGuard lock(inode_->mutex);
  return std::uint64_t{inode_->bytes.size()};
}
Status MemoryFile::resize(std::uint64_t bytes) {
  policy::LockGuard lock(inode_->mutex);
  inode_->bytes.resize(bytes);
  return ok();
}

MemoryStorage::MemoryStorage() : names_(new Names) {}
MemoryStorage::~MemoryStorage() {
  for (auto& [name, inode] : names_->inodes)
    if (inode->references.fetch_sub(1) == 1) delete inode;
  delete names_;
}
Result<MemoryFile> MemoryStorage::open(std::string_view path, policy::OpenMode mode) {
  policy::LockGuard lock(names_->mutex);
  auto found = names_->inodes.find(path);
  if (mode == policy::OpenMode::create) {
    if (found != names_->inodes.end()) return Error::make(sqlstate::duplicate_file, "file \"", path, "\" exists");
    found = names_->inodes.emplace(std::string(path), new MemoryInode).first;
  }
  if (found == names_->inodes.end()) return Error::make(sqlstate::undefined_file, "could not open file \"", path, "\": it does not exist");
  return MemoryFile{found->second};
}
Status MemoryStorage::remove(std::string_view path) {
  policy::LockGuard lock(names_->mutex);
  const auto found = names_->inodes.find(path);
  if (found == names_->inodes.end()) return Error::make(sqlstate::undefined_file, "could not remove file \"", path, "\"");
  if (found->second->references.fetch_sub(1) == 1) delete found->second;
  names_->inodes.erase(found);
  return ok();
}
Status MemoryStorage::rename(std::string_view from, std::string_view to) {
  policy::LockGuard lock(names_->mutex);
  const auto found = names_->inodes.find(from);
  if (found == names_->inodes.end()) return Error::make(sqlstate::undefined_file, "could not rename file \"", from, "\"");
  MemoryInode* inode = found->second;
  names_->inodes.erase(found);
  MemoryInode*& place = names_->inodes[std::string(to)];
  if (place != nullptr && place->references.fetch_sub(1) == 1) delete place;
  place = inode;
  return ok();
}
Status MemoryStorage::list(std::string_view path, FunctionRef<void(std::string_view)> visit) {
  policy::LockGuard lock(names_->mutex);
  std::string prefix(path);
  prefix += '/';
  for (const auto& [name, inode] : names_->inodes)
    if (name.size() > prefix.size() && name.compare(0, prefix.size(), prefix) == 0) visit(std::string_view(name).substr(prefix.size()));
  return ok();
}

}  // namespace spg::os
