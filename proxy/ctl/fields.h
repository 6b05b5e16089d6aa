// Members of an answer, whatever is in it: nothing that the daemon passes on is trusted.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ravelin::proxy {

// As it is; "" if there is no such string.
std::string raw(const nlohmann::json& from, const char* name);
// Fit for a terminal.
std::string word(const nlohmann::json& from, const char* name);
double number(const nlohmann::json& from, const char* name);  // 0 if there is none
bool flag(const nlohmann::json& from, const char* name);      // false if there is none
const nlohmann::json& list(const nlohmann::json& from, const char* name);
const nlohmann::json& object(const nlohmann::json& from, const char* name);
// "2026-11-27 09:12:44", local time, of ms since 1970.
std::string when(double ms);
std::string span(double ms);  // "3.1 ms", "1.5 s", "4 min 10 s"

}  // namespace ravelin::proxy
