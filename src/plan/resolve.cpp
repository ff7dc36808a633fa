// Functions and operators by name and argument types: chapter 10's rules, polymorphism, errors.
#include "binder.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {
namespace poly {
inline constexpr Oid anyarray{2277}, anyelement{2283}, anynonarray{2776}, anyenum{3500}, anyrange{3831},
    anymultirange{4537}, anycompatible{5077}, anycompatiblearray{5078}, anycompatiblenonarray{5079};
}
bool is_family1(Oid type) {
  return type == poly::anyelement || type == poly::anyarray || type == poly::anynonarray || type == poly::anyenum ||
         type == poly::anyrange || type == poly::anymultirange;
}
bool is_family2(Oid type) {
  return type == poly::anycompatible || type == poly::anycompatiblearray || type == poly::anycompatiblenonarray ||
         raw(type) == 5080 || raw(type) == 4538;
}
bool is_array_word(Oid type) { return type == poly::anyarray || type == poly::anycompatiblearray; }
}  // namespace

void Binder::keep_matching(std::span<Expr*> args, Vec<Candidate>& candidates) {
  std::size_t kept = 0;
  for (const Candidate& candidate : candidates) {
    bool fits = true;
    for (std::size_t i = 0; i < args.size() && fits; ++i)
      fits = can_coerce(args[i]->type, candidate.arguments[i], CastContext::implicit);
    if (fits && polymorphic_fits(args, candidate.arguments)) candidates[kept++] = candidate;
  }
  candidates.resize(kept);
}

/// `for_unknown`: what undecided literals are taken for.
bool Binder::polymorphic_fits(std::span<Expr*> args, std::span<const Oid> declared, Oid for_unknown) {
  Oid element = Oid::none, array_type = Oid::none, compatible = Oid::none;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (!is_family1(declared[i]) && !is_family2(declared[i])) continue;
    Oid actual = args[i]->type;
    if (actual == oid::unknown && for_unknown != Oid::none) actual = for_unknown;
    if (actual == oid::unknown) continue;
    if (is_family2(declared[i])) {
      const Oid one = declared[i] == poly::anycompatiblearray ? element_of(actual) : actual;
      if (one == Oid::none) return false;
      const auto is_array = [&](Oid type) { return element_of(type) != Oid::none; };
      if (compatible != Oid::none && (category(one) != category(compatible) || is_array(one) != is_array(compatible)))
        return false;
      compatible = one;
    }
    if (is_array_word(declared[i])) {
      const Oid of = element_of(actual);
      if (actual == oid::anyarray) continue;
      if (of == Oid::none) return false;
      if (declared[i] == poly::anyarray) {
        if (array_type != Oid::none && array_type != base_type(actual)) return false;
        array_type = base_type(actual);
      }
      continue;
    }
    if (declared[i] == poly::anyenum) {
      const catalog::Type* found = type(actual);
      if (found == nullptr || found->kind != 'e') return false;
    }
    if (declared[i] == poly::anyrange || declared[i] == poly::anymultirange || raw(declared[i]) == 5080 ||
        raw(declared[i]) == 4538) {
      const catalog::Type* found = type(actual);
      const bool multi = declared[i] == poly::anymultirange || raw(declared[i]) == 4538;
      if (found == nullptr || found->kind != (multi ? 'm' : 'r')) return false;
      continue;
    }
    if ((declared[i] == poly::anynonarray || declared[i] == poly::anycompatiblenonarray) &&
        element_of(actual) != Oid::none)
      return false;
    if (is_family1(declared[i])) {
      if (element != Oid::none && element != base_type(actual) && element != actual) return false;
      element = actual;
    }
  }
  return element == Oid::none || array_type == Oid::none || element_of(array_type) == element;
}

