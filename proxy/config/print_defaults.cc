// The commented sample. It is a configuration: what it shows without a default is an example.
#include <fmt/format.h>

#include "proxy/config/builtin.h"
#include "proxy/config/loader.h"
#include "proxy/config/names.h"
#include "proxy/config/print.h"
#include "proxy/config/values.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kWidth = 100;

constexpr std::string_view kHead =
    R"(# Ravelin: every parameter with its default; hostname, domains and backends are examples.
# Printed by `ravelin --print-defaults`; docs/parameters.md says more about each.
#
# On HUP the file is read again: [limits] act on living dialogs, all else on new ones. With an error
# in the file, or a change that needs a restart, a reload changes nothing.
)";

void print_row(const Param& row, std::string& out) {
  std::string comment(first_sentence(row.doc));
  if (row.fixed) comment += kFixed;
  if (row.kind == ParamKind::Choice) comment += fmt::format(" One of {}.", choice_names(row));
  out += wrapped(comment, "# ", kWidth);
  out += fmt::format("{} = {}\n", row.name, row.example.empty() ? row.default_value : row.example);
}

void print_section(const Section& section, std::string& out) {
  out += '\n';
  out += wrapped(section.doc, "# ", kWidth);
  if (!section.path.empty()) out += section_title(section.path) + '\n';
  for (const Param& row : section.params) print_row(row, out);
}

}  // namespace

std::string print_defaults() {
  std::string out(kHead);
  for (const Section* section : all_sections()) print_section(*section, out);
  return out;
}

}  // namespace ravelin::proxy
