// The machine on the policies' archetypes: it asks for no more than the concepts promise. Compiled in developer builds,
// never linked.
#include "spg/policy/policy.hpp"
#include "spg/txn/bodies.inl.hpp"

template class spg::txn::Machine<spg::policy::EnvArchetype>;
template class spg::txn::Transaction<spg::policy::EnvArchetype>;
