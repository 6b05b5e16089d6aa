// docs/man/ravelin.toml.5, as roff.
#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/builtin.h"
#include "proxy/config/loader.h"
#include "proxy/config/names.h"
#include "proxy/config/print.h"
#include "proxy/config/values.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kHead = R"(.\" Printed by "ravelin --print-docs man".
.TH RAVELIN.TOML 5 2026-11-27 Ravelin "File formats"
.SH NAME
ravelin.toml \- configuration of ravelin
.SH DESCRIPTION
One TOML file.
.B ravelin \-\-config
.I file
.B \-\-check
lists every mistake in it with its place;
.B ravelin \-\-print\-defaults
prints a commented sample.
.PP
Durations are written
.BR \(dq250ms\(dq ,
.BR \(dq5s\(dq ,
.BR \(dq4m\(dq ,
.BR \(dq9h\(dq ,
.BR \(dq36d\(dq ;
sizes
.BR \(dq500B\(dq ,
.BR \(dq10kB\(dq ,
.BR \(dq50MB\(dq ,
.B \(dq2GB\(dq
or a number of bytes; rates
.BR \(dq10000/s\(dq ;
shares
.BR \(dq25%\(dq .
.PP
Files that the configuration names have one entry a line;
.B #
begins a comment.
They are read when the configuration is, so HUP reads them again.
)";
constexpr std::string_view kTail = R"(.SH "SEE ALSO"
.BR ravelin (8),
.BR ravelinctl (8)
)";

// A hyphen that can be copied, quotes and backslashes as they are. What is not ASCII is written by
// its number, for not every reader of manuals knows the encoding of a file.
std::string roff(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '-') {
      out += "\\-";
    } else if (byte == '\\') {
      out += "\\e";
    } else if (byte == '"') {
      out += "\\(dq";
    } else if (byte == 0xC2 && i + 1 < text.size()) {  // U+0080 to U+00BF: the section sign
      out += fmt::format("\\[u{:04X}]", static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
  return out;
}

// A sentence a line, as manuals are written; none begins like a request.
std::string sentences(std::string_view doc) {
  std::string out;
  for (size_t at = 0; at < doc.size();) {
    const auto end = std::min(doc.find(". ", at), doc.size());
    out += roff(doc.substr(at, end + 1 - at)) + '\n';
    at = end + 2;
  }
  return out;
}

std::string facts(const Param& row) {
  const auto range = describe_range(row);
  std::string text = row.required() ? "Required" : fmt::format("Default {}", row.default_value);
  if (!range.empty()) text += "; " + range;
  return roff(text) + ".\n";
}

void print_section(const Section& section, std::string& out) {
  const auto title =
      section.path.empty() ? std::string("TOP OF THE FILE") : section_title(section.path);
  out += fmt::format(".SH \"{}\"\n{}", roff(title), sentences(section.doc));
  for (const Param& row : section.params)
    out += fmt::format(".TP\n.B {}\n{}{}", roff(row.name), sentences(full_doc(row)), facts(row));
}

}  // namespace

std::string print_parameter_man() {
  std::string out(kHead);
  for (const Section* section : all_sections()) print_section(*section, out);
  return out + std::string(kTail);
}

}  // namespace ravelin::proxy
