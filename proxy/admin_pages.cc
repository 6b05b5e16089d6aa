#include "proxy/admin_pages.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/observe/assets.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr std::string_view kTelling[] = {"status",   "limits",  "curves", "sources",
                                         "episodes", "explain", "report"};
constexpr std::string_view kTexts[] = {"what"};  // all other arguments are numbers

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/plain; charset=utf-8";
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Of a query's value, RFC 3986 §2.1 and "+" for a space; nothing if it is malformed.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return {};
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

// {"command":...} and the query's arguments; nothing if one of them is no good.
std::optional<json> request_of(std::string_view command, std::string_view query) {
  json request = {{"command", command}};
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const auto equals = part.find('=');
    if (equals == part.npos) return {};
    const auto name = std::string(part.substr(0, equals));
    const auto value = decoded(part.substr(equals + 1));
    if (!value || name == "command") return {};
    if (std::find(std::begin(kTexts), std::end(kTexts), name) != std::end(kTexts)) {
      request[name] = *value;
      continue;
    }
    int64_t number = 0;
    const auto* const end = value->data() + value->size();
    const auto [stop, error] = std::from_chars(value->data(), end, number);
    if (error != std::errc() || stop != end) return {};
    request[name] = number;
  }
  return request;
}

HttpAnswer shown(const json& result, int code = 200) {
  auto answer = HttpAnswer::text(result.dump(-1, ' ', true, json::error_handler_t::replace), code);
  answer.content_type = "application/json";
  return answer;
}

void ask(ControlServer& control, std::string_view command, const HttpRequest& request,
         const HttpServer::Answer& answer) {
  const auto wanted = request_of(command, request.query);
  if (!wanted) return answer(shown({{"error", "the query is malformed"}}, 400));
  control.ask(*wanted, [answer](const json& result) {
    const bool failed = result.is_object() && result.contains("error");
    answer(shown(result, failed ? 400 : 200));
  });
}

}  // namespace

void add_admin_pages(HttpServer& http, ControlServer& control) {
  for (const auto& asset : assets()) {
    HttpAnswer answer;
    answer.content_type = type_of(asset.name);
    answer.body = std::make_shared<const std::string>(asset.data);
    answer.gzipped = true;
    answer.cache_control = "max-age=300";
    const auto give = [answer](const HttpRequest&) { return answer; };
    http.handle("/" + std::string(asset.name), give);
    if (asset.name == "index.html") http.handle("/", give);
  }
  for (const auto command : kTelling) {
    http.handle_later("/api/" + std::string(command),
                      [&control, command](const HttpRequest& request, HttpServer::Answer answer) {
                        ask(control, command, request, answer);
                      });
  }
}

}  // namespace ravelin::proxy
