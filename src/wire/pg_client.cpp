#include "spg/wire/pg_client.hpp"

#include <charconv>

#include "spg/base/base64.hpp"
#include "spg/crypto/secure.hpp"

namespace spg::wire::pg {

Result<std::optional<ClientParser::Message>> ClientParser::next() {
  buffer_.consume(std::exchange(spent_, 0));
  const Bytes bytes = buffer_.view();
  if (bytes.size() < 5) return std::optional<Message>{};
  const auto length = load_be<std::uint32_t>(bytes.data() + 1);
  if (length < 4 || length > 0x7fffffff) return Error::make(sqlstate::protocol_violation, "invalid message length");
  if (bytes.size() < length + std::size_t{1}) return std::optional<Message>{};
  spent_ = length + std::size_t{1};
  return std::optional<Message>(Message{static_cast<char>(bytes[0]), bytes.subspan(5, length - 4)});
}

void ClientWriter::begin(char type) {
  out_->append_byte(type);
  message_at_ = out_->size();
  out_->append_be(std::int32_t{0});
}
void ClientWriter::end() { out_->patch_be(message_at_, static_cast<std::int32_t>(out_->size() - message_at_)); }

void ClientWriter::startup(std::initializer_list<Parameter> parameters, std::uint32_t version) {
  message_at_ = out_->size();
  out_->append_be(std::int32_t{0});
  out_->append_be(version);
  for (const auto& [name, value] : parameters) {
    out_->append_string(name);
    out_->append_string(value);
  }
  out_->append_byte('\0');
  end();
}
void ClientWriter::cancel(std::uint32_t process_id, std::uint32_t secret_key) {
  out_->append_be(std::uint32_t{16});
  out_->append_be(1234u << 16 | 5678);
  out_->append_be(process_id);
  out_->append_be(secret_key);
}
void ClientWriter::code_only(std::uint32_t code) {
  out_->append_be(std::uint32_t{8});
  out_->append_be(code);
}
void ClientWriter::sasl_initial(std::string_view mechanism, std::string_view data) {
  begin('p');
  out_->append_string(mechanism);
  out_->append_be(static_cast<std::int32_t>(data.size()));
  out_->append(data);
  end();
}
void ClientWriter::query(std::string_view text) {
  begin('Q');
  out_->append_string(text);
  end();
}
void ClientWriter::parse(std::string_view statement, std::string_view text,
                         std::initializer_list<std::uint32_t> types) {
  begin('P');
  out_->append_string(statement);
  out_->append_string(text);
  out_->append_be(static_cast<std::int16_t>(types.size()));
  for (const std::uint32_t type : types) out_->append_be(type);
  end();
}
void ClientWriter::bind(std::string_view portal, std::string_view statement,
                        std::initializer_list<std::optional<std::string_view>> values) {
  begin('B');
  out_->append_string(portal);
  out_->append_string(statement);
  out_->append_be(std::int16_t{0});
  out_->append_be(static_cast<std::int16_t>(values.size()));
  for (const auto& value : values) {
    out_->append_be(value ? static_cast<std::int32_t>(value->size()) : std::int32_t{-1});
    if (value) out_->append(*value);
  }
  out_->append_be(std::int16_t{0});
  end();
}
void ClientWriter::named(char type, char target, std::string_view name) {
  begin(type);
  out_->append_byte(target);
  out_->append_string(name);
  end();
}
void ClientWriter::execute(std::string_view portal, std::int32_t max_rows) {
  begin('E');
  out_->append_string(portal);
  out_->append_be(max_rows);
  end();
}
void ClientWriter::copy_fail(std::string_view reason) {
  begin('f');
  out_->append_string(reason);
  end();
}
void ClientWriter::message(char type, Bytes body) {
  begin(type);
  out_->append(body);
  end();
}

namespace {
/// Takes "<name>=value," from the front; empty when it is not there.
std::string_view attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return {};
  const std::size_t comma = rest.find(',');
  const std::string_view value = rest.substr(2, comma == std::string_view::npos ? comma : comma - 2);
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return value;
}
}  // namespace

std::string_view ScramClient::first(std::string_view nonce) {
  nonce_.append(nonce);
  first_.append(std::string_view("n,,n=,r="));
  first_.append(nonce);
  return as_text(first_.view());
}

Result<std::string_view> ScramClient::final(std::string_view server_first, std::string_view password) {
  const auto unusable = [] { return Error::make(sqlstate::protocol_violation, "malformed SCRAM message"); };
  std::string_view rest = server_first;
  const std::string_view nonce = attribute(rest, 'r'), salt_text = attribute(rest, 's'),
                         count_text = attribute(rest, 'i');
  std::array<std::byte, base64_decoded_bytes_max(base64_encoded_bytes(crypto::scram_salt_bytes_max))> salt;
  std::uint32_t iterations = 0;
  std::from_chars(count_text.data(), count_text.data() + count_text.size(), iterations);
  if (!nonce.starts_with(as_text(nonce_.view())) || iterations == 0 ||
      base64_decoded_bytes_max(salt_text.size()) > salt.size())
    return unusable();
  const auto salt_bytes = base64_decode(salt_text, salt.data());
  if (!salt_bytes) return unusable();

  final_.append(std::string_view("c=biws,r="));
  final_.append(nonce);
  auth_message_.append(as_text(first_.view()).substr(3));
  auth_message_.append_byte(',');
  auth_message_.append(server_first);
  auth_message_.append_byte(',');
  auth_message_.append(final_.view());
  const auto salted = crypto::scram_salted_password(password, Bytes(salt).first(*salt_bytes), iterations);
  const std::string_view auth_message = as_text(auth_message_.view());
  const auto proof = crypto::scram_client_proof(crypto::scram_client_key(salted), auth_message);
  server_signature_ = crypto::scram_server_signature(crypto::scram_server_key(salted), auth_message);
  std::array<char, base64_encoded_bytes(sizeof proof)> text;
  final_.append(std::string_view(",p="));
  final_.append(std::string_view(text.data(), base64_encode(proof, text.data())));
  return as_text(final_.view());
}

bool ScramClient::accepts(std::string_view server_final) const {
  std::array<std::byte, 33> signature;
  const std::string_view text = attribute(server_final, 'v');
  return text.size() == 44 && base64_decode(text, signature.data()) == 32 &&
         crypto::equal_constant_time(Bytes(signature).first(32), server_signature_);
}

}  // namespace spg::wire::pg
