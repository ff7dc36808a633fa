// The machine on SimEnv, instantiated once for the simulation.
#include "sim/world.hpp"
#include "spg/txn/transaction.hpp"

#include "spg/txn/bodies.inl.hpp"

namespace spg {
template class log::Log<os::SimEnv::Storage, os::SimEnv::Sync>;
template class txn::Machine<os::SimEnv>;
template class txn::Transaction<os::SimEnv>;
template Status txn::verify_files<os::SimStorage, os::NoSync>(os::SimStorage&, std::string_view, std::string_view, txn::VerifyReport&);
template Status txn::verify_versions(txn::Machine<os::SimEnv>&, txn::VerifyReport&, std::size_t);
}  // namespace spg
