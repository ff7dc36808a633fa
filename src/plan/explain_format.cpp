// The forms of EXPLAIN: text, and JSON, YAML and XML, which have the same structure.
#include "explain_tree.hpp"

namespace spg::plan {

namespace {

class TextForm {
 public:
  TextForm(Arena& arena, Vec<std::string_view>& lines) : arena_(arena), lines_(lines) {}
  void node(const ExplainNode& node, int indent, bool is_root) {
    if (!node.label.empty()) {
      line(indent, node.label);
      indent += 2;
    }
    line(indent, arena_.concat(is_root ? "" : "->  ", node.title, node.cost, node.actual));
    const int below = is_root ? indent + 2 : indent + 6;
    for (const ExplainProperty& one : node.details)
      if (one.in_text) property(one, below);
    for (const ExplainNode* child : node.children) this->node(*child, below, false);
  }
  void property(const ExplainProperty& one, int indent) {
    TextBuilder text(arena_);
    text.add(one.label, ": ", one.value);
    for (std::size_t i = 0; i < one.items.size(); ++i) text.add(i == 0 ? "" : ", ", one.items[i]);
    line(indent, text.view());
  }

 private:
  void line(int indent, std::string_view text) {
    TextBuilder line(arena_);
    for (int i = 0; i < indent; ++i) line.add(" ");
    line.add(text);
    lines_.push_back(line.view());
  }
  Arena& arena_;
  Vec<std::string_view>& lines_;
};

/// Builds one text with line ends.
class Structure {
 public:
  Structure(Arena& arena, ExplainFormat format) : arena_(arena), format_(format), out_(arena) {}
  std::string_view text() const { return out_.view(); }

  void document(const ExplainNode& root, std::span<const ExplainProperty> summary) {
    switch (format_) {
      case ExplainFormat::json:
        out_.add("[");
        depth_ = 1;
        start(false);
        out_.add("{");
        break;
      case ExplainFormat::yaml:
        out_.add("- ");
        yaml_item_ = true;
        break;
      default:
        out_.add("<explain xmlns=\"http://www.postgresql.org/2009/explain\">");
        depth_ = 1;
        start(false);
        out_.add("<Query>");
        break;
    }
    ++depth_;
    open("Plan", "Plan", false);
    node(root);
    close("Plan", false);
    for (const ExplainProperty& one : summary)
      if (one.in_structure) property(one);
    --depth_;
    if (format_ == ExplainFormat::json) {
      start(true);
      out_.add("}\n]");
    } else if (format_ == ExplainFormat::xml) {
      start(true);
      out_.add("</Query>\n</explain>");
    }
  }

 private:
  void node(const ExplainNode& node) {
    property({ExplainProperty::Kind::text, "Node Type", node.type, {}});
    if (!node.strategy.empty()) property({ExplainProperty::Kind::text, "Strategy", node.strategy, {}});
    if (node.type == "Aggregate") property({ExplainProperty::Kind::text, "Partial Mode", "Simple", {}});
    if (!node.operation.empty()) property({ExplainProperty::Kind::text, "Operation", node.operation, {}});
    if (!node.relationship.empty()) property({ExplainProperty::Kind::text, "Parent Relationship", node.relationship, {}});
    if (!node.label.empty()) property({ExplainProperty::Kind::text, "Subplan Name", node.label, {}});
    property({ExplainProperty::Kind::bare, "Parallel Aware", "false", {}});
    property({ExplainProperty::Kind::bare, "Async Capable", "false", {}});
    for (const ExplainProperty& one : node.head) property(one);
    for (const ExplainProperty& one : node.details)
      if (one.in_structure) property(one);
    if (node.children.empty()) return;
    open("Plans", "Plans", true);
    for (const ExplainNode* child : node.children) {
      open({}, "Plan", false);
      this->node(*child);
      close("Plan", false);
    }
    close("Plans", true);
  }

