// BACKUP TO 'file': a backup is made a step at a time, with a line for the client now and then (docs/backup.md).
#include "session_impl.hpp"

namespace spg::db {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

/// (name), (name true), (name 'off')
Result<bool> flag_of(const sql::Option& option) {
  if (option.value == nullptr) return true;
  std::string_view text;
  if (const auto* word = sql::as<sql::Word>(option.value)) text = word->text;
  if (const auto* literal = sql::as<sql::Literal>(option.value)) {
    if (literal->form == sql::LiteralKind::integer && (literal->integer == 0 || literal->integer == 1)) return literal->integer == 1;
    text = literal->text;
  }
  for (const std::string_view yes : {"true", "on"}) if (text == yes) return true;
  for (const std::string_view no : {"false", "off"}) if (text == no) return false;
  return Error::make(sqlstate::syntax_error, option.name, " requires a Boolean value");
}

/// In megabytes; what is less than one is one.
std::uint64_t megabytes(std::uint64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

}  // namespace

Status SessionImpl::start_backup(const sql::Backup& backup) {
  if (in_block_) return Error::make(sqlstate::active_sql_transaction, "BACKUP cannot run inside a transaction block");
  if (!role_.is_superuser)
    return Error::make(sqlstate::insufficient_privilege, "must be superuser or have privileges of the pg_write_server_files role to BACKUP to a file");
  store::BackupTarget target;
  target.path = backup.file;
  for (const sql::Option& option : backup.options) {
    bool* const flag = option.name == "replace" ? &target.replace : option.name == "prune" ? &target.prune : nullptr;
    if (flag == nullptr)
      return Error::make(sqlstate::syntax_error, "unrecognized BACKUP option \"", option.name, "\"")
          .at(option.at < 0 ? 0 : sql::char_position(current_->text, static_cast<std::size_t>(option.at)));
    SPG_ASSIGN(*flag, flag_of(option));
  }
  if (target.prune && !target.is_directory()) return Error::make(sqlstate::invalid_parameter_value, "BACKUP option \"prune\" is for directories, whose path ends with \"/\"");
  if (target.replace && target.is_directory()) return Error::make(sqlstate::invalid_parameter_value, "BACKUP option \"replace\" is for files: a directory keeps its older backups");
  SPG_ASSIGN(backup_, instance_.machine().start_backup(target));
  backup_told_ns_ = instance_.machine().monotonic_ns();
  phase_ = Phase::run;
  return ok();
}

/// True when the client is to be told how far it has come.
Result<bool> SessionImpl::backup_some() {
  for (;;) {
    SPG_TRY(check_interrupts());
    SPG_ASSIGN(const bool is_done, backup_->step());
    if (is_done) {
      tell_backup(true);
      backup_.reset();
      return false;
    }
    const std::uint64_t now = instance_.machine().monotonic_ns();
    if (now - backup_told_ns_ < second_ns || backup_->progress().done_bytes == 0) continue;
    backup_told_ns_ = now;
    tell_backup(false);
    return true;
  }
}

void SessionImpl::tell_backup(bool is_done) {
  const store::BackupProgress& progress = backup_->progress();
  const std::uint64_t percent = is_done ? 100 : std::min<std::uint64_t>(99, progress.done_bytes * 100 / std::max<std::uint64_t>(1, progress.all_bytes));
  MemoryBudget budget;
  Arena arena(budget);
  catalog::Notice notice;
  notice.code = sqlstate::successful_completion;
  if (is_done) notice.message = arena.concat("backup: 100 % (", megabytes(progress.all_bytes), " MB, of which ", megabytes(progress.copied_bytes), " MB were copied)");
  else notice.message = arena.concat("backup: ", percent, " % (", megabytes(progress.done_bytes), " of ", megabytes(progress.all_bytes), " MB)");
  send(notice);
}

}  // namespace spg::db
