// The session module: who and where we are, settings, sequences, type names; and printing and reading of values whose
// text depends on the catalog.
#include "kernels.hpp"
#include "spg/type/record.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using u4 = std::uint32_t;

#ifndef SPG_VERSION
#define SPG_VERSION "0.1.0"
#endif

Result<SessionFacts*> session(Context& c) {
  if (c.exec.session != nullptr) return c.exec.session;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no session here");
}
Result<Sequences*> sequences(Context& c) {
  if (c.exec.sequences != nullptr) return c.exec.sequences;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there are no sequences here");
}
Text version() { return "PostgreSQL 15.0 (SPG " SPG_VERSION ")"; }
Result<Text> current_user(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->current_user();
}
Result<Text> session_user(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->session_user();
}
Result<Text> database_name(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->database_name();
}
Result<i4> backend_pid(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->backend_pid();
}
Error no_setting(Text name) {
  return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
}
Result<Text> setting(Context& c, Text name) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  const Text value = s->setting(name, c.arena);
  if (value.data() == nullptr) return no_setting(name);
  return value;
}
Result<std::optional<Text>> setting_or_null(Context& c, Text name, bool missing_ok) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  const Text value = s->setting(name, c.arena);
  if (value.data() == nullptr && !missing_ok) return no_setting(name);
  return value.data() == nullptr ? std::optional<Text>() : std::optional<Text>(value);
}
Result<Text> set_setting(Context& c, Value name, Value value, Value is_local) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  if (name.is_null) return Error::make(sqlstate::null_value_not_allowed, "SET requires parameter name");
  const bool local = !is_local.is_null && is_local.as<std::uint8_t>() != 0;
  return s->set_setting(name.as<StringRef>().view(), value.is_null ? Text() : value.as<StringRef>().view(), local,
                        c.arena);
}
u4 type_of(Context& c, Value) { return raw(c.argument_type(0)); }
Result<Uuid> random_uuid(Context& c) {
  if (c.exec.host == nullptr)
    return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no source of random numbers here");
  Uuid result;
  c.exec.host->fill_random({reinterpret_cast<std::byte*>(result.data()), result.size()});
  result[6] = static_cast<std::uint8_t>((result[6] & 0x0f) | 0x40);  // version 4, variant 1
  result[8] = static_cast<std::uint8_t>((result[8] & 0x3f) | 0x80);
  return result;
}
i4 count_nulls(Context&, Rest values) {
  i4 count = 0;
  for (const Value& value : values) count += value.is_null;
  return count;
}
i4 count_not_nulls(Context& c, Rest values) { return static_cast<i4>(values.size()) - count_nulls(c, values); }

Result<i8> next_value(Context& c, u4 sequence) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->next_value(Oid{sequence});
}
Result<i8> current_value(Context& c, u4 sequence) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->current_value(Oid{sequence});
}
Result<i8> last_value(Context& c) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->last_value();
}
Result<i8> set_value(Context& c, u4 sequence, i8 value) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->set_value(Oid{sequence}, value, true);
}
Result<i8> set_value_called(Context& c, u4 sequence, i8 value, bool called) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->set_value(Oid{sequence}, value, called);
}
Result<u4> text_to_regclass(Context& c, Text name) {
  SPG_ASSIGN(const Value value, parse_value(c.exec, type::oid::regclass, name, -1, c.arena));
  return value.as<u4>();
}
// --- locks ----------------------------------------------------------------------------------------------------------

Result<SessionLocks*> locks(Context& c) {
  if (c.exec.locks != nullptr) return c.exec.locks;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there are no locks here");
}
using Advisory = SessionLocks::Advisory;
template <bool exclusive, bool of_session>
Advisory one_key(i8 key) { return {static_cast<std::uint64_t>(key), false, exclusive, of_session}; }
template <bool exclusive, bool of_session>
Advisory two_keys(i4 first, i4 second) {
  return {std::uint64_t{static_cast<u4>(first)} << 32 | static_cast<u4>(second), true, exclusive, of_session};
}
template <auto make, class... Keys>
Result<Text> lock_advisory(Context& c, Keys... keys) {
  SPG_ASSIGN(SessionLocks * l, locks(c));
  SPG_TRY(l->advisory_lock(make(keys...), true).status());
  return Text();
}
template <auto make, class... Keys>
Result<bool> try_advisory(Context& c, Keys... keys) {
  SPG_ASSIGN(SessionLocks * l, locks(c));
  return l->advisory_lock(make(keys...), false);
}
template <auto make, class... Keys>
Result<bool> unlock_advisory(Context& c, Keys... keys) {
  SPG_ASSIGN(SessionLocks * l, locks(c));
  return l->advisory_unlock(make(keys...));
}
Result<Text> unlock_all_advisory(Context& c) {
  SPG_ASSIGN(SessionLocks * l, locks(c));
  l->advisory_unlock_all();
  return Text();
}
Result<StringRef> blocking_pids(Context& c, i4 pid) {
  SPG_ASSIGN(SessionLocks * l, locks(c));
  Vec<Value> found(c.arena);
  l->blocking_pids(pid, [&](i4 one) { found.push_back(Value::of(Physical::int4, one)); });
  const type::ArrayDimension dimension{static_cast<i4>(found.size()), 1};
  return type::make_array(type::oid::int4, {&dimension, found.empty() ? std::size_t{0} : 1}, found.span(), c.arena);
}

