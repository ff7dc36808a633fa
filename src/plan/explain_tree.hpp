// What EXPLAIN says of a plan, before it takes a form: explain.cpp makes it, explain_format.cpp prints it. Internal to the room.
#pragma once
#include "spg/plan/explain.hpp"

namespace spg::plan {

struct ExplainProperty {
  enum class Kind : std::uint8_t { text, bare /* a number, or true and false */, list, nothing /* an empty list of objects */ } kind = Kind::text;
  std::string_view label, value;
  std::span<const std::string_view> items;  ///< of a list
  bool in_text = true, in_structure = true;
};

struct ExplainNode {
  explicit ExplainNode(Arena& arena) : head(arena), details(arena), children(arena) {}
  std::string_view label;         ///< "InitPlan 1", "CTE x", above the node
  std::string_view relationship;  ///< to its parent
  std::string_view title;         ///< as the text form names it
  std::string_view type;          ///< as the others do
  std::string_view strategy, operation;  ///< the others' alone
  std::string_view cost;          ///< of the text form, with the parentheses
  std::string_view actual;
  Vec<ExplainProperty> head;      ///< not in the text form: what the title says there
  Vec<ExplainProperty> details;
  Vec<ExplainNode*> children;
};

void print_explained(Arena& arena, const ExplainNode& root, std::span<const ExplainProperty> summary, ExplainFormat format,
                     Vec<std::string_view>& lines);

}  // namespace spg::plan
