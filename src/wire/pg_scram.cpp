#include "spg/wire/pg_scram.hpp"

#include <cstdlib>

#include "spg/base/base64.hpp"
#include "spg/crypto/secure.hpp"

namespace spg::wire::pg {
namespace {

Error malformed(std::initializer_list<std::string_view> detail) {
  return Error::make(sqlstate::protocol_violation, "malformed SCRAM message").set(ErrorField::detail, detail);
}

/// A character as PostgreSQL shows it in these messages.
class ShownCharacter {
 public:
  explicit ShownCharacter(std::string_view rest) {
    const char c = rest.empty() ? '\0' : rest[0];
    if (c >= 0x21 && c <= 0x7e) {
      text_[size_++] = '\'';
      text_[size_++] = c;
      text_[size_++] = '\'';
      return;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    text_[size_++] = '0';
    text_[size_++] = 'x';
    text_[size_++] = "0123456789abcdef"[byte >> 4];
    text_[size_++] = "0123456789abcdef"[byte & 15];
  }
  std::string_view view() const { return {text_, size_}; }

 private:
  char text_[4];
  std::size_t size_ = 0;
};

/// Takes "<name>=<value>" and the comma behind it, if there is one.
Result<std::string_view> take_attribute(std::string_view& rest, char name) {
  const std::string_view shown_name{&name, 1};
  if (rest.empty() || rest[0] != name)
    return malformed({"Expected attribute \"", shown_name, "\" but found \"", ShownCharacter(rest).view(), "\"."});
  rest.remove_prefix(1);
  if (rest.empty() || rest[0] != '=')
    return malformed({"Expected character \"=\" for attribute \"", shown_name, "\"."});
  rest.remove_prefix(1);
  const std::size_t comma = rest.find(',');
  const std::string_view value = rest.substr(0, comma);
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return value;
}

/// The same for an attribute of any name, which is returned.
Result<char> take_any_attribute(std::string_view& rest, std::string_view& value) {
  const char name = rest.empty() ? '\0' : rest[0];
  if (!((name >= 'A' && name <= 'Z') || (name >= 'a' && name <= 'z')))
    return malformed({"Attribute expected, but found invalid character \"", ShownCharacter(rest).view(), "\"."});
  SPG_ASSIGN(value, take_attribute(rest, name));
  return name;
}

Status check_text(std::string_view message) {
  if (message.empty()) return malformed({"The message is empty."});
  if (message.find('\0') != std::string_view::npos) return malformed({"Message length does not match input length."});
  return ok();
}

bool is_printable_nonce(std::string_view nonce) {
  for (char c : nonce)
    if (c < 0x21 || c > 0x7e || c == ',') return false;
  return true;
}

/// Takes the GS2 header (channel-binding flag, authorization identity) and returns the flag.
Result<char> take_gs2_header(std::string_view& rest) {
  const char flag = rest[0];
  if (flag == 'p')
    return malformed(
        {"The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel "
         "binding data."});
  if (flag != 'n' && flag != 'y')
    return malformed({"Unexpected channel-binding flag \"", ShownCharacter(rest).view(), "\"."});
  rest.remove_prefix(1);
  if (rest.empty() || rest[0] != ',')
    return malformed({"Comma expected, but found character \"", ShownCharacter(rest).view(), "\"."});
  rest.remove_prefix(1);
  if (!rest.empty() && rest[0] == 'a')
    return Error::make(sqlstate::feature_not_supported, "client uses authorization identity, but it is not supported");
  if (rest.empty() || rest[0] != ',')
    return malformed({"Unexpected attribute \"", ShownCharacter(rest).view(), "\" in client-first-message."});
  rest.remove_prefix(1);
  return flag;
}

}  // namespace

void ScramServer::start(std::string_view user, const ScramSetup& setup) {
  user_.append(user);
  base64_encode(setup.nonce, nonce_.data());
  doomed_ = setup.verifier == nullptr;
  if (!doomed_) {
    verifier_ = *setup.verifier;
    return;
  }
  const auto salt = crypto::Sha256().update(as_bytes(user)).update(setup.mock_secret).finish();
  verifier_.iterations = crypto::scram_iterations_default;
  verifier_.salt_bytes = crypto::scram_salt_bytes_default;
  std::memcpy(verifier_.salt.data(), salt.data(), verifier_.salt_bytes);
}

Result<std::string_view> ScramServer::first(std::string_view message) {
  SPG_TRY(check_text(message));
  std::string_view rest = message;
  SPG_ASSIGN(binding_flag_, take_gs2_header(rest));
  const std::string_view bare = rest;
  if (!rest.empty() && rest[0] == 'm')
    return Error::make(sqlstate::feature_not_supported, "client requires an unsupported SCRAM extension");
  SPG_TRY(take_attribute(rest, 'n').status());  // PostgreSQL, too, goes by the name of the startup packet
  SPG_ASSIGN(const std::string_view client_nonce, take_attribute(rest, 'r'));
  if (!is_printable_nonce(client_nonce))
    return Error::make(sqlstate::protocol_violation, "non-printable characters in SCRAM nonce");
  for (std::string_view ignored; !rest.empty();) SPG_TRY(take_any_attribute(rest, ignored).status());

  auth_message_.append(bare);
  auth_message_.append_byte(',');
  server_first_at_ = auth_message_.size();
  auth_message_.append(std::string_view("r="));
  nonce_at_ = auth_message_.size();
  auth_message_.append(client_nonce);
  auth_message_.append(std::string_view(nonce_.data(), nonce_.size()));
  nonce_size_ = auth_message_.size() - nonce_at_;
  auth_message_.append(std::string_view(",s="));
  std::array<char, base64_encoded_bytes(crypto::scram_salt_bytes_max)> salt;
  auth_message_.append(std::string_view(salt.data(), base64_encode(verifier_.salt_view(), salt.data())));
  auth_message_.append(std::string_view(",i="));
  auth_message_.append(Piece(verifier_.iterations).text());
  if (auth_message_.failed()) return Error::out_of_memory();
  return as_text(auth_message_.view()).substr(server_first_at_);
}

Result<std::string_view> ScramServer::final(std::string_view message) {
  SPG_TRY(check_text(message));
  std::string_view rest = message;
  SPG_ASSIGN(const std::string_view binding, take_attribute(rest, 'c'));
  // The GS2 header again in base64: "n,," or "y,,".
  if (binding != (binding_flag_ == 'n' ? "biws" : "eSws"))
    return Error::make(sqlstate::protocol_violation,
                       "unexpected SCRAM channel-binding attribute in client-final-message");
  SPG_ASSIGN(const std::string_view nonce, take_attribute(rest, 'r'));
  std::string_view value;
  std::size_t without_proof;
  for (char name = 0;;) {
    without_proof = static_cast<std::size_t>(rest.data() - message.data()) - 1;
    SPG_ASSIGN(name, take_any_attribute(rest, value));
    if (name == 'p') break;
  }
  std::array<std::byte, base64_decoded_bytes_max(44)> proof;
  if (value.size() != 44 || base64_decode(value, proof.data()) != sizeof(crypto::Sha256Digest))
    return malformed({"Malformed proof in client-final-message."});
  if (!rest.empty()) return malformed({"Garbage found at the end of client-final-message."});
  if (nonce != as_text(auth_message_.view()).substr(nonce_at_, nonce_size_))
    return Error::make(sqlstate::protocol_violation, "invalid SCRAM response").detail("Nonce does not match.");

  auth_message_.append_byte(',');
  auth_message_.append(message.substr(0, without_proof));
  if (auth_message_.failed()) return Error::out_of_memory();
  const std::string_view auth_message = as_text(auth_message_.view());
  const bool valid = crypto::scram_proof_is_valid(verifier_.stored_key, auth_message, Bytes(proof).first(32));
  if (!valid || doomed_)
    return Error::make(sqlstate::invalid_password, "password authentication failed for user \"", as_text(user_.view()),
                       "\"");
  const auto signature = crypto::scram_server_signature(verifier_.server_key, auth_message);
  final_[0] = 'v';
  final_[1] = '=';
  return std::string_view(final_.data(), 2 + base64_encode(signature, final_.data() + 2));
}

}  // namespace spg::wire::pg
