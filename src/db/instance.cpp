#include "spg/db/instance.hpp"

#include <map>

#include "spg/catalog/roles.hpp"
#include "spg/db/activity.hpp"
#include "spg/db/ledger.hpp"
#include "spg/db/session.hpp"
#include "spg/log/audit.hpp"
#include "spg/policy/policy.hpp"

namespace spg::db {
namespace {

using catalog::Stored;

/// Another database like the first one.
Status add_database(txn::View& shared, std::string_view name, Oid oid, Arena& arena) {
  catalog::Store store(nullptr, &shared, arena);
  SPG_ASSIGN(Vec<catalog::Row*> known, store.all(Stored::database));
  catalog::Row* row = store.add(Stored::database);
  for (std::uint16_t column = 1; column < catalog::pg_database::column_count; ++column) row->set(column, known[0]->at(column));
  row->set(catalog::pg_database::oid, catalog::oid_value(oid));
  row->set(catalog::pg_database::datname, catalog::text_value(name));
  return store.flush();
}

class InstanceImpl final : public Instance {
 public:
  InstanceImpl(txn::MachineControl& machine, const InstanceOptions& options)
      : machine_(machine), memory_(options.memory_limit_bytes), statement_memory_bytes_(options.statement_memory_bytes), zone_files_(options.zone_files),
        log_(options.log), log_min_duration_ms_(options.log_min_duration_ms),
        sessions_lock_(machine.make_lock()), ledger_(machine, options.track_commit_timestamp) {}

  ~InstanceImpl() override {
    machine_.with_locks([](txn::LockTable& locks) { locks.set_numbers(nullptr, nullptr); });
  }

  Status open(const InstanceOptions& options) {
    if (sessions_lock_ == nullptr) return Error::out_of_memory();
    SPG_TRY(ledger_.open());
    // Who is told of another's locks is told its number, which may have to be drawn then.
    machine_.with_locks([&](txn::LockTable& locks) {
      const auto draw = [](void* ledger) {
        const Result<std::uint64_t> number = static_cast<Ledger*>(ledger)->draw();
        return number ? *number : 0;
      };
      locks.set_numbers(draw, &ledger_);
    });
    if (!machine_.has_database(DatabaseId::shared)) SPG_TRY(bootstrap(options));
    return ok();
  }

  txn::MachineControl& machine() override { return machine_; }
  MemoryBudget& memory() override { return memory_; }
  std::size_t statement_memory_bytes() const override { return statement_memory_bytes_; }
  const ZoneFiles* zone_files() const override { return zone_files_; }
  Ledger& ledger() override { return ledger_; }
  ServerLog* server_log() override { return log_; }
  std::int64_t log_min_duration_ms() const override { return log_min_duration_ms_; }

  Result<std::optional<LoginRole>> find_role(std::string_view name) override {
    Arena arena(memory_);
    Result<catalog::FoundRole> found = read_shared([&](txn::View& shared) { return catalog::find_role(shared, name, arena); });
    if (!found) return found.take_error();
    if (!found->found) return std::optional<LoginRole>{};
    LoginRole role;
    role.oid = found->role.oid;
    role.can_login = found->role.can_login;
    role.is_superuser = found->role.superuser;
    role.verifier = crypto::parse_scram_verifier(found->role.password_verifier);
    return std::optional<LoginRole>(role);
  }

  Result<DatabaseId> find_database(std::string_view name) override {
    Arena arena(memory_);
    Result<catalog::DatabaseInfo> found = read_shared([&](txn::View& shared) { return catalog::find_database(shared, name, arena); });
    if (!found) return found.take_error();
    if (!found->found) return Error::make(sqlstate::undefined_database, "database \"", name, "\" does not exist");
    return DatabaseId{raw(found->oid)};
  }

  void cancel(std::uint32_t process_id, std::uint32_t secret_key) override {
    policy::LockGuard lock(*sessions_lock_);
    const auto found = sessions_.find(process_id);
    if (found != sessions_.end() && found->second.secret_key == secret_key) found->second.session->cancel();
  }
  std::uint32_t register_session(Session& session, std::uint32_t secret_key, const Activity& activity) override {
    policy::LockGuard lock(*sessions_lock_);
    sessions_[++last_process_id_] = {&session, secret_key, &activity};
    return last_process_id_;
  }
  void unregister_session(std::uint32_t process_id) override {
    policy::LockGuard lock(*sessions_lock_);
    const auto found = sessions_.find(process_id);
    if (found == sessions_.end()) return;
    statements_of_ended_ += found->second.activity->statements();
    sessions_.erase(found);
  }
  void each_activity(FunctionRef<void(std::uint32_t, const Activity&)> visit) override {
    policy::LockGuard lock(*sessions_lock_);
    for (const auto& [process_id, known] : sessions_) visit(process_id, *known.activity);
  }
  std::uint64_t statements() override {
    policy::LockGuard lock(*sessions_lock_);
    std::uint64_t sum = statements_of_ended_;
    for (const auto& [process_id, known] : sessions_) sum += known.activity->statements();
    return sum;
  }

