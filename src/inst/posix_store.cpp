// The rooms under tables on PosixEnv, compiled once, and apart from what stands on them: an edit there is built again quickly.
#include "spg/log/audit_log.inl.hpp"
#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/os/posix/posix.hpp"
#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.inl.hpp"
#include "spg/store/objects.inl.hpp"
#include "spg/store/scope.inl.hpp"
#include "spg/store/segment.inl.hpp"

namespace spg {
template class store::Objects<os::ExtentAlloc, os::StdSync, os::SystemRandom>;
template class store::CellList<os::ExtentAlloc>;
template class store::Segments<store::Objects<os::ExtentAlloc, os::StdSync, os::SystemRandom>, os::PosixStorage, os::StdSync>;
template Status store::write_manifest(os::PosixStorage&, std::string_view, const store::Manifest&);
template Result<store::Manifest> store::read_manifest(os::PosixStorage&, std::string_view);
template Result<store::Manifest> store::find_manifest(os::PosixStorage&, std::string_view);
template Status store::write_pointer(os::PosixStorage&, std::string_view, std::uint64_t);
template Result<os::PosixStorage::Lock> store::lock_database(os::PosixStorage&, std::string_view, policy::LockMode);
template Result<bool> store::find_backup(os::PosixStorage&, std::string_view, char (&)[400]);
template Result<store::Backup> store::open_backup(os::PosixStorage&, std::string_view);
template Result<os::PosixStorage::Lock> store::lock_backup(os::PosixStorage&, const store::Backup&);
template class store::BackupWriter<os::PosixStorage>;
template class log::Log<os::PosixStorage, os::StdSync>;
template class log::AuditLog<os::PosixStorage, os::StdSync>;
template Result<store::Manifest> store::read_manifest(os::PosixStorage&, const store::DatabasePaths&, std::uint64_t);
template class log::Copies<os::PosixStorage>;
template class log::Trail<os::PosixStorage>;
}  // namespace spg
