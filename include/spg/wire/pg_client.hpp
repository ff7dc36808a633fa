// The client's side of PostgreSQL's protocol, as small as tests and tools need it: reading a server's messages, writing
// a client's, and SCRAM-SHA-256. Sans-I/O like the server's side; one thread at a time.
#pragma once
#include <array>
#include <initializer_list>
#include <optional>

#include "spg/base/byte_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/crypto/scram.hpp"

namespace spg::wire::pg {

/// Cuts what a server sends into messages.
class ClientParser {
 public:
  struct Message {
    char type;
    Bytes body;
  };
  void feed(Bytes bytes) { buffer_.append(bytes); }
  /// The next whole message; its view ends with the next call. 08P01 for a length that cannot be.
  Result<std::optional<Message>> next();

 private:
  ByteBuffer buffer_;
  std::size_t spent_ = 0;
};

struct Parameter {
  std::string_view name, value;
};

/// Appends a client's messages.
class ClientWriter {
 public:
  explicit ClientWriter(ByteBuffer& out) : out_(&out) {}
  void startup(std::initializer_list<Parameter> parameters, std::uint32_t version = 3u << 16);
  void cancel(std::uint32_t process_id, std::uint32_t secret_key);
  void ssl_request() { code_only(1234u << 16 | 5679); }
  void gss_request() { code_only(1234u << 16 | 5680); }
  void sasl_initial(std::string_view mechanism, std::string_view data);
  void sasl_response(std::string_view data) { message('p', as_bytes(data)); }
  void query(std::string_view text);
  void parse(std::string_view statement, std::string_view text, std::initializer_list<std::uint32_t> types = {});
  /// All in text format.
  void bind(std::string_view portal, std::string_view statement,
            std::initializer_list<std::optional<std::string_view>> values = {});
  void describe(char target, std::string_view name) { named('D', target, name); }
  void close(char target, std::string_view name) { named('C', target, name); }
  void execute(std::string_view portal, std::int32_t max_rows = 0);
  void sync() { message('S', {}); }
  void flush() { message('H', {}); }
  void terminate() { message('X', {}); }
  void copy_data(std::string_view data) { message('d', as_bytes(data)); }
  void copy_done() { message('c', {}); }
  void copy_fail(std::string_view reason);
  void message(char type, Bytes body);

 private:
  void begin(char type);
  void end();
  void code_only(std::uint32_t code);
  void named(char type, char target, std::string_view name);
  ByteBuffer* out_;
  std::size_t message_at_ = 0;
};

class ScramClient {
 public:
  /// The client-first-message. The nonce is the caller's randomness, as printable text.
  std::string_view first(std::string_view nonce);
  /// The client-final-message that answers a server-first-message.
  Result<std::string_view> final(std::string_view server_first, std::string_view password);
  /// Whether the server has shown that it knows the verifier.
  bool accepts(std::string_view server_final) const;

 private:
  ByteBuffer first_, nonce_, auth_message_, final_;
  crypto::Sha256Digest server_signature_{};
};

}  // namespace spg::wire::pg
