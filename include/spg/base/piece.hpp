// Piece: one part of a message, so that texts are put together without <format> and without allocation.
//
//   Error::make(sqlstate::undefined_table, "relation \"", name, "\" does not exist")
#pragma once
#include <charconv>
#include <concepts>
#include <cstdint>
#include <string_view>

namespace spg {

/// A view of text, or a number rendered into the piece itself. Lives for one full expression.
class Piece {
 public:
  Piece(std::string_view text) : text_(text) {}                       // NOLINT: implicit by design
  Piece(const char* text) : text_(text) {}                            // NOLINT
  Piece(char one) : text_(digits_, 1) { digits_[0] = one; }           // NOLINT
  template <std::integral N>
    requires(!std::same_as<N, char> && !std::same_as<N, bool>)
  Piece(N number) {                                                   // NOLINT
    text_ = {digits_, static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr - digits_)};
  }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  std::string_view text() const { return text_; }

 private:
  char digits_[24];
  std::string_view text_;
};

}  // namespace spg
