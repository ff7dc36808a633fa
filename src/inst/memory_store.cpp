// The rooms under tables on MemoryEnv, compiled once; objects are PosixEnv's (posix_store.cpp).
#include "spg/log/audit_log.inl.hpp"
#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/os/memory/memory.hpp"
#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.inl.hpp"
#include "spg/store/segment.inl.hpp"

namespace spg {
template class store::Segments<store::Objects<os::ExtentAlloc, os::StdSync, os::SystemRandom>, os::MemoryStorage, os::StdSync>;
template Status store::write_manifest(os::MemoryStorage&, std::string_view, const store::Manifest&);
template Result<store::Manifest> store::read_manifest(os::MemoryStorage&, std::string_view);
template Result<store::Manifest> store::find_manifest(os::MemoryStorage&, std::string_view);
template Status store::write_pointer(os::MemoryStorage&, std::string_view, std::uint64_t);
template Result<os::MemoryStorage::Lock> store::lock_database(os::MemoryStorage&, std::string_view, policy::LockMode);
template Result<bool> store::find_backup(os::MemoryStorage&, std::string_view, char (&)[400]);
template Result<store::Backup> store::open_backup(os::MemoryStorage&, std::string_view);
template Result<os::MemoryStorage::Lock> store::lock_backup(os::MemoryStorage&, const store::Backup&);
template class store::BackupWriter<os::MemoryStorage>;
template class log::Log<os::MemoryStorage, os::StdSync>;
template class log::AuditLog<os::MemoryStorage, os::StdSync>;
template Result<store::Manifest> store::read_manifest(os::MemoryStorage&, const store::DatabasePaths&, std::uint64_t);
template class log::Copies<os::MemoryStorage>;
template class log::Trail<os::MemoryStorage>;
}  // namespace spg
