#include "pattern.hpp"

#include "spg/type/ascii.hpp"
#include "spg/type/text.hpp"

namespace spg::exec {
namespace {

using Op = PatternStep::Op;
constexpr std::uint32_t code_max = 0x10ffff;
constexpr std::size_t steps_max = 20000;
constexpr std::uint32_t repeat_max = 255, unbounded = UINT32_MAX;
constexpr int pattern_depth_max = 200;

Error invalid(std::string_view what) {
  return Error::make(sqlstate::invalid_regular_expression, "invalid regular expression: ", what);
}
Error unsupported(std::string_view what) {
  return Error::make(sqlstate::feature_not_supported, what, " in regular expressions are not supported");
}

std::uint32_t decode(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t bytes = type::character_bytes(text[at]);
  if (bytes > text.size() - at) bytes = text.size() - at;
  std::uint32_t code = bytes == 1 ? first : first & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3f);
  at += bytes;
  return code;
}
bool is_word(std::uint32_t c) { return c >= 128 || type::is_alnum(static_cast<char>(c)) || c == '_'; }

struct Node {
  enum class Kind : std::uint8_t { empty, set, assertion, sequence, choice, repeat, group } kind{};
  Op assertion{};
  bool negated = false, greedy = true, captures = false;
  std::uint32_t low = 0, high = 0, group = 0;
  std::span<const CharRange> ranges;
  std::span<Node*> children;
};

class Parser {
 public:
  Parser(std::string_view text, const PatternOptions& options, Arena& arena)
      : text_(text), options_(options), arena_(&arena) {}
  Result<Node*> parse() {
    if (options_.literal) {
      Vec<Node*> parts(*arena_);
      while (!done()) parts.push_back(literal(decode(text_, at_)));
      return sequence(parts);
    }
    SPG_TRY(prefix());
    SPG_ASSIGN(Node * node, choice());
    if (!done()) return invalid("parentheses () not balanced");
    return node;
  }
  std::uint32_t groups = 1;
  PatternOptions options() const { return options_; }

 private:
  bool done() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  /// "***:" and "***=" directors, and embedded options "(?i)".
  Status prefix() {
    if (text_.starts_with("***=")) return unsupported("directors");
    if (text_.starts_with("***:")) at_ += 4;
    if (!text_.substr(at_).starts_with("(?") || !type::is_alpha(peek(2))) return ok();
    std::size_t i = at_ + 2;
    for (; i < text_.size() && text_[i] != ')'; ++i) {
      switch (text_[i]) {
        case 'i': options_.ignore_case = true; break;
        case 'c':
        case 's':
        case 't':
        case 'e': break;
        case 'n':
        case 'm': options_.newline_sensitive = true; break;
        case 'x': options_.expanded = true; break;
        default: return invalid("invalid embedded option");
      }
    }
    if (i == text_.size()) return invalid("invalid embedded option");
    at_ = i + 1;
    return ok();
  }
  void skip_space() {
    while (options_.expanded && !done()) {
      if (type::is_space(text_[at_])) ++at_;
      else if (text_[at_] == '#')
        while (!done() && text_[at_] != '\n') ++at_;
      else return;
    }
  }
  Node* make(Node::Kind kind) {
    Node* node = arena_->make<Node>();
    node->kind = kind;
    return node;
  }
  Node* list(Node::Kind kind, const Vec<Node*>& parts) {
    Node* node = make(kind);
    node->children = {const_cast<Node**>(parts.data()), parts.size()};
    return node;
  }
  Node* sequence(const Vec<Node*>& parts) {
    return parts.size() == 1 ? parts[0] : list(parts.empty() ? Node::Kind::empty : Node::Kind::sequence, parts);
  }
  Node* assertion(Op op) {
    Node* node = make(Node::Kind::assertion);
    node->assertion = op;
    return node;
  }
  Node* set(const Vec<CharRange>& ranges, bool negated) {
    Node* node = make(Node::Kind::set);
    Vec<CharRange> all = ranges;
    const std::size_t count = ranges.size();
    for (std::size_t i = 0; options_.ignore_case && i < count; ++i)
      for (std::uint32_t c = ranges[i].low; c <= ranges[i].high && c < 128; ++c)
        if (type::is_alpha(static_cast<char>(c))) all.push_back({c ^ 0x20, c ^ 0x20});
    if (negated && options_.newline_sensitive) all.push_back({'\n', '\n'});
    node->ranges = {all.data(), all.size()};
    node->negated = negated;
    return node;
  }
  Node* literal(std::uint32_t c) {
    Vec<CharRange> ranges(*arena_);
    ranges.push_back({c, c});
    return set(ranges, false);
  }

