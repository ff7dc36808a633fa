// Redaction: a statement's text without the passwords in it. Whatever shows statements to anybody but their author, or keeps
// them, does it by this.
#pragma once
#include <string_view>

#include "spg/sql/parser.hpp"

namespace spg::sql {

/// The statement's own text; of CREATE and ALTER ROLE (USER, GROUP) with a password a copy in the arena, in which the password
/// is '********', however it was quoted, and comments are gone, which may have it, too. `options`: those it was parsed with.
std::string_view redacted_text(Arena& arena, std::string_view source, const RawStatement& statement, const ParseOptions& options);

}  // namespace spg::sql