Binder::Candidate* Binder::select_candidate(std::span<Expr*> args, Vec<Candidate>& candidates) {
  if (candidates.size() == 1) return &candidates[0];
  if (candidates.empty()) return nullptr;
  const std::size_t count = args.size();
  std::size_t unknowns = 0;
  for (const Expr* arg : args) unknowns += arg->type == oid::unknown;
  const auto keep_best = [&](auto score) {
    int best = 0;
    std::size_t kept = 0;
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const Candidate candidate = candidates[c];
      const int points = score(candidate);
      if (points > best || c == 0) {
        best = points;
        kept = 0;
        candidates[kept++] = candidate;
      } else if (points == best) {
        candidates[kept++] = candidate;
      }
    }
    candidates.resize(kept);
  };
  // Most exact matches, counted on base types.
  keep_best([&](const Candidate& candidate) {
    int points = 0;
    for (std::size_t i = 0; i < count; ++i)
      points += args[i]->type != oid::unknown && candidate.arguments[i] == base_type(args[i]->type);
    return points;
  });
  if (candidates.size() == 1) return &candidates[0];
  // Most exact matches or preferred types.
  keep_best([&](const Candidate& candidate) {
    int points = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (args[i]->type == oid::unknown) continue;
      const Oid base = base_type(args[i]->type), wanted = candidate.arguments[i];
      points += wanted == base || (category(wanted) == category(base) && is_preferred(wanted));
    }
    return points;
  });
  if (candidates.size() == 1) return &candidates[0];
  if (unknowns == 0) return nullptr;
  // Unknown arguments: a category that all agree on, string winning; then preferred types within it.
  Vec<char> categories(*arena_);
  categories.resize(count);
  Vec<bool> preferred(*arena_);
  preferred.resize(count);
  bool resolved = true;
  for (std::size_t i = 0; i < count && resolved; ++i) {
    if (args[i]->type != oid::unknown) continue;
    bool have = false, conflict = false;
    for (const Candidate& candidate : candidates) {
      const char one = category(candidate.arguments[i]);
      const bool is_preferred_one = is_preferred(candidate.arguments[i]);
      if (!have) {
        categories[i] = one;
        preferred[i] = is_preferred_one;
        have = true;
      } else if (one == categories[i]) {
        preferred[i] = preferred[i] || is_preferred_one;
      } else if (one == 'S') {
        categories[i] = one;
        preferred[i] = is_preferred_one;
      } else {
        conflict = true;
      }
    }
    if (conflict && categories[i] != 'S') resolved = false;
  }
  if (resolved) {
    Vec<Candidate> narrowed(*arena_);
    for (const Candidate& candidate : candidates) {
      bool keep = true;
      for (std::size_t i = 0; i < count && keep; ++i) {
        if (args[i]->type != oid::unknown) continue;
        const Oid wanted = candidate.arguments[i];
        keep = category(wanted) == categories[i] && (!preferred[i] || is_preferred(wanted));
      }
      if (keep) narrowed.push_back(candidate);
    }
    if (!narrowed.empty()) candidates = narrowed;
    if (candidates.size() == 1) return &candidates[0];
  }
  // All known arguments of one type: assume it for the unknown ones too.
  if (unknowns < count) {
    Oid known = oid::unknown;
    for (const Expr* arg : args) {
      if (arg->type == oid::unknown) continue;
      const Oid base = base_type(arg->type);
      if (known == oid::unknown) known = base;
      else if (known != base) return nullptr;
    }
    Candidate* only = nullptr;
    for (Candidate& candidate : candidates) {
      bool fits = true;
      for (std::size_t i = 0; i < count && fits; ++i)
        fits = can_coerce(known, candidate.arguments[i], CastContext::implicit);
      if (!fits || !polymorphic_fits(args, candidate.arguments, known)) continue;
      if (only != nullptr) return nullptr;
      only = &candidate;
    }
    return only;
  }
  return nullptr;
}

Result<Oid> Binder::settle_polymorphic(std::span<Expr*> args, std::span<Oid> declared, Oid result) {
  Oid element = Oid::none, array_type = Oid::none, compatible = Oid::none;
  bool has_family1 = false, has_family2 = false;
  Vec<Expr*> mixed(*arena_);
  for (std::size_t i = 0; i < args.size(); ++i) {
    const Oid actual = args[i]->type;
    if (is_family1(declared[i])) {
      has_family1 = true;
      if (actual == oid::unknown) continue;
      if (is_array_word(declared[i])) array_type = base_type(actual);
      else if (declared[i] == poly::anyrange || declared[i] == poly::anymultirange) array_type = actual;
      else element = actual;
    } else if (is_family2(declared[i])) {
      has_family2 = true;
      if (is_array_word(declared[i])) {
        const Oid of = element_of(actual);
        if (of == Oid::none) continue;
        auto* stand_in = make_expr<Expr>(*arena_, ExprKind::default_marker, of, physical(of), args[i]->position);
        mixed.push_back(stand_in);
      } else {
        mixed.push_back(args[i]);
      }
    }
  }
  if (has_family1) {
    if (element == Oid::none && array_type != Oid::none)
      element = array_type == oid::anyarray ? oid::text : element_of(array_type);
    if (element == Oid::none) {
      bool needs = is_family1(result);
      for (const Oid one : declared) needs = needs || is_family1(one);
      if (needs)
        return Error::make(sqlstate::datatype_mismatch,
                           "could not determine polymorphic type because input has type unknown");
    }
    if (array_type == Oid::none) array_type = array_of(element);
  }
  if (has_family2) {
    compatible = oid::text;
    if (!mixed.empty()) { SPG_ASSIGN(compatible, common_type(mixed.span(), "arguments")); }
  }
  const auto settle = [&](Oid declared_type) {
    if (declared_type == poly::anyarray || declared_type == poly::anyrange || declared_type == poly::anymultirange)
      return array_type;
    if (is_family1(declared_type)) return element;
    if (declared_type == poly::anycompatiblearray) return array_of(compatible);
    if (is_family2(declared_type)) return compatible;
    return declared_type;
  };
  for (Oid& one : declared) one = settle(one);
  return settle(result);
}

// ------------------------------------------------------------------------------------------------------ operators

namespace {
std::string_view operator_text(Arena& arena, const sql::OperatorName& name) {
  if (name.schema.empty()) return name.name;
  return arena.concat(name.schema[name.schema.size() - 1], ".", name.name);
}
}  // namespace