  Result<Node*> choice() {
    if (++depth_ > pattern_depth_max) return invalid("regular expression is too complex");
    Vec<Node*> branches(*arena_);
    do {
      SPG_ASSIGN(Node * node, branch());
      branches.push_back(node);
    } while (take('|'));
    --depth_;
    return branches.size() == 1 ? branches[0] : list(Node::Kind::choice, branches);
  }
  Result<Node*> branch() {
    Vec<Node*> parts(*arena_);
    for (;;) {
      skip_space();
      if (done() || peek() == '|' || (peek() == ')' && depth_ > 1)) return sequence(parts);
      if (peek() == ')') return invalid("parentheses () not balanced");
      SPG_ASSIGN(Node * node, atom());
      SPG_ASSIGN(node, quantified(node));
      parts.push_back(node);
    }
  }
  Result<Node*> quantified(Node* node) {
    for (;;) {
      skip_space();
      std::uint32_t low, high;
      const char c = peek();
      if (done()) return node;
      if (c == '*') {
        low = 0;
        high = unbounded;
        ++at_;
      } else if (c == '+') {
        low = 1;
        high = unbounded;
        ++at_;
      } else if (c == '?') {
        low = 0;
        high = 1;
        ++at_;
      } else if (c == '{' && type::is_digit(peek(1))) {
        ++at_;
        SPG_ASSIGN(low, count());
        high = low;
        if (take(',')) {
          high = unbounded;
          if (type::is_digit(peek())) { SPG_ASSIGN(high, count()); }
        }
        if (!take('}')) return invalid("braces {} not balanced");
        if (high < low) return invalid("invalid repetition count(s)");
      } else {
        return node;
      }
      if (node->kind == Node::Kind::assertion || node->kind == Node::Kind::repeat)
        return invalid("quantifier operand invalid");
      Node* repeat = make(Node::Kind::repeat);
      repeat->low = low;
      repeat->high = high;
      repeat->greedy = !take('?');
      Vec<Node*> child(*arena_);
      child.push_back(node);
      repeat->children = {child.data(), 1};
      node = repeat;
    }
  }
  Result<std::uint32_t> count() {
    std::uint32_t value = 0;
    while (type::is_digit(peek())) {
      value = value * 10 + static_cast<std::uint32_t>(text_[at_++] - '0');
      if (value > repeat_max) return invalid("invalid repetition count(s)");
    }
    return value;
  }
  Result<Node*> atom() {
    const char c = peek();
    switch (c) {
      case '(': return group();
      case '[': return bracket();
      case '.': {
        ++at_;
        return set(Vec<CharRange>(*arena_), true);
      }
      case '^': ++at_; return assertion(Op::begin);
      case '$': ++at_; return assertion(Op::end);
      case '*':
      case '+':
      case '?': return invalid("quantifier operand invalid");
      case '{':
        if (type::is_digit(peek(1))) return invalid("quantifier operand invalid");
        break;
      case '\\': return escape();
      default: break;
    }
    return literal(decode(text_, at_));
  }
  Result<Node*> group() {
    ++at_;
    bool captures = true;
    if (take('?')) {
      if (!take(':')) return unsupported("look-around constraints");
      captures = false;
    }
    Node* node = make(Node::Kind::group);
    node->captures = captures;
    if (captures) node->group = groups++;
    SPG_ASSIGN(Node * inside, choice());
    if (!take(')')) return invalid("parentheses () not balanced");
    Vec<Node*> child(*arena_);
    child.push_back(inside);
    node->children = {child.data(), 1};
    return node;
  }
  bool add_class(std::string_view name, Vec<CharRange>& to) {
    struct Known {
      std::string_view name;
      CharRange ranges[4];
      std::size_t count;
    };
    static constexpr Known known[] = {{"alpha", {{'a', 'z'}, {'A', 'Z'}}, 2},
                                      {"digit", {{'0', '9'}}, 1},
                                      {"alnum", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}}, 3},
                                      {"upper", {{'A', 'Z'}}, 1},
                                      {"lower", {{'a', 'z'}}, 1},
                                      {"space", {{' ', ' '}, {'\t', '\r'}}, 2},
                                      {"blank", {{' ', ' '}, {'\t', '\t'}}, 2},
                                      {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4},
                                      {"xdigit", {{'0', '9'}, {'a', 'f'}, {'A', 'F'}}, 3},
                                      {"cntrl", {{0, 31}, {127, 127}}, 2},
                                      {"print", {{32, 126}}, 1},
                                      {"graph", {{33, 126}}, 1},
                                      {"word", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'_', '_'}}, 4}};
    for (const Known& k : known) {
      if (k.name != name) continue;
      for (std::size_t i = 0; i < k.count; ++i) to.push_back(k.ranges[i]);
      return true;
    }
    return false;
  }
  Result<Node*> bracket() {
    ++at_;
    const bool negated = take('^');
    Vec<CharRange> ranges(*arena_);
    for (bool first = true;; first = false) {
      if (done()) return invalid("brackets [] not balanced");
      if (!first && take(']')) return set(ranges, negated);
      if (peek() == '[' && peek(1) == ':') {
        const std::size_t end = text_.find(":]", at_ + 2);
        if (end == std::string_view::npos) return invalid("brackets [] not balanced");
        if (!add_class(text_.substr(at_ + 2, end - at_ - 2), ranges)) return invalid("invalid character class");
        at_ = end + 2;
        continue;
      }
      if (peek() == '\\' && (peek(1) == 'd' || peek(1) == 'w' || peek(1) == 's')) {
        add_class(peek(1) == 'd' ? "digit" : peek(1) == 'w' ? "word" : "space", ranges);
        at_ += 2;
        continue;
      }
      SPG_ASSIGN(const std::uint32_t low, bracket_character());
      std::uint32_t high = low;
      if (peek() == '-' && peek(1) != ']' && peek(1) != '\0') {
        ++at_;
        SPG_ASSIGN(high, bracket_character());
        if (high < low) return invalid("invalid character range");
      }
      ranges.push_back({low, high});
    }
  }
  Result<std::uint32_t> bracket_character() {
    if (done()) return invalid("brackets [] not balanced");
    if (peek() != '\\') return decode(text_, at_);
    ++at_;
    if (done()) return invalid("invalid escape \\ sequence");
    return escaped_character();
  }
  /// The character that an escape stands for.
  Result<std::uint32_t> escaped_character() {
    const char c = text_[at_];
    if (!type::is_alnum(c)) return decode(text_, at_);
    ++at_;
    switch (c) {
      case 'n': return std::uint32_t{'\n'};
      case 't': return std::uint32_t{'\t'};
      case 'r': return std::uint32_t{'\r'};
      case 'f': return std::uint32_t{'\f'};
      case 'v': return std::uint32_t{'\v'};
      case 'a': return std::uint32_t{7};
      case 'b': return std::uint32_t{8};
      case 'e': return std::uint32_t{27};
      case 'B': return std::uint32_t{'\\'};
      case '0': return std::uint32_t{0};
      case 'x':
      case 'u':
      case 'U': {
        const std::size_t digits = c == 'u' ? 4 : c == 'U' ? 8 : 2;
        std::uint32_t code = 0;
        for (std::size_t i = 0; i < digits; ++i) {
          const int digit = type::hex_value(peek());
          if (digit < 0) return invalid("invalid escape \\ sequence");
          code = code * 16 + static_cast<std::uint32_t>(digit);
          ++at_;
        }
        if (code > code_max) return invalid("invalid escape \\ sequence");
        return code;
      }
      default: return invalid("invalid escape \\ sequence");
    }
  }
  Result<Node*> escape() {
    ++at_;
    if (done()) return invalid("invalid escape \\ sequence");
    const char c = text_[at_];
    Vec<CharRange> ranges(*arena_);
    switch (c) {
      case 'd':
      case 'D':
        ++at_;
        add_class("digit", ranges);
        return set(ranges, c == 'D');
      case 'w':
      case 'W':
        ++at_;
        add_class("word", ranges);
        return set(ranges, c == 'W');
      case 's':
      case 'S':
        ++at_;
        add_class("space", ranges);
        return set(ranges, c == 'S');
      case 'A': ++at_; return assertion(Op::begin);
      case 'Z': ++at_; return assertion(Op::end);
      case 'm': ++at_; return assertion(Op::word_start);
      case 'M': ++at_; return assertion(Op::word_end);
      case 'y': ++at_; return assertion(Op::word);
      case 'Y': ++at_; return assertion(Op::not_word);
      case '1':
      case '2':
      case '3':
      case '4':
      case '5':
      case '6':
      case '7':
      case '8':
      case '9': return unsupported("back references");
      default: break;
    }
    SPG_ASSIGN(const std::uint32_t code, escaped_character());
    return literal(code);
  }

  std::string_view text_;
  PatternOptions options_;
  Arena* arena_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

