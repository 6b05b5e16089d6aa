#include "proxy/ctl/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "proxy/ctl/fields.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

std::string percent(double share) { return fmt::format("{:.1f} %", share * 100); }

// "PL 120, DE 40, unknown 12".
std::string groups(const json& result, const char* name, const char* counted) {
  std::string out;
  for (const auto& one : list(result, name)) {
    auto what = word(one, "name");
    if (what.empty()) what = "unknown";
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {:.0f}", what, number(one, counted));
  }
  return out.empty() ? "none" : out;
}

std::string words(const json& result, const char* name) {
  std::string out;
  for (const auto& one : list(result, name)) {
    const auto shown = word(json{{"x", one}}, "x");
    if (!shown.empty()) out += (out.empty() ? "<" : ", <") + shown + '>';
  }
  return out.empty() ? "none" : out;
}

void line(std::string& out, std::string_view name, const std::string& value) {
  out += fmt::format("  {:<24}{}\n", name, value);
}

// The largest group of prints, and its share of the sources.
std::string dominating(const json& result) {
  const auto& prints = list(result, "prints");
  if (prints.empty()) return "none";
  const auto sources = number(prints[0], "sources");
  const auto all = std::max(1.0, number(result, "sources"));
  const auto name = word(prints[0], "name");
  return fmt::format("{}: {:.0f} sources, {}; {} different in all",
                     name.empty() ? "nothing was said" : name, sources, percent(sources / all),
                     prints.size() < 10 ? std::to_string(prints.size()) : "10 or more");
}

void tell_time(const json& result, std::string& out) {
  const auto& episode = object(result, "episode");
  const auto onset = number(episode, "onset") * 1000;
  const auto began = number(episode, "began") * 1000;
  const auto ended = number(episode, "ended") * 1000;
  out += fmt::format("Episode {:.0f}\n\n", number(episode, "number"));
  line(out, "onset", when(onset));
  line(out, "noticed", fmt::format("{} later: {}", span(began - onset), word(episode, "cause")));
  line(out, "end",
       ended > 0 ? fmt::format("{}, after {}", when(ended), span(ended - onset)) : "it goes on");
  line(out, "worst level", word(episode, "worst"));
}

void tell_who(const json& result, std::string& out) {
  out += "\nWho\n";
  line(out, "sources", fmt::format("{:.0f}", number(result, "sources")));
  line(out, "dialogs",
       fmt::format("{:.0f}, and {:.0f} connections that got no place",
                   number(result, "dialogs") - number(result, "no_place"),
                   number(result, "no_place")));
  line(out, "countries", groups(result, "countries", "sources"));
  line(out, "networks", groups(result, "networks", "sources"));
  line(out, "reverse names", groups(result, "name_classes", "sources"));
  line(out, "systems", groups(result, "stacks", "sources"));
  line(out, "HELO", groups(result, "helo_shapes", "sources"));
  line(out, "dialog fingerprint", dominating(result));
}

void tell_what(const json& result, std::string& out) {
  out += "\nWhat they wanted\n";
  line(out, "recipients", fmt::format("{:.0f}", number(result, "recipients")));
  line(out, "null senders", percent(number(result, "null_senders")));
  line(out, "sender domains", groups(result, "sender_domains", "count"));
  line(out, "senders, e.g.", words(result, "senders"));
  line(out, "recipients, e.g.", words(result, "recipient_examples"));
  line(out, "their form", groups(result, "recipient_patterns", "count"));
  const auto random = number(result, "randomness");
  line(out, "by a random generator",
       fmt::format("{} ({})",
                   random > 0.8   ? "yes"
                   : random < 0.2 ? "no"
                                  : "not clear",
                   percent(random)));
  const auto& retries = object(result, "retries");
  line(
      out, "they retry",
      fmt::format(
          "{} of the sources came again, typically after {}; {} of the recipients were tried again",
          percent(number(retries, "sources_that_came_again")),
          span(number(retries, "median_gap_s") * 1000),
          percent(number(retries, "recipients_tried_again"))));
}

