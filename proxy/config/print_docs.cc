// docs/parameters.md.
#include <fmt/format.h>

#include "proxy/config/builtin.h"
#include "proxy/config/loader.h"
#include "proxy/config/names.h"
#include "proxy/config/print.h"
#include "proxy/config/values.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kHead = R"(# Parameters

Printed by the program from the rows that it reads the configuration with.

The configuration is one [TOML](https://toml.io/en/v1.0.0) file. `ravelin --config FILE --check`
lists every mistake in it with its place; [etc/ravelin.toml](../etc/ravelin.toml) shows all
parameters in place.

| kind | is written | |
|---|---|---|
| number | `1000` | a whole number |
| duration | `"250ms"` `"5s"` `"4m"` `"9h"` `"36d"` | a whole number and one unit |
| size | `"500B"` `"10kB"` `"50MB"` `"2GB"` or `500` | decimal; bytes without a unit |
| rate | `"10000/s"` | per second |
| share | `"25%"` | whole per cent |
| text | `"mx.example.net"` | |
| list | `["a", "b"]` | of texts |
| choice | `"smtp"` | one of the texts given |
| switch | `true` or `false` | |

Files that the configuration names (`domains_file`, `allow_file` and so on) have one entry a line;
`#` begins a comment. They are read when the configuration is, so HUP reads them again. A path that
does not begin with `/` starts at the directory that Ravelin was started in.
)";

std::string_view kind_name(ParamKind kind) {
  switch (kind) {
    case ParamKind::Integer:
      return "number";
    case ParamKind::Duration:
      return "duration";
    case ParamKind::Size:
      return "size";
    case ParamKind::Rate:
      return "rate";
    case ParamKind::Share:
      return "share";
    case ParamKind::Text:
      return "text";
    case ParamKind::TextList:
      return "list";
    case ParamKind::Choice:
      return "choice";
    case ParamKind::Boolean:
      return "switch";
  }
  return {};
}

// A bar would end the cell, angle brackets would be taken for HTML.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '>') result += '\\';
    result += c;
  }
  return result;
}

std::string not_built(const Param& row) {
  std::string names;
  for (size_t i = row.choices_built; i < row.choices.size(); ++i)
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", row.choices[i]);
  return names.empty() ? names : fmt::format(" Not built yet: {}.", names);
}

void print_row(const Param& row, std::string& out) {
  const auto value = row.required() ? "required" : fmt::format("`{}`", row.default_value);
  out += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", row.name, kind_name(row.kind), value,
                     cell(describe_range(row)), cell(full_doc(row)), not_built(row));
}

void print_section(const Section& section, std::string& out) {
  const auto title =
      section.path.empty() ? "Top of the file" : fmt::format("`{}`", section_title(section.path));
  out += fmt::format("\n## {}\n\n{}\n\n| key | kind | default | range | meaning |\n", title,
                     section.doc);
  out += "|---|---|---|---|---|\n";
  for (const Param& row : section.params) print_row(row, out);
}

}  // namespace

std::string print_parameter_docs() {
  std::string out(kHead);
  for (const Section* section : all_sections()) print_section(*section, out);
  return out;
}

}  // namespace ravelin::proxy