 private:
  struct Known { Session* session; std::uint32_t secret_key; const Activity* activity; };

  template <class Read>
  std::invoke_result_t<Read, txn::View&> read_shared(Read read) {
    std::unique_ptr<txn::TransactionControl> shared(machine_.open_transaction(DatabaseId::shared));
    if (shared == nullptr) return Error::out_of_memory();
    SPG_TRY(shared->begin({}));
    SPG_TRY(shared->begin_statement(txn::Intent::read, store::Access::wait));
    auto result = read(*shared);
    SPG_TRY(shared->end_statement(true));
    SPG_TRY(shared->commit());
    return result;
  }

  /// The first start: the shared lineage with the superuser, and the databases postgres and one of the superuser's name.
  Status bootstrap(const InstanceOptions& options) {
    Arena arena(memory_);
    SPG_TRY(machine_.create_database(DatabaseId::shared));
    std::byte salt[crypto::scram_salt_bytes_default];
    machine_.fill_random(salt);
    const auto verifier = crypto::scram_verifier_text(crypto::make_scram_verifier(options.superuser_password, salt));
    std::unique_ptr<txn::TransactionControl> shared(machine_.open_transaction(DatabaseId::shared));
    if (shared == nullptr) return Error::out_of_memory();
    SPG_TRY(shared->begin({}));
    SPG_TRY(shared->begin_statement(txn::Intent::write, store::Access::wait));
    catalog::SharedBootstrap first;
    first.superuser = options.superuser;
    first.password_verifier = verifier.view();
    SPG_TRY(catalog::bootstrap_shared(*shared, first, arena));
    SPG_TRY(shared->end_statement(true));
    Oid own{};
    if (options.superuser != "postgres") {
      SPG_TRY(shared->begin_statement(txn::Intent::write, store::Access::wait));
      own = shared->new_oid();
      SPG_TRY(add_database(*shared, options.superuser, own, arena));
      SPG_TRY(shared->end_statement(true));
    }
    // One commit for all: a first start that is cut short leaves nothing, and the next one begins anew.
    std::unique_ptr<txn::TransactionControl> databases[2];
    txn::TransactionControl* all[3] = {shared.get()};
    std::size_t count = 1;
    for (const Oid id : {first.database_oid, own}) {
      if (id == Oid::none) continue;
      auto& transaction = databases[count - 1];
      SPG_TRY(machine_.create_database(DatabaseId{raw(id)}));
      transaction.reset(machine_.open_transaction(DatabaseId{raw(id)}));
      if (transaction == nullptr) return Error::out_of_memory();
      SPG_TRY(transaction->begin({}));
      SPG_TRY(transaction->begin_statement(txn::Intent::write, store::Access::wait));
      SPG_TRY(catalog::bootstrap_database(*transaction, arena));
      SPG_TRY(transaction->end_statement(true));
      all[count++] = transaction.get();
    }
    log::AuditText text;
    RecordBuffer body;
    SPG_TRY(text.add("/* the first start: the superuser and the first databases */"));
    SPG_TRY(text.write_body(options.superuser, {}, body));
    shared->set_audit(body.bytes());
    SPG_TRY(machine_.commit_together({all, count}));
    return machine_.wait_durable(shared->floor());
  }

  txn::MachineControl& machine_;
  MemoryBudget memory_;
  std::size_t statement_memory_bytes_;
  const ZoneFiles* zone_files_;
  ServerLog* log_;
  std::int64_t log_min_duration_ms_;
  std::unique_ptr<txn::Lock> sessions_lock_;  // the three below
  std::map<std::uint32_t, Known> sessions_;
  std::uint32_t last_process_id_ = 0;
  std::uint64_t statements_of_ended_ = 0;
  Ledger ledger_;
};

}  // namespace

bool Instance::has_default_password(const LoginRole& role) {
  if (!role.is_superuser || !role.verifier.has_value()) return false;
  const crypto::ScramVerifier& verifier = *role.verifier;
  return crypto::make_scram_verifier(InstanceOptions{}.superuser_password, verifier.salt_view(), verifier.iterations).stored_key == verifier.stored_key;
}

Result<std::unique_ptr<Instance>> Instance::open(txn::MachineControl& machine, const InstanceOptions& options) {
  auto instance = std::make_unique<InstanceImpl>(machine, options);
  SPG_TRY(instance->open(options));
  return std::unique_ptr<Instance>(std::move(instance));
}

}  // namespace spg::db