constexpr FunctionEntry session_functions[] = {
    {proc::pgsql_version, call<version>()},
    {proc::current_user, call<current_user>()},
    {proc::session_user, call<session_user>()},
    {proc::current_database, call<database_name>()},
    {proc::pg_backend_pid, call<backend_pid>()},
    {proc::show_config_by_name, call<setting>()},
    {proc::show_config_by_name_missing_ok, call<setting_or_null>()},
    {proc::set_config_by_name, call_volatile<set_setting>()},
    {proc::pg_typeof, call<type_of>()},
    {proc::gen_random_uuid, call_volatile<random_uuid>()},
    {proc::pg_advisory_lock_int8, call_volatile<lock_advisory<one_key<true, true>, i8>>()},
    {proc::pg_try_advisory_lock_int8, call_volatile<try_advisory<one_key<true, true>, i8>>()},
    {proc::pg_advisory_unlock_int8, call_volatile<unlock_advisory<one_key<true, true>, i8>>()},
    {proc::pg_advisory_lock_int4, call_volatile<lock_advisory<two_keys<true, true>, i4, i4>>()},
    {proc::pg_try_advisory_lock_int4, call_volatile<try_advisory<two_keys<true, true>, i4, i4>>()},
    {proc::pg_advisory_unlock_int4, call_volatile<unlock_advisory<two_keys<true, true>, i4, i4>>()},
    {proc::pg_advisory_lock_shared_int8, call_volatile<lock_advisory<one_key<false, true>, i8>>()},
    {proc::pg_try_advisory_lock_shared_int8, call_volatile<try_advisory<one_key<false, true>, i8>>()},
    {proc::pg_advisory_unlock_shared_int8, call_volatile<unlock_advisory<one_key<false, true>, i8>>()},
    {proc::pg_advisory_lock_shared_int4, call_volatile<lock_advisory<two_keys<false, true>, i4, i4>>()},
    {proc::pg_try_advisory_lock_shared_int4, call_volatile<try_advisory<two_keys<false, true>, i4, i4>>()},
    {proc::pg_advisory_unlock_shared_int4, call_volatile<unlock_advisory<two_keys<false, true>, i4, i4>>()},
    {proc::pg_advisory_xact_lock_int8, call_volatile<lock_advisory<one_key<true, false>, i8>>()},
    {proc::pg_try_advisory_xact_lock_int8, call_volatile<try_advisory<one_key<true, false>, i8>>()},
    {proc::pg_advisory_xact_lock_int4, call_volatile<lock_advisory<two_keys<true, false>, i4, i4>>()},
    {proc::pg_try_advisory_xact_lock_int4, call_volatile<try_advisory<two_keys<true, false>, i4, i4>>()},
    {proc::pg_advisory_xact_lock_shared_int8, call_volatile<lock_advisory<one_key<false, false>, i8>>()},
    {proc::pg_try_advisory_xact_lock_shared_int8, call_volatile<try_advisory<one_key<false, false>, i8>>()},
    {proc::pg_advisory_xact_lock_shared_int4, call_volatile<lock_advisory<two_keys<false, false>, i4, i4>>()},
    {proc::pg_try_advisory_xact_lock_shared_int4, call_volatile<try_advisory<two_keys<false, false>, i4, i4>>()},
    {proc::pg_advisory_unlock_all, call_volatile<unlock_all_advisory>()},
    {proc::pg_blocking_pids, call_volatile<blocking_pids>()},
    {proc::pg_num_nulls, call<count_nulls>()},
    {proc::pg_num_nonnulls, call<count_not_nulls>()},
    {proc::nextval_oid, call_volatile<next_value>()},
    {proc::currval_oid, call_volatile<current_value>()},
    {proc::lastval, call_volatile<last_value>()},
    {proc::setval_oid, call_volatile<set_value>()},
    {proc::setval3_oid, call_volatile<set_value_called>()},
    {proc::text_regclass, call<text_to_regclass>()},
    {proc::pg_client_encoding, call<+[]() { return Text("UTF8"); }>()},
    {proc::getdatabaseencoding, call<+[]() { return Text("UTF8"); }>()},
};

}  // namespace

void print_value(const ExecContext& context, Oid type, const Value& value, TextBuilder& out) {
  static const type::TextSettings default_settings;
  if (catalog::is_reg_type(type) && context.catalog != nullptr) {
    Arena scratch(context.arena->budget());
    auto name = context.catalog->reg_out(type, Oid{value.as<u4>()}, scratch);
    if (name) {
      out.add(*name);
      return;
    }
  }
  if (type == type::oid::record) {
    const StringRef body = value.as<StringRef>();
    type::print_record(body, out, [&](Oid field, const Value& one) { print_value(context, field, one, out); });
    return;
  }
  type::output(type, value, out, context.settings == nullptr ? default_settings : *context.settings);
}

Result<Value> parse_value(const ExecContext& context, Oid type, std::string_view text, std::int32_t typmod,
                          Arena& arena) {
  static const type::TextSettings default_settings;
  if (catalog::is_reg_type(type) && context.catalog != nullptr) {
    SPG_ASSIGN(const Oid found, context.catalog->reg_in(type, text, arena));
    return Value::of(Physical::int4, raw(found));
  }
  return type::input(type, text, typmod, context.settings == nullptr ? default_settings : *context.settings, arena);
}

namespace module {
const Module session{session_functions, {}};
}

}  // namespace spg::exec
