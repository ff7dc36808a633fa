#include <algorithm>
#include "session_copy.hpp"

#include "spg/codec/utf8.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/type/io.hpp"

namespace spg::db {
namespace {

/// The text of an option's value; empty when there is none.
std::string_view option_text(const sql::Option& option) {
  if (const auto* word = sql::as<sql::Word>(option.value)) return word->text;
  const auto* literal = sql::as<sql::Literal>(option.value);
  if (literal == nullptr) return {};
  if (literal->form == sql::LiteralKind::boolean) return literal->integer != 0 ? "true" : "false";
  if (literal->form == sql::LiteralKind::integer) return literal->integer == 1 ? "1" : literal->integer == 0 ? "0" : "other";
  return literal->text;
}
bool option_flag(const sql::Option& option) {
  if (option.value == nullptr) return true;
  const std::string_view text = option_text(option);
  return text == "true" || text == "on" || text == "1";
}

Result<CopyFormat> read_format(const sql::Copy& copy, std::string_view query_text) {
  CopyFormat format;
  bool has_delimiter = false, has_null = false, has_escape = false;
  const auto placed = [&](Error error, const sql::Option& option) { return std::move(error).at(sql::char_position(query_text, option.at < 0 ? 0 : static_cast<std::size_t>(option.at))); };
  for (std::size_t i = 0; i < copy.options.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (copy.options[i].name == copy.options[j].name) return placed(Error::make(sqlstate::syntax_error, "conflicting or redundant options"), copy.options[i]);
  for (const sql::Option& option : copy.options) {
    if (option.name == "format") {
      const std::string_view name = option_text(option);
      if (name == "csv") format.csv = true;
      else if (name == "binary") return Error::make(sqlstate::feature_not_supported, "COPY in binary format is not supported");
      else if (name != "text") return placed(Error::make(sqlstate::invalid_parameter_value, "COPY format \"", name, "\" not recognized"), option);
    }
  }
  if (format.csv) {
    format.delimiter = ',';
    format.null_text = "";
  }
  auto one_byte = [](const sql::Option& option, const char* what) -> Result<char> {
    const std::string_view text = option_text(option);
    if (text.size() != 1) return Error::make(sqlstate::feature_not_supported, "COPY ", what, " must be a single one-byte character");
    return text[0];
  };
  for (const sql::Option& option : copy.options) {
    if (option.name == "format" || option.name == "freeze" || option.name == "encoding") continue;
    if (option.name == "delimiter") {
      has_delimiter = true;
      SPG_ASSIGN(format.delimiter, one_byte(option, "delimiter"));
      if (format.delimiter == '\n' || format.delimiter == '\r') return Error::make(sqlstate::invalid_parameter_value, "COPY delimiter cannot be newline or carriage return");
    } else if (option.name == "null") {
      has_null = true;
      format.null_text = option_text(option);
    } else if (option.name == "header") {
      format.header_match = option_text(option) == "match";
      const std::string_view word = option_text(option);
      static constexpr std::string_view words[] = {"", "match", "true", "false", "on", "off", "1", "0"};
      if (std::find(std::begin(words), std::end(words), word) == std::end(words))
        return Error::make(sqlstate::syntax_error, "header requires a Boolean value or \"match\"");
      format.header = format.header_match || option_flag(option);
    } else if (option.name == "quote") {
      if (!format.csv) return Error::make(sqlstate::feature_not_supported, "COPY quote available only in CSV mode");
      SPG_ASSIGN(format.quote, one_byte(option, "quote"));
      if (!has_escape) format.escape = format.quote;
    } else if (option.name == "escape") {
      if (!format.csv) return Error::make(sqlstate::feature_not_supported, "COPY escape available only in CSV mode");
      has_escape = true;
      SPG_ASSIGN(format.escape, one_byte(option, "escape"));
    } else if (option.name == "force_quote" || option.name == "force_not_null" || option.name == "force_null") {
      if (!format.csv) return Error::make(sqlstate::feature_not_supported, "COPY ", option.name == "force_quote" ? "force quote" : option.name == "force_null" ? "force null" : "force not null", " available only in CSV mode");
      if (copy.from && option.name == "force_quote") return Error::make(sqlstate::feature_not_supported, "COPY force quote only available using COPY TO");
      if (!copy.from && option.name == "force_not_null") return Error::make(sqlstate::feature_not_supported, "COPY force not null only available using COPY FROM");
      if (!copy.from && option.name == "force_null") return Error::make(sqlstate::feature_not_supported, "COPY force null only available using COPY FROM");
    } else {
      return placed(Error::make(sqlstate::syntax_error, "option \"", option.name, "\" not recognized"), option);
    }
  }
  (void)has_delimiter;
  (void)has_null;
  if (!format.csv && std::string_view("\\.abcdefghijklmnopqrstuvwxyz0123456789").find(format.delimiter) != std::string_view::npos)
    return Error::make(sqlstate::invalid_parameter_value, "COPY delimiter cannot be \"", std::string_view(&format.delimiter, 1), "\"");
  if (format.null_text.find_first_of("\r\n") != std::string::npos)
    return Error::make(sqlstate::invalid_parameter_value, "COPY null representation cannot use newline or carriage return");
  if (format.csv && format.delimiter == format.quote) return Error::make(sqlstate::invalid_parameter_value, "COPY delimiter and quote must be different");
  if (format.null_text.find(format.delimiter) != std::string::npos) return Error::make(sqlstate::invalid_parameter_value, "COPY delimiter must not appear in the NULL specification");
  if (format.csv && format.null_text.find(format.quote) != std::string::npos) return Error::make(sqlstate::invalid_parameter_value, "CSV quote character must not appear in the NULL specification");
  return format;
}

/// Marks the columns that a FORCE_... option names.
void mark_columns(const sql::Copy& copy, std::string_view name, std::span<const plan::OutputColumn> columns, std::vector<bool>& marks) {
  for (const sql::Option& option : copy.options) {
    if (option.name != name) continue;
    marks.assign(columns.size(), option.names.empty());
    for (std::size_t i = 0; i < columns.size(); ++i)
      for (std::string_view one : option.names)
        if (one == columns[i].name) marks[i] = true;
  }
}

std::string quoted_name(const sql::TableRef& table, Arena& arena) {
  std::string name;
  if (!table.schema.empty()) name = std::string(sql::quote_identifier(arena, table.schema)) + ".";
  return name + std::string(sql::quote_identifier(arena, table.name));
}

/// Replaces $n by column n of the input, all over an expression.
void parameters_to_columns(plan::Expr*& expr, Arena& arena) {
  if (expr == nullptr) return;
  using plan::ExprKind;
  auto each = [&](std::span<plan::Expr*> list) { for (plan::Expr*& one : list) parameters_to_columns(one, arena); };
  switch (expr->kind) {
    case ExprKind::parameter: {
      if (plan::as<plan::Parameter>(*expr).internal) return;
      auto* column = arena.make<plan::Column>();
      static_cast<plan::Expr&>(*column) = *expr;
      column->kind = ExprKind::column;
      column->place = plan::as<plan::Parameter>(*expr).number;
      expr = column;
      return;
    }
    case ExprKind::call: case ExprKind::distinct_from: case ExprKind::not_distinct_from: case ExprKind::null_if:
      each(plan::as<plan::Call>(*expr).arguments);
      return;
    case ExprKind::relabel: parameters_to_columns(plan::as<plan::Unary>(*expr).argument, arena); return;
    default: return;  // an assignment to a column wraps its value in calls and relabels only
  }
}

/// What planning SELECT columns FROM table has said, in COPY's words.
Error copy_column_error(const sql::Copy& copy, Error error) {
  if (error.code() != sqlstate::undefined_column) return error;
  for (const std::string_view name : copy.columns)
    if (error.message().find(name) != std::string_view::npos)
      return Error::make(sqlstate::undefined_column, "column \"", name, "\" of relation \"", copy.table->name, "\" does not exist");
  return error;
}

/// A row is UTF-8 as it came, and where it had escapes, after them.
Status check_text(const CopyIn& in) {
  const std::string_view raw = in.reader->raw_line();
  SPG_TRY(codec::check_utf8(raw));
  if (in.format.csv || raw.find('\\') == std::string_view::npos) return ok();
  for (const CopyField& field : in.fields) SPG_TRY(codec::check_utf8(field.text));
  return ok();
}

/// The relation of COPY; 42809 for what has no rows to copy, 42701 for a column that is listed twice.
Status check_copied(catalog::SessionCatalog& catalog, const sql::Copy& copy) {
  if (copy.table == nullptr) return ok();
  SPG_ASSIGN(const catalog::Relation* relation, catalog.relation(copy.table->schema, copy.table->name));
  if (relation == nullptr) return Error::make(sqlstate::undefined_table, "relation \"", copy.table->name, "\" does not exist");
  if (relation->kind == 'i') return Error::make(sqlstate::wrong_object_type, "\"", relation->name, "\" is an index");
  if (relation->kind == 'v' && !copy.from)
    return Error::make(sqlstate::wrong_object_type, "cannot copy from view \"", relation->name, "\"").hint("Try the COPY (SELECT ...) TO variant.");
  for (std::size_t i = 0; i < copy.columns.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (copy.columns[i] == copy.columns[j])
        return Error::make(sqlstate::duplicate_column, "column \"", copy.columns[i], "\" specified more than once");
  return ok();
}

}  // namespace

Status SessionImpl::start_copy(const sql::Copy& copy) {
  if (!copy.stream) {
    if (!role_.is_superuser)
      return Error::make(sqlstate::insufficient_privilege, "must be superuser or have privileges of the pg_read_server_files role to COPY from a file")
          .hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.");
    return Error::make(sqlstate::feature_not_supported, "COPY to or from a file of the server is not supported").hint("psql's \\copy command works.");
  }
  SPG_TRY(check_copied(catalog_, copy));
  auto read = read_format(copy, query_text_);
  if (!read) return read.take_error();
  const CopyFormat format = *read;
  return copy.from ? start_copy_from(copy, format) : start_copy_to(copy, format);
}

Status SessionImpl::start_copy_to(const sql::Copy& copy, const CopyFormat& format) {
  std::string text;
  if (copy.query != nullptr) {
    SPG_ASSIGN(const std::string_view query, sql::deparse(statement_arena_, *copy.query));
    text = query;
  } else {
    text = "SELECT ";
    if (copy.columns.empty()) text += '*';
    for (std::size_t i = 0; i < copy.columns.size(); ++i) text += (i == 0 ? "" : ", ") + std::string(sql::quote_identifier(statement_arena_, copy.columns[i]));
    text += " FROM " + quoted_name(*copy.table, statement_arena_);
  }
  SPG_ASSIGN(auto prepared, make_prepared(text, {}));
  Status failed = plan(*prepared);
  if (failed && copy.query == nullptr) return copy_column_error(copy, std::move(failed));
  // The query was printed anew: its positions are not those of the statement.
  if (failed) return failed;
  SPG_TRY(check_read_only(*prepared));
  if (copy.query != nullptr && prepared->outputs.empty() && copy.query->kind != sql::NodeKind::select)
    return Error::make(sqlstate::feature_not_supported, "COPY query must have a RETURNING clause");
  prepared->statement.tag = "COPY";
  current_ = prepared;
  copy_out_format_ = std::make_unique<CopyFormat>(format);
  mark_columns(copy, "force_quote", prepared->outputs, copy_out_format_->force_quote);
  sink_.begin_copy_out(prepared->outputs.size());
  Oid of{};
  if (copy.table != nullptr) {
    SPG_ASSIGN(const catalog::Relation* relation, catalog_.relation(copy.table->schema, copy.table->name));
    of = relation->oid;
  }
  activity_told_.copying().begin(Activity::Copying::Direction::to, of);
  if (format.header) {
    copy_line_.clear();
    CopyWriter writer(*copy_out_format_, copy_line_, prepared->outputs.size());
    writer.mark_header();
    writer.begin_row();
    for (const plan::OutputColumn& column : prepared->outputs) writer.field(column.name);
    writer.end_row();
    SPG_TRY(sink_.copy_out(copy_line_.view()));
  }
  return execution_.open(*prepared->compiled, context(statement_arena_, {}));
}

Status SessionImpl::copy_rows_out(const type::Batch& batch) {
  MemoryBudget budget(hot_settings_.statement_memory_bytes, &memory_);
  Arena arena(budget);
  TextBuilder text(arena);
  for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
    SPG_TRY(budget.check());
    const std::uint32_t row = batch.selected[i];
    copy_line_.clear(64 * 1024);
    CopyWriter writer(*copy_out_format_, copy_line_, current_->outputs.size());
    writer.begin_row();
    for (std::size_t c = 0; c < current_->outputs.size(); ++c) {
      if (batch.columns[c].is_null(row)) { writer.null_field(); continue; }
      text.resize(0);
      exec::print_value(context(statement_arena_, {}), current_->outputs[c].type, type::value_of(batch.columns[c], row), text);
      writer.field(text.view());
    }
    writer.end_row();
    exec::RowProgress::add(activity_told_.copying().bytes, copy_line_.view().size());
    SPG_TRY(sink_.copy_out(copy_line_.view()));
  }
  exec::RowProgress::add(activity_told_.copying().rows, batch.selected.count);
  return ok();
}

Status SessionImpl::start_copy_from(const sql::Copy& copy, const CopyFormat& format) {
  if (copy.where != nullptr) return Error::make(sqlstate::feature_not_supported, "COPY FROM ... WHERE is not supported");
  SPG_ASSIGN(const catalog::Relation* relation, catalog_.relation(copy.table->schema, copy.table->name));
  if (relation->kind == 'v') return Error::make(sqlstate::wrong_object_type, "cannot copy to view \"", copy.table->name, "\"").hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger.");
  if (relation->kind != 'r') return Error::make(sqlstate::wrong_object_type, "cannot copy to ", relation->kind == 'v' ? "view" : "relation", " \"", copy.table->name, "\"");
  // An INSERT of one row of parameters tells how every column is coerced, and fills defaults in.
  std::string names, marks;
  std::vector<const catalog::ColumnInfo*> chosen;
  auto choose = [&](const catalog::ColumnInfo& column) {
    chosen.push_back(&column);
    names += (names.empty() ? "" : ", ") + std::string(sql::quote_identifier(statement_arena_, column.name));
    marks += (marks.empty() ? "$" : ", $") + std::to_string(chosen.size());
  };
  if (copy.columns.empty()) {
    for (const catalog::ColumnInfo& column : relation->columns)
      if (column.number > 0 && !column.dropped) choose(column);
  }
  for (std::string_view name : copy.columns) {
    const catalog::ColumnInfo* found = nullptr;
    for (const catalog::ColumnInfo& column : relation->columns)
      if (column.name == name && column.number > 0 && !column.dropped) found = &column;
    if (found == nullptr) return Error::make(sqlstate::undefined_column, "column \"", name, "\" of relation \"", relation->name, "\" does not exist");
    choose(*found);
  }
  SPG_TRY(check_read_only("COPY FROM"));
  auto in = std::make_unique<CopyIn>(format, memory_, hot_settings_.statement_memory_bytes);
  in->relation = relation->name;
  auto* columns = in->plan_arena.array<plan::OutputColumn>(chosen.size());
  std::vector<std::uint32_t> types;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    columns[i] = {in->plan_arena.copy(chosen[i]->name), chosen[i]->type, chosen[i]->typmod, Oid::none, type::physical_of(chosen[i]->type), Oid::none, 0};
    types.push_back(raw(chosen[i]->type));
  }
  in->columns = {columns, chosen.size()};
  mark_columns(copy, "force_not_null", in->columns, in->format.force_not_null);
  mark_columns(copy, "force_null", in->columns, in->format.force_null);
  in->reader.emplace(in->format);
  const std::string text = "INSERT INTO " + quoted_name(*copy.table, statement_arena_) + " (" + names + ") VALUES (" + marks + ")";
  SPG_ASSIGN(auto prepared, make_prepared(text, types));
  SPG_TRY(plan(*prepared));
  // VALUES ($1, ...) -> the same expressions over the copied batch.
  auto& modify = static_cast<plan::Modify&>(*prepared->plan->root);
  plan::Node** values = &modify.input;
  while ((*values)->kind == plan::NodeKind::project) {
    auto& project = static_cast<plan::Project&>(**values);
    values = &project.input;
  }
  if ((*values)->kind != plan::NodeKind::values) return Error::make(sqlstate::internal_error, "unexpected plan of COPY");
  auto& row = static_cast<plan::Values&>(**values);
  auto* scan = prepared->plan_arena.make<plan::VirtualScan>();
  scan->kind = plan::NodeKind::virtual_scan;
  scan->outputs = in->columns;
  scan->id = prepared->plan->node_count;
  scan->relation = Oid::none;
  auto* numbers = prepared->plan_arena.array<std::uint16_t>(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) numbers[i] = static_cast<std::uint16_t>(i + 1);
  scan->columns = {numbers, chosen.size()};
  auto* project = prepared->plan_arena.make<plan::Project>();
  static_cast<plan::Node&>(*project) = row;
  project->kind = plan::NodeKind::project;
  project->expressions = row.rows[0];
  project->input = scan;
  for (plan::Expr*& expr : project->expressions) parameters_to_columns(expr, prepared->plan_arena);
  *values = project;
  auto* patched = prepared->plan_arena.make<plan::Plan>(*prepared->plan);
  ++patched->node_count;
  SPG_ASSIGN(in->plan, exec::compile(*patched, catalog_, prepared->plan_arena));
  current_ = prepared;
  current_->statement.tag = "COPY";
  auto* vectors = in->plan_arena.array<type::Vector>(chosen.size());
  auto* value_arrays = in->plan_arena.array<std::byte*>(chosen.size());
  auto* validities = in->plan_arena.array<std::uint64_t*>(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const type::Physical physical = in->columns[i].physical;
    value_arrays[i] = static_cast<std::byte*>(in->plan_arena.allocate(type::physical_bytes(physical) * type::batch_rows_max));
    validities[i] = in->plan_arena.array<std::uint64_t>(type::batch_words);
    vectors[i] = {physical, type::Vector::Form::flat, value_arrays[i], validities[i], nullptr};
  }
  in->vectors = {vectors, chosen.size()};
  in->values = {value_arrays, chosen.size()};
  in->validity = {validities, chosen.size()};
  copy_in_ = std::move(in);
  activity_told_.copying().begin(Activity::Copying::Direction::from, relation->oid);
  sink_.begin_copy_in(chosen.size());
  return ok();
}

Status SessionImpl::copy_data(Bytes bytes) {
  if (copy_in_ == nullptr) return ok();  // what follows a failed COPY
  Status failed = copy_in_->feed(bytes);
  exec::RowProgress::add(activity_told_.copying().bytes, bytes.size());
  if (!failed && !copy_in_->is_blocked) failed = insert_copied(false);
  if (!failed) failed = leave_guards();
  if (failed.is_must_wait()) {
    copy_in_->is_blocked = true;
    return leave_guards();
  }
  if (failed) {
    statement_failed();
    end_activity();
  }
  return failed;
}

void SessionImpl::copy_done() {
  if (copy_in_ != nullptr) copy_in_->reader->finish();
  phase_ = Phase::copy_end;
}

Error SessionImpl::copy_fail(std::string_view reason) {
  statement_failed();
  end_activity();
  return Error::make(sqlstate::query_canceled, "COPY from stdin failed: ", reason);
}

bool SessionImpl::copy_waits() const { return copy_in_ != nullptr && copy_in_->is_blocked; }

/// Goes on with rows that had to wait for a lock; true when they must wait still. COPY reads nothing but keys, so that it
/// need not begin anew.
Result<bool> SessionImpl::insert_blocked(bool at_end) {
  is_woken_.store(false, std::memory_order_seq_cst);
  SPG_TRY(check_interrupts());
  SPG_ASSIGN(const bool waits, still_waits());
  if (waits) return true;
  if (std::exchange(copy_in_->is_blocked, false)) {
    transaction_->renew_statement();
    if (transaction_->options().isolation < txn::Isolation::repeatable_read) note_reading();
  }
  Status failed = insert_copied(at_end);
  if (!failed) return false;
  if (!failed.is_must_wait()) return failed;
  copy_in_->is_blocked = true;
  begin_lock_wait();
  return true;
}

/// Runs what has gathered through the INSERT once a batch is full (or at the end).
Status SessionImpl::insert_copied(bool at_end) {
  renew_guards();
  CopyIn& in = *copy_in_;
  const type::TextSettings& settings = text_settings();
  auto context_of = [&](Error error, std::string_view column, std::string_view value) {
    const auto line = in.reader->line();
    if (column.empty()) return std::move(error).context("COPY ", std::string_view(in.relation), ", line ", line, value.empty() ? "" : ": \"", value.substr(0, 100), value.empty() ? "" : "\"");
    return std::move(error).context("COPY ", std::string_view(in.relation), ", line ", line, ", column ", column, ": \"", value.substr(0, 100), "\"");
  };
  for (;;) {
    bool more = false;
    if (in.rows < type::batch_rows_max) {
      auto got = in.reader->next(in.fields, in.row_arena);
      if (!got) return context_of(got.take_error(), {}, in.reader->raw_line());
      more = *got;
      if (in.format.header_match && !in.reader->header().empty() && in.total == 0 && in.rows == 0) {
        for (std::size_t i = 0; i < in.columns.size(); ++i)
          if (i >= in.reader->header().size() || in.reader->header()[i] != in.columns[i].name)
            return Error::make(sqlstate::bad_copy_file_format, "column name mismatch in header line field ", i + 1, ": got \"",
                               i < in.reader->header().size() ? std::string_view(in.reader->header()[i]) : std::string_view("<NULL>"), "\", expected \"", in.columns[i].name, "\"");
      }
    }
    if (more) {
      if (Status failed = check_text(in)) return context_of(std::move(failed), {}, {});
      if (in.fields.size() > in.columns.size()) return context_of(Error::make(sqlstate::bad_copy_file_format, "extra data after last expected column"), {}, in.reader->raw_line());
      if (in.fields.size() < in.columns.size())
        return context_of(Error::make(sqlstate::bad_copy_file_format, "missing data for column \"", in.columns[in.fields.size()].name, "\""), {}, in.reader->raw_line());
      const std::uint32_t row = in.rows++;
      for (std::size_t c = 0; c < in.columns.size(); ++c) {
        const std::uint64_t bit = std::uint64_t{1} << (row % 64);
        const std::size_t width = type::physical_bytes(in.columns[c].physical);
        if (in.fields[c].is_null) {
          in.validity[c][row / 64] &= ~bit;
          std::memset(in.values[c] + row * width, 0, width);
          continue;
        }
        auto value = type::input(in.columns[c].type, in.fields[c].text, in.columns[c].typmod, settings, in.row_arena);
        if (!value) return context_of(value.take_error(), in.columns[c].name, in.fields[c].text);
        std::memcpy(in.values[c] + row * width, value->bytes, width);
        in.validity[c][row / 64] |= bit;
      }
      continue;
    }
    if (in.rows == type::batch_rows_max || (at_end && in.rows != 0)) {
      SPG_TRY(check_interrupts());
      in.source.batch = {in.vectors, in.rows, {nullptr, in.rows}};
      in.source.is_fresh = true;
      in.run_arena.reset();
      exec::ExecContext run = context(in.run_arena, {});
      run.virtual_tables = &in.source;
      SPG_TRY(execution_.open(*in.plan, run));
      type::Batch none;
      auto done = execution_.next(none);
      execution_.close();
      if (!done && done.error().is_must_wait()) return done.take_error();
      if (!done) {
        Error error = done.take_error();
        return std::move(error).context("COPY ", std::string_view(in.relation), ", line ", in.reader->line());
      }
      SPG_TRY(in.budget.check());
      in.total += in.rows;
      activity_told_.copying().rows.store(in.total, std::memory_order_relaxed);
      in.rows = 0;
      in.row_arena.reset();
      continue;
    }
    return ok();
  }
}

}  // namespace spg::db
