// Verification on PosixEnv, compiled once.
#include "spg/os/posix/posix.hpp"
#include "spg/txn/verify.inl.hpp"

namespace spg {
template Status txn::verify_files<os::PosixStorage, os::StdSync>(os::PosixStorage&, std::string_view, std::string_view, txn::VerifyReport&);
template Status txn::verify_backup(os::PosixStorage&, std::string_view, txn::VerifyReport&);
template Status txn::verify_versions(txn::Machine<os::PosixEnv>&, txn::VerifyReport&, std::size_t);
}  // namespace spg