  /// A new line for what comes next; `closes`: a bracket, which no comma goes before.
  void start(bool closes) {
    if (format_ == ExplainFormat::yaml && yaml_item_) {
      yaml_item_ = false;
      return;
    }
    if (format_ == ExplainFormat::json && !closes && has_before_) out_.add(",");
    out_.add("\n");
    for (int i = 0; i < depth_; ++i) out_.add("  ");
    has_before_ = !closes ? has_before_ : true;
  }
  /// An object, or a list of them, with a name or without (as a part of a list).
  void open(std::string_view label, std::string_view tag, bool is_list) {
    if (format_ == ExplainFormat::yaml) {
      start(false);
      if (label.empty()) {
        out_.add("- ");
        yaml_item_ = true;
      } else {
        out_.add(label, ": ");
      }
    } else if (format_ == ExplainFormat::json) {
      start(false);
      if (!label.empty()) out_.add("\"", label, "\": ");
      out_.add(is_list ? "[" : "{");
    } else {
      start(false);
      out_.add("<", tag, ">");
    }
    ++depth_;
    has_before_ = false;
  }
  void close(std::string_view tag, bool is_list) {
    --depth_;
    if (format_ == ExplainFormat::json) {
      start(true);
      out_.add(is_list ? "]" : "}");
    } else if (format_ == ExplainFormat::xml) {
      start(true);
      out_.add("</", tag, ">");
    }
    has_before_ = true;
  }

  void property(const ExplainProperty& one) {
    if (one.kind == ExplainProperty::Kind::nothing) {
      open(one.label, tag_of(one.label), true);
      return close(tag_of(one.label), true);
    }
    const bool is_list = one.kind == ExplainProperty::Kind::list;
    start(false);
    switch (format_) {
      case ExplainFormat::json:
        out_.add("\"", one.label, "\": ");
        if (is_list) {
          out_.add("[");
          for (std::size_t i = 0; i < one.items.size(); ++i) {
            out_.add(i == 0 ? "" : ", ");
            quoted(one.items[i]);
          }
          out_.add("]");
        } else if (one.kind == ExplainProperty::Kind::bare) {
          out_.add(one.value);
        } else {
          quoted(one.value);
        }
        break;
      case ExplainFormat::yaml:
        out_.add(one.label, ": ");
        if (is_list) {
          ++depth_;
          for (const std::string_view item : one.items) {
            start(false);
            out_.add("- ");
            quoted(item);
          }
          --depth_;
        } else if (one.kind == ExplainProperty::Kind::bare) {
          out_.add(one.value);
        } else {
          quoted(one.value);
        }
        break;
      default: {
        const std::string_view tag = tag_of(one.label);
        out_.add("<", tag, ">");
        if (is_list) {
          ++depth_;
          for (const std::string_view item : one.items) {
            start(false);
            out_.add("<Item>");
            escaped(item);
            out_.add("</Item>");
          }
          --depth_;
          start(true);
        } else {
          escaped(one.value);
        }
        out_.add("</", tag, ">");
        break;
      }
    }
    has_before_ = true;
  }

  /// As JSON has strings; YAML's in double quotes are the same.
  void quoted(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out_.add("\"");
    for (const char c : text) {
      const std::string_view one(&c, 1);
      switch (c) {
        case '"': out_.add("\\\""); break;
        case '\\': out_.add("\\\\"); break;
        case '\n': out_.add("\\n"); break;
        case '\r': out_.add("\\r"); break;
        case '\t': out_.add("\\t"); break;
        case '\b': out_.add("\\b"); break;
        case '\f': out_.add("\\f"); break;
        default:
          if (static_cast<unsigned char>(c) >= 0x20) out_.add(one);
          else out_.add("\\u00", std::string_view(&digits[c >> 4], 1), std::string_view(&digits[c & 15], 1));
      }
    }
    out_.add("\"");
  }
  void escaped(std::string_view text) {
    for (const char c : text) {
      switch (c) {
        case '&': out_.add("&amp;"); break;
        case '<': out_.add("&lt;"); break;
        case '>': out_.add("&gt;"); break;
        case '\r': out_.add("&#x0d;"); break;
        default: out_.add(std::string_view(&c, 1));
      }
    }
  }
  std::string_view tag_of(std::string_view label) {
    char* tag = arena_.array<char>(label.size());
    for (std::size_t i = 0; i < label.size(); ++i) tag[i] = label[i] == ' ' || label[i] == '/' ? '-' : label[i];
    return {tag, label.size()};
  }

  Arena& arena_;
  ExplainFormat format_;
  TextBuilder out_;
  int depth_ = 0;
  bool has_before_ = false;   ///< something in the same object or list
  bool yaml_item_ = false;    ///< the line of what comes next has begun, with a dash
};

}  // namespace

void print_explained(Arena& arena, const ExplainNode& root, std::span<const ExplainProperty> summary, ExplainFormat format, Vec<std::string_view>& lines) {
  if (format == ExplainFormat::text) {
    TextForm form(arena, lines);
    form.node(root, 0, true);
    for (const ExplainProperty& one : summary)
      if (one.in_text) form.property(one, 0);
    return;
  }
  Structure form(arena, format);
  form.document(root, summary);
  lines.push_back(form.text());
}

}  // namespace spg::plan
