// A TOML text as plain values with their places. It keeps the TOML library in one file, and lets
// the loader and its checks walk a tree of our own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::proxy {

// 1-based; columns count code points. Line 0: no place.
struct Place {
  int line = 0;
  int column = 0;
};

struct Entry;

struct Value {
  enum class Type : uint8_t { Text, Integer, Float, Boolean, Time, List, Table };

  Type type = Type::Table;
  Place place;
  std::string text;            // Text
  int64_t integer = 0;         // Integer
  bool boolean = false;        // Boolean
  std::vector<Value> items;    // List
  std::vector<Entry> entries;  // Table, in order of key

  bool is(Type wanted) const { return type == wanted; }
  const Value* find(std::string_view key) const;  // nullptr if there is none
};

struct Entry {
  std::string key;
  Place place;  // of the key
  Value value;
};

// |error| is empty if all went well. The first syntax error (duplicate keys are one, bad UTF-8 too)
// ends the parse: what follows it cannot be told apart from its consequences.
struct Document {
  Value root;
  std::string error;
  Place error_place;
};
Document parse_document(std::string_view text);

}  // namespace ravelin::proxy