Result<const catalog::Operator*> Binder::find_operator(const sql::OperatorName& name, Expr* left, Expr* right,
                                                       std::int32_t at) {
  const std::string_view own = in_view_ != 0 ? std::string_view("pg_catalog") : std::string_view{};
  const std::string_view schema = name.schema.empty() ? own : name.schema[name.schema.size() - 1];
  const auto found = catalog_->operators(schema, name.name);
  Oid left_type = left == nullptr ? Oid::none : left->type, right_type = right->type;
  // An unknown operand beside a known one is first taken to be of the same type.
  const Oid exact_left = left != nullptr && left_type == oid::unknown ? right_type : left_type;
  const Oid exact_right = left != nullptr && right_type == oid::unknown ? left_type : right_type;
  const auto exact = [&](Oid a, Oid b) -> const catalog::Operator* {
    for (const catalog::Operator* op : found)
      if (op->left == a && op->right == b && op->function != Oid::none) return op;
    return nullptr;
  };
  if (const catalog::Operator* op = exact(exact_left, exact_right); op != nullptr) return op;
  if (left != nullptr && (left_type == oid::unknown) != (right_type == oid::unknown)) {
    const Oid base = base_type(exact_left);
    if (base != exact_left)
      if (const catalog::Operator* op = exact(base, base); op != nullptr) return op;
  }
  Vec<Expr*> args(*arena_);
  if (left != nullptr) args.push_back(left);
  args.push_back(right);
  Vec<Candidate> candidates(*arena_);
  for (const catalog::Operator* op : found) {
    if ((op->left == Oid::none) != (left == nullptr) || op->function == Oid::none) continue;
    Candidate candidate;
    candidate.op = op;
    candidate.arguments = left == nullptr ? std::span<const Oid>(&op->right, 1) : std::span<const Oid>(&op->left, 2);
    candidates.push_back(candidate);
  }
  static_assert(offsetof(catalog::Operator, right) == offsetof(catalog::Operator, left) + sizeof(Oid));
  keep_matching(args.span(), candidates);
  const bool any = !candidates.empty();
  if (Candidate* chosen = select_candidate(args.span(), candidates); chosen != nullptr) return chosen->op;
  TextBuilder shown(*arena_);
  if (left != nullptr) shown.add(type_text(left_type), " ");
  shown.add(operator_text(*arena_, name), " ", type_text(right_type));
  if (any)
    return fail(sqlstate::ambiguous_function, at, "operator is not unique: ", shown.view())
        .hint("Could not choose a best candidate operator. You might need to add explicit type casts.");
  return fail(sqlstate::undefined_function, at, "operator does not exist: ", shown.view())
      .hint(left != nullptr
                ? "No operator matches the given name and argument types. You might need to add explicit type casts."
                : "No operator matches the given name and argument type. You might need to add an explicit type cast.");
}

Result<Expr*> Binder::operator_call(const catalog::Operator& op, Expr* left, Expr* right, std::int32_t at) {
  Vec<Expr*> args(*arena_);
  Vec<Oid> declared(*arena_);
  if (left != nullptr) {
    args.push_back(left);
    declared.push_back(op.left);
  }
  args.push_back(right);
  declared.push_back(op.right);
  SPG_ASSIGN(const Oid result, settle_polymorphic(args.span(), declared.span(), op.result));
  for (std::size_t i = 0; i < args.size(); ++i) {
    SPG_ASSIGN(args[i], coerce(args[i], declared[i], -1, CastContext::implicit, -1));
  }
  const catalog::Function* function = catalog_->function(op.function);
  auto* made = make_expr<Call>(*arena_, ExprKind::call, result, physical(result), at);
  made->function = op.function;
  made->op = op.oid;
  made->written = Written::operator_;
  made->collation = collation_of(result);
  made->input_collation = args[0]->collation;
  made->strict = function == nullptr || function->strict;
  made->returns_set = function != nullptr && function->returns_set;
  made->arguments = args.span();
  return made;
}

Result<Expr*> Binder::make_operator(const sql::OperatorName& name, Expr* left, Expr* right, std::int32_t at) {
  SPG_ASSIGN(const catalog::Operator* op, find_operator(name, left, right, at));
  return operator_call(*op, left, right, at);
}

Result<Expr*> Binder::make_operator(std::string_view name, Expr* left, Expr* right, std::int32_t at) {
  sql::OperatorName op;
  op.name = name;
  return make_operator(op, left, right, at);
}

// ------------------------------------------------------------------------------------------------------ functions

std::string_view Binder::signature(std::string_view name, std::span<Expr*> args,
                                   std::span<const std::string_view> names) {
  TextBuilder out(*arena_);
  out.add(name, "(");
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i != 0) out.add(", ");
    if (i < names.size() && !names[i].empty()) out.add(names[i], " => ");
    out.add(type_text(args[i]->type));
  }
  out.add(")");
  return out.view();
}

}  // namespace spg::plan
