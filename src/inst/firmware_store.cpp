// The rooms under tables on FirmwareEnv, compiled once.
#include "spg/log/audit_log.inl.hpp"
#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/os/none/none.hpp"
#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.inl.hpp"
#include "spg/store/objects.inl.hpp"
#include "spg/store/scope.inl.hpp"
#include "spg/store/segment.inl.hpp"

namespace spg {
template class store::Objects<os::FixedAlloc, os::NoSync, os::SeededRandom>;
template class store::CellList<os::FixedAlloc>;
template class store::Segments<store::Objects<os::FixedAlloc, os::NoSync, os::SeededRandom>, os::RamStorage, os::NoSync>;
template Status store::write_manifest(os::RamStorage&, std::string_view, const store::Manifest&);
template Result<store::Manifest> store::read_manifest(os::RamStorage&, std::string_view);
template Result<store::Manifest> store::find_manifest(os::RamStorage&, std::string_view);
template Status store::write_pointer(os::RamStorage&, std::string_view, std::uint64_t);
template Result<os::RamStorage::Lock> store::lock_database(os::RamStorage&, std::string_view, policy::LockMode);
template Result<bool> store::find_backup(os::RamStorage&, std::string_view, char (&)[400]);
template Result<store::Backup> store::open_backup(os::RamStorage&, std::string_view);
template Result<os::RamStorage::Lock> store::lock_backup(os::RamStorage&, const store::Backup&);
template class store::BackupWriter<os::RamStorage>;
template class log::Log<os::RamStorage, os::NoSync>;
template class log::AuditLog<os::RamStorage, os::NoSync>;
template Result<store::Manifest> store::read_manifest(os::RamStorage&, const store::DatabasePaths&, std::uint64_t);
template class log::Copies<os::RamStorage>;
template class log::Trail<os::RamStorage>;
}  // namespace spg