class Emitter {
 public:
  explicit Emitter(Arena& arena) : steps(arena) {}
  Status emit(const Node& node) {
    if (steps.size() > steps_max) return invalid("regular expression is too complex");
    switch (node.kind) {
      case Node::Kind::empty: return ok();
      case Node::Kind::set: add({Op::set, node.negated, 0, 0, node.ranges}); return ok();
      case Node::Kind::assertion: add({node.assertion, false, 0, 0, {}}); return ok();
      case Node::Kind::sequence:
        for (const Node* child : node.children) SPG_TRY(emit(*child));
        return ok();
      case Node::Kind::group:
        if (node.captures) add({Op::save, false, 0, node.group * 2, {}});
        SPG_TRY(emit(*node.children[0]));
        if (node.captures) add({Op::save, false, 0, node.group * 2 + 1, {}});
        return ok();
      case Node::Kind::choice: return choice(node);
      case Node::Kind::repeat: return repeat(node);
    }
    return ok();
  }
  std::uint32_t add(const PatternStep& step) {
    steps.push_back(step);
    const auto at = static_cast<std::uint32_t>(steps.size() - 1);
    steps[at].next = at + 1;
    return at;
  }
  Vec<PatternStep> steps;

 private:
  std::uint32_t here() const { return static_cast<std::uint32_t>(steps.size()); }
  Status choice(const Node& node) {
    Vec<std::uint32_t> jumps(*steps.arena());
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const bool last = i + 1 == node.children.size();
      const std::uint32_t split = last ? 0 : add({Op::split, false, 0, 0, {}});
      SPG_TRY(emit(*node.children[i]));
      if (last) break;
      jumps.push_back(add({Op::jump, false, 0, 0, {}}));
      steps[split].other = here();
    }
    for (const std::uint32_t jump : jumps) steps[jump].next = here();
    return ok();
  }
  /// A split whose preferred way is into the repetition (greedy) or past it.
  void aim(std::uint32_t split, std::uint32_t into, std::uint32_t past, bool greedy) {
    steps[split].next = greedy ? into : past;
    steps[split].other = greedy ? past : into;
  }
  Status repeat(const Node& node) {
    const Node& child = *node.children[0];
    for (std::uint32_t i = 0; i < node.low; ++i) SPG_TRY(emit(child));
    if (node.high == unbounded) {
      const std::uint32_t split = add({Op::split, false, 0, 0, {}});
      const std::uint32_t into = here();
      SPG_TRY(emit(child));
      const std::uint32_t jump = add({Op::jump, false, 0, 0, {}});
      steps[jump].next = split;
      aim(split, into, here(), node.greedy);
      return ok();
    }
    Vec<std::uint32_t> splits(*steps.arena());
    for (std::uint32_t i = node.low; i < node.high; ++i) {
      splits.push_back(add({Op::split, false, 0, 0, {}}));
      SPG_TRY(emit(child));
    }
    for (const std::uint32_t split : splits) aim(split, split + 1, here(), node.greedy);
    return ok();
  }
};

