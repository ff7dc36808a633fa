// The machine on the policies' archetypes: it asks for no more than the concepts promise. Compiled in developer builds,
// never linked.
#include "spg/policy/policy.hpp"
#include "spg/txn/bodies.inl.hpp"

template class spg::txn::Machine<spg::policy::EnvArchetype>;
template class spg::txn::Transaction<spg::policy::EnvArchetype>;
template spg::Status spg::txn::verify_files<spg::policy::EnvArchetype::Storage, spg::policy::EnvArchetype::Sync>(spg::policy::EnvArchetype::Storage&, std::string_view,
                                                                                                              std::string_view, spg::txn::VerifyReport&);
template spg::Status spg::txn::verify_backup(spg::policy::StorageArchetype&, std::string_view, spg::txn::VerifyReport&);
template spg::Status spg::txn::verify_versions(spg::txn::Machine<spg::policy::EnvArchetype>&, spg::txn::VerifyReport&, std::size_t);
template spg::Result<spg::txn::Recovered> spg::txn::recover_database<spg::policy::EnvArchetype>(spg::policy::StorageArchetype&, spg::policy::ClockArchetype&,
                                                                                             spg::policy::AllocArchetype&, spg::policy::RandomArchetype&,
                                                                                             const spg::txn::RecoveryPlan&);
template spg::Result<spg::txn::Recovered> spg::txn::restore_database<spg::policy::EnvArchetype>(spg::policy::StorageArchetype&, spg::policy::ClockArchetype&,
                                                                                             spg::policy::AllocArchetype&, spg::policy::RandomArchetype&,
                                                                                             const spg::txn::RestorePlan&,
                                                                                             spg::FunctionRef<spg::Status(const spg::store::BackupProgress&)>);
