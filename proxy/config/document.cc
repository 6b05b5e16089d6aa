#include "proxy/config/document.h"

#include <toml++/toml.h>

namespace ravelin::proxy {
namespace {

Place place_of(const toml::source_region& source) {
  return {static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
}

// Recursion is bounded by the parser, which refuses deeper nesting than 256.
Value convert(const toml::node& node) {
  using Type = Value::Type;
  Value value;
  value.place = place_of(node.source());
  if (const auto* text = node.as_string()) {
    value.type = Type::Text;
    value.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.type = Type::Integer;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.type = Type::Boolean;
    value.boolean = boolean->get();
  } else if (const auto* array = node.as_array()) {
    value.type = Type::List;
    for (const auto& item : *array) value.items.push_back(convert(item));
  } else if (const auto* table = node.as_table()) {
    for (const auto& [key, item] : *table)
      value.entries.push_back({std::string(key.str()), place_of(key.source()), convert(item)});
  } else {
    value.type = node.is_floating_point() ? Type::Float : Type::Time;
  }
  return value;
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Document parse_document(std::string_view text) {
  Document document;
  try {
    document.root = convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    document.error = error.description();
    document.error_place = place_of(error.source());
  }
  return document;
}

}  // namespace ravelin::proxy