void tell_effect(const json& result, std::string& out) {
  out += "\nWhat stopped them\n";
  line(out, "by", groups(result, "stopped_by", "count"));
  const auto asked = number(result, "questions");
  line(out, "cost",
       fmt::format("{:.0f} questions to mail servers, {} of their time", asked,
                   span(number(result, "backend_ms"))));
  const auto& good = object(result, "good");
  out += "\nGood mail meanwhile\n";
  line(out, "messages", fmt::format("{:.0f}", number(good, "messages")));
  line(out, "with standing",
       fmt::format("{:.0f} recipients accepted, {:.0f} deferred",
                   number(good, "recipients_with_standing"),
                   number(good, "deferred_with_standing")));
  if (const auto found = result.find("incomplete"); found != result.end() && *found == true)
    out += "\nIncomplete: there was more than could be read in time.\n";
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// Values of one curve, by its name.
std::vector<double> curve(const json& curves, std::string_view wanted) {
  const auto& names = list(curves, "names");
  size_t column = 0;
  while (column < names.size() && names[column] != wanted) ++column;
  std::vector<double> values;
  for (const auto& row : list(curves, "samples")) {
    const bool there = row.is_array() && row.size() > column + 1 && row[column + 1].is_number();
    values.push_back(there ? row[column + 1].get<double>() : 0);
  }
  return values;
}

// A line over time; the highest value is said.
std::string drawing(const json& curves, std::string_view name, std::string_view title) {
  constexpr double kWidth = 800, kHeight = 120;
  const auto values = curve(curves, name);
  if (values.size() < 2) return "";
  const auto most = std::max(1.0, *std::max_element(values.begin(), values.end()));
  std::string points;
  for (size_t i = 0; i < values.size(); ++i)
    points += fmt::format("{:.1f},{:.1f} ",
                          kWidth * static_cast<double>(i) / static_cast<double>(values.size() - 1),
                          kHeight - kHeight * values[i] / most);
  return fmt::format(
      "<figure><figcaption>{}, {:.0f} at most</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\">"
      "<polyline points=\"{}\"/></svg></figure>\n",
      title, most, kWidth, kHeight, points);
}

std::string csv(std::string text) {
  // A spreadsheet would run what begins like a formula.
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    text.insert(text.begin(), '\'');
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string report(const json& result) {
  const auto format = raw(result, "format");
  if (format == "html") return report_html(result);
  if (format == "csv") return report_csv(result);
  return format == "nft" ? report_nft(result) : report_text(result);
}

std::string report_text(const json& result) {
  std::string out;
  tell_time(result, out);
  tell_who(result, out);
  tell_what(result, out);
  tell_effect(result, out);
  return out;
}

std::string report_html(const json& result) {
  const auto& curves = object(result, "curves");
  std::string rows;
  for (const auto& one : list(result, "list")) {
    rows += "<tr>";
    for (const auto* const name :
         {"source", "country", "network", "name_class", "stack", "helo", "print"})
      rows += "<td>" + escaped(word(one, name)) + "</td>";
    rows += fmt::format("<td>{:.0f}</td><td>{:.0f}</td></tr>\n", number(one, "dialogs"),
                        number(one, "recipients"));
  }
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Ravelin: a "
         "report</title>\n"
         "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "
         "content=\"light dark\">"
         "<style>body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:1rem "
         "auto;padding:0 1rem}"
         "pre{white-space:pre-wrap}svg{width:100%;height:8rem;border:1px solid #8886}"
         "polyline{fill:none;stroke:#c0504d;stroke-width:1.5}figure{margin:1rem 0}"
         "table{border-collapse:collapse;font-size:.85rem}td,th{padding:.1rem .6rem .1rem "
         "0;text-align:left}"
         "</style></head>\n<body><h1>Ravelin: a report</h1>\n" +
         drawing(curves, "connections", "Connections in each step") +
         drawing(curves, "unknown_recipient", "Unknown recipients") +
         drawing(curves, "greylist", "Greylisted") +
         drawing(curves, "no_place", "Without a place") +
         drawing(curves, "accepted", "Messages accepted") + "<pre>" + escaped(report_text(result)) +
         "</pre>\n<h2>Sources</h2>\n<table><tr><th>source</th><th>country</th><th>network</"
         "th><th>name</th>"
         "<th>system</th><th>HELO</th><th>fingerprint</th><th>dialogs</th><th>recipients</th></"
         "tr>\n" +
         rows + "</table></body></html>\n";
}

std::string report_csv(const json& result) {
  std::string out =
      "source,first,last,dialogs,no_place,recipients,country,network,name_class,system,helo,"
      "fingerprint\r\n";
  for (const auto& one : list(result, "list")) {
    out += csv(word(one, "source"));
    out += ',' + csv(when(number(one, "first_ms"))) + ',' + csv(when(number(one, "last_ms")));
    for (const auto* const name : {"dialogs", "no_place", "recipients"})
      out += fmt::format(",{:.0f}", number(one, name));
    for (const auto* const name : {"country", "network", "name_class", "stack", "helo", "print"})
      out += ',' + csv(word(one, name));
    out += "\r\n";
  }
  return out;
}

std::string report_nft(const json& result) {
  std::string v4, v6;
  for (const auto& one : list(result, "list")) {
    const auto source = dns::IpAddress::parse(raw(one, "source"));
    if (!source) continue;
    auto& out = source->is_v4() ? v4 : v6;
    if (!out.empty()) out += ",\n      ";
    out += source->to_string() + (source->is_v4() ? "" : "/64");
  }
  const auto set = [](const char* name, const char* type, const std::string& elements) {
    std::string out = fmt::format("  set {} {{\n    type {}\n    flags interval\n", name, type);
    if (!elements.empty()) out += "    elements = { " + elements + " }\n";
    return out + "  }\n";
  };
  return "table inet ravelin_report {\n" + set("sources4", "ipv4_addr", v4) +
         set("sources6", "ipv6_addr", v6) + "}\n";
}

}  // namespace ravelin::proxy
