#include "spg/wire/pg_messages.hpp"

#include "spg/base/error.hpp"

namespace spg::wire::pg {

bool StartupParameters::next(std::string_view& name, std::string_view& value) {
  while (!text_.empty()) {
    const std::size_t name_end = text_.find('\0'), value_end = text_.find('\0', name_end + 1);
    name = text_.substr(0, name_end);
    value = text_.substr(name_end + 1, value_end - name_end - 1);
    text_.remove_prefix(value_end + 1);
    if (!name.starts_with("_pq_.")) return true;
  }
  return false;
}

std::string_view StartupParameters::find(std::string_view name) const {
  StartupParameters rest = *this;
  std::string_view one, value, found;
  while (rest.next(one, value))
    if (one == name) found = value;
  return found;
}

std::string_view MessageReader::string() {
  if (failed()) return {};
  const std::string_view rest = as_text(body_.subspan(at_));
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) {
    fail(Fault::bad_string);
    return {};
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

char MessageReader::byte() {
  if (failed() || at_ == body_.size()) {
    fail(Fault::no_data);
    return '\0';
  }
  return static_cast<char>(body_[at_++]);
}

Status MessageReader::finish() const {
  switch (fault_) {
    case Fault::none: break;
    case Fault::short_data: return Error::make(sqlstate::protocol_violation, "insufficient data left in message");
    case Fault::bad_string: return Error::make(sqlstate::protocol_violation, "invalid string in message");
    case Fault::no_data: return Error::make(sqlstate::protocol_violation, "no data left in message");
  }
  if (at_ != body_.size()) return Error::make(sqlstate::protocol_violation, "invalid message format");
  return ok();
}

namespace {

/// A count of 16 bits and as many numbers. A negative count reads as the large one that its bits are, and fails for
/// lack of data, as in PostgreSQL.
template <class N>
NumberList<N> number_list(MessageReader& reader) {
  const std::size_t count = reader.number<std::uint16_t>();
  const std::byte* const at = reader.place();
  reader.bytes(count * sizeof(N));
  return reader.failed() ? NumberList<N>{} : NumberList<N>{at, count};
}

Status read_parse(Event& event, MessageReader& reader) {
  event.kind = EventKind::parse;
  event.name = reader.string();
  event.text = reader.string();
  event.parameter_types = number_list<std::uint32_t>(reader);
  return reader.finish();
}

/// Names the parameter that the message ends in, as PostgreSQL's context line does.
Error in_parameter(const Event& event, std::size_t index, Error error) {
  if (event.portal.empty()) return std::move(error).context("unnamed portal parameter $", index + 1);
  return std::move(error).context("portal \"", event.portal, "\" parameter $", index + 1);
}

Status check_formats(const NumberList<std::int16_t>& formats) {
  for (std::size_t i = 0; i < formats.size(); ++i)
    if (formats[i] != 0 && formats[i] != 1)
      return Error::make(sqlstate::invalid_parameter_value, "unsupported format code: ", formats[i]);
  return ok();
}

Status read_bind(Event& event, MessageReader& reader) {
  event.kind = EventKind::bind;
  event.portal = reader.string();
  event.name = reader.string();
  event.formats = number_list<std::int16_t>(reader);
  const std::size_t count = reader.number<std::uint16_t>();
  if (reader.failed()) return reader.finish();
  if (event.formats.size() > 1 && event.formats.size() != count)
    return Error::make(sqlstate::protocol_violation, "bind message has ", event.formats.size(),
                       " parameter formats but ", count, " parameters");
  event.parameters = ParameterList(reader.place(), count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bytes = reader.number<std::int32_t>();
    if (bytes != -1) reader.bytes(static_cast<std::uint32_t>(bytes));
    if (reader.failed()) return in_parameter(event, i, reader.finish());
  }
  SPG_TRY(check_formats(event.formats));
  event.result_formats = number_list<std::int16_t>(reader);
  SPG_TRY(reader.finish());
  return check_formats(event.result_formats);
}

Status read_target(Event& event, MessageReader& reader, std::string_view message) {
  const char target = reader.byte();
  event.name = reader.string();
  SPG_TRY(reader.finish());
  if (target != 'S' && target != 'P')
    return Error::make(sqlstate::protocol_violation, "invalid ", message, " message subtype ",
                       static_cast<unsigned>(static_cast<std::uint8_t>(target)));
  event.target = static_cast<Target>(target);
  return ok();
}

}  // namespace

Status read_body(Event& event, char type, Bytes body) {
  MessageReader reader(body);
  switch (type) {
    case 'Q':
      event.kind = EventKind::query;
      event.text = reader.string();
      return reader.finish();
    case 'P': return read_parse(event, reader);
    case 'B': return read_bind(event, reader);
    case 'D': event.kind = EventKind::describe; return read_target(event, reader, "DESCRIBE");
    case 'C': event.kind = EventKind::close; return read_target(event, reader, "CLOSE");
    case 'E':
      event.kind = EventKind::execute;
      event.portal = event.name = reader.string();
      event.max_rows = reader.number<std::int32_t>();
      return reader.finish();
    case 'S': event.kind = EventKind::sync; return reader.finish();
    default: event.kind = EventKind::flush; return reader.finish();
  }
}

}  // namespace spg::wire::pg
