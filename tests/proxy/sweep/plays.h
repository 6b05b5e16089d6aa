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
  Behind behind = Behind::Smtp;
};

const std::vector<Play>& plays();

}  // namespace ravelin::test
