// Parameters of MAIL and RCPT: a table row for each.                       RFC 5321 §4.1.2
// Private to smtp/.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "smtp/command.h"
#include "smtp/cursor.h"
#include "smtp/expected.h"

namespace ravelin::smtp {

struct ParamContext {
  const SyntaxLimits& limits;
  bool smtputf8 = false;  // of the transaction
};

using ParamValue = std::optional<std::string_view>;  // nullopt: a keyword without "="

// |read| checks the value and puts it into the command; false: it is not valid (501).
template <class Into>
struct ParamRow {
  std::string_view keyword;
  bool Offered::*offered;
  bool (*read)(ParamValue value, const ParamContext& context, Into& into);
  std::string_view error;  // what the client hears then
};

struct Param {
  std::string_view keyword;
  ParamValue value;
};

// esmtp-param = esmtp-keyword ["=" esmtp-value]; |in| stands at its first octet.
std::optional<Param> read_param(Cursor& in);

// xtext = *( xchar / "+" 2HEXDIG ), upper case; what it stands for must be printable ASCII or a
// space, and so can end no line anywhere.                              RFC 3461 §4, §4.2, §4.4
bool is_xtext(std::string_view text);

// Reads [SP param *(SP param)] up to the end of the line. Each at most once; what is not in |table|
// or was not offered is a 555 (RFC 5321 §4.1.1.11).
template <class Into>
std::optional<SyntaxError> read_params(Cursor& in, std::span<const ParamRow<Into>> table,
                                       const Offered& offered, const ParamContext& context,
                                       Into& into) {
  uint32_t seen = 0;
  for (size_t count = 0; !in.at_end(); ++count) {
    if (!in.take(' ')) return SyntaxError{"Unexpected text behind the address"};
    while (in.take(' ')) {
    }
    if (count == context.limits.params) return SyntaxError{"Too many parameters"};
    const auto param = read_param(in);
    if (!param) return SyntaxError{"Bad parameter"};

    size_t row = 0;
    while (row < table.size() && !equal_nocase(table[row].keyword, param->keyword)) ++row;
    if (row == table.size() || !(offered.*table[row].offered))
      return SyntaxError{"Parameter not recognized", 555};
    if (seen & (1u << row)) return SyntaxError{"Parameter given twice"};
    seen |= 1u << row;
    if (!table[row].read(param->value, context, into))
      return SyntaxError{std::string(table[row].error)};
  }
  return {};
}

}  // namespace ravelin::smtp
