// The dialogs that are swept.
#pragma once

#include <string>

#include "stage.h"

namespace ravelin::test {

struct Play {
  const char* name;
  void (*act)(Stage&);
  std::string toml;
  size_t delivered;  // messages, if nothing fails
};

const std::vector<Play>& plays();

}  // namespace ravelin::test