/// Threads of one position, in order of preference, each step at most once.
struct Threads {
  std::uint32_t* steps;
  std::size_t* spans;   ///< slots per thread
  std::uint32_t* mark;  ///< by step: the round in which it was added
  std::uint32_t count = 0;
};

}  // namespace

Result<const Pattern*> Pattern::compile(std::string_view text, const PatternOptions& options, Arena& arena) {
  Parser parser(text, options, arena);
  SPG_ASSIGN(const Node* node, parser.parse());
  Emitter emitter(arena);
  SPG_TRY(emitter.emit(*node));
  emitter.add({Op::match, false, 0, 0, {}});
  if (emitter.steps.size() > steps_max) return invalid("regular expression is too complex");
  auto* pattern = arena.make<Pattern>();
  pattern->options = parser.options();
  pattern->steps = {emitter.steps.data(), emitter.steps.size()};
  pattern->groups_ = parser.groups;
  SPG_TRY(arena.check());
  return static_cast<const Pattern*>(pattern);
}

bool Pattern::find(std::string_view text, std::size_t from, std::span<std::size_t> spans, Arena& arena) const {
  const std::size_t slots = groups_ * 2, width = steps.size();
  Threads lists[2];
  auto* marks = arena.array<std::uint32_t>(width);
  std::memset(marks, 0, width * sizeof(std::uint32_t));
  for (Threads& list : lists) {
    list.steps = arena.array<std::uint32_t>(width);
    list.spans = arena.array<std::size_t>(width * slots);
    list.mark = marks;
  }
  struct Pending {
    std::uint32_t step;
    std::uint32_t slot;
    std::size_t value;
  };  // step UINT32_MAX: restore a slot
  Vec<Pending> stack(arena);
  auto* now_spans = arena.array<std::size_t>(slots);
  std::uint32_t round = 0;
  const auto before = [&](std::size_t at) {
    while (at > 0 && (static_cast<unsigned char>(text[at - 1]) & 0xc0) == 0x80) --at;
    if (at == 0) return std::uint32_t{'\n'};
    std::size_t start = at - 1;
    return decode(text, start);
  };
  const auto holds = [&](Op op, std::size_t at) {
    const bool word_before = at > 0 && is_word(before(at));
    std::size_t next = at;
    const bool word_after = at < text.size() && is_word(decode(text, next));
    switch (op) {
      case Op::begin: return at == 0 || (options.newline_sensitive && text[at - 1] == '\n');
      case Op::end: return at == text.size() || (options.newline_sensitive && text[at] == '\n');
      case Op::word: return word_before != word_after;
      case Op::not_word: return word_before == word_after;
      case Op::word_start: return !word_before && word_after;
      default: return word_before && !word_after;
    }
  };
  // Follows steps that consume nothing; now_spans holds the thread's bounds.
  const auto add = [&](Threads& list, std::uint32_t first, std::size_t at) {
    stack.clear();
    stack.push_back({first, 0, 0});
    while (!stack.empty()) {
      const Pending top = stack.back();
      stack.pop_back();
      if (top.step == UINT32_MAX) {
        now_spans[top.slot] = top.value;
        continue;
      }
      if (list.mark[top.step] == round) continue;
      list.mark[top.step] = round;
      const PatternStep& step = steps[top.step];
      switch (step.op) {
        case Op::jump: stack.push_back({step.next, 0, 0}); break;
        case Op::split:
          stack.push_back({step.other, 0, 0});
          stack.push_back({step.next, 0, 0});
          break;
        case Op::save:
          stack.push_back({UINT32_MAX, step.other, now_spans[step.other]});
          now_spans[step.other] = at;
          stack.push_back({step.next, 0, 0});
          break;
        case Op::set:
        case Op::match:
          list.steps[list.count] = top.step;
          std::memcpy(list.spans + list.count * slots, now_spans, slots * sizeof(std::size_t));
          ++list.count;
          break;
        default:
          if (holds(step.op, at)) stack.push_back({step.next, 0, 0});
      }
    }
  };
  bool found = false;
  Threads* current = &lists[0];
  Threads* following = &lists[1];
  ++round;
  std::size_t work = 0;
  for (std::size_t at = from;;) {
    work += current->count + 1;
    if (work > 16384) {
      if (arena.check().failed()) return false;  // the caller checks it, too
      work = 0;
    }
    if (!found) {  // a new thread at every position, behind the older ones
      for (std::size_t i = 0; i < slots; ++i) now_spans[i] = std::string_view::npos;
      now_spans[0] = at;
      add(*current, 0, at);
    }
    if (current->count == 0 && found) break;
    std::size_t next = at;
    const bool end = at >= text.size();
    const std::uint32_t c = end ? 0 : decode(text, next);
    ++round;
    following->count = 0;
    for (std::uint32_t i = 0; i < current->count; ++i) {
      const PatternStep& step = steps[current->steps[i]];
      std::size_t* thread_spans = current->spans + i * slots;
      if (step.op == Op::match) {
        std::memcpy(spans.data(), thread_spans, slots * sizeof(std::size_t));
        spans[1] = at;
        found = true;
        break;  // the threads behind are less preferred
      }
      if (end) continue;
      bool in = false;
      for (const CharRange& range : step.ranges) in = in || (c >= range.low && c <= range.high);
      if (in == step.negated) continue;
      std::memcpy(now_spans, thread_spans, slots * sizeof(std::size_t));
      add(*following, step.next, next);
    }
    if (end) break;
    Threads* swap = current;
    current = following;
    following = swap;
    at = next;
  }
  return found;
}

}  // namespace spg::exec
