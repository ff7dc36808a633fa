// HeldLocks: who has locked what of a storage that lives in one process: the models of policy::Storage::lock() without files.
// Threads: as its mutex. A lock must not outlive the table that it is of.
#pragma once
#include "spg/crypto/blake3.hpp"
#include "spg/policy/policy.hpp"

namespace spg::os {

template <class Mutex>
class HeldLocks {
 public:
  class Lock {
   public:
    Lock() = default;
    Lock(Lock&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), at_(other.at_), life_(other.life_) {}
    Lock& operator=(Lock&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(at_, other.at_);
      std::swap(life_, other.life_);
      return *this;
    }
    ~Lock() { if (owner_ != nullptr) owner_->give_back(at_, life_); }

   private:
    friend class HeldLocks;
    Lock(HeldLocks& owner, unsigned at, std::uint32_t life) : owner_(&owner), at_(at), life_(life) {}
    HeldLocks* owner_ = nullptr;
    unsigned at_ = 0;
    std::uint32_t life_ = 0;
  };

  HeldLocks() = default;
  HeldLocks(const HeldLocks&) = delete;
  HeldLocks& operator=(const HeldLocks&) = delete;

  Result<Lock> take(std::string_view path, policy::LockMode mode) {
    policy::LockGuard guard(mutex_);
    const crypto::Blake3Digest name = crypto::blake3(as_bytes(path));
    unsigned at = held_max;
    for (unsigned i = held_max; i-- > 0;) {
      if (held_[i].holders == 0) at = i;
      else if (held_[i].name == name) { at = i; break; }
    }
    if (at == held_max) return Error::make(sqlstate::insufficient_resources, "too many directories of this storage are locked");
    Held& held = held_[at];
    const bool exclusive = mode == policy::LockMode::exclusive;
    if (held.holders != 0 && (held.exclusive || exclusive)) return Error::make(sqlstate::lock_file_exists, "directory \"", path, "\" is locked by this process");
    held.name = name;
    held.exclusive = exclusive;
    ++held.holders;
    return Lock(*this, at, life_);
  }
  /// The process that held them has died: nobody holds anything any more.
  void forget_all() {
    policy::LockGuard guard(mutex_);
    for (Held& held : held_) held.holders = 0;
    ++life_;
  }

 private:
  static constexpr unsigned held_max = 16;
  struct Held {
    crypto::Blake3Digest name{};   ///< of the path, so that it may be of any length
    std::uint32_t holders = 0;
    bool exclusive = false;
  };
  void give_back(unsigned at, std::uint32_t life) {
    policy::LockGuard guard(mutex_);
    if (life == life_) --held_[at].holders;
  }

  Mutex mutex_;
  Held held_[held_max];
  std::uint32_t life_ = 0;
};

}  // namespace spg::os
