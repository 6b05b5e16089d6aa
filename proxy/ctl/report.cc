#include "proxy/ctl/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "proxy/ctl/fields.h"
#include "proxy/ctl/xarf.h"

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
  const auto silent = number(result, "sources_silent");
  const auto all = std::max(1.0, number(result, "sources") - silent);
  auto told =
      fmt::format("{}: {:.0f} sources, {}; {:.0f} different in all", word(prints[0], "name"),
                  sources, percent(sources / all), number(result, "prints_in_all"));
  if (silent > 0) told += fmt::format("; {:.0f} sources said nothing", silent);
  return told;
}

// What those of it do without thinking.
std::string habits(const json& result) {
  const auto& prints = list(result, "prints");
  if (prints.empty()) return "none";
  auto told = word(prints[0], "habits");
  if (told.empty()) told = "unknown";
  if (!prints[0].is_object() || !prints[0].contains("quits")) return told;
  const auto quits = number(prints[0], "quits");
  if (quits < 0.005) return told + ", no QUIT";
  return told + (quits > 0.995 ? ", says QUIT" : ", QUIT in " + percent(quits) + " of its ends");
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
  line(out, "its habits", habits(result));
}

// How many of |what| were in an earlier episode: "57 of 200 sources", "about 57,000 of ...".
std::string common(const json& earlier, const char* what, double all) {
  const auto& its = object(earlier, what);
  const auto exact = its.find("exact");
  const bool estimated = exact == its.end() || *exact != true;
  return fmt::format("{}{:.0f} of {:.0f} {}", estimated ? "about " : "", number(its, "common"), all,
                     what[0] == 's' ? "sources" : "fingerprints");
}

// Those with something in common, the most of it first; of the others how many they are.
void tell_before(const json& result, std::string& out) {
  constexpr size_t kShown = 5;
  std::vector<const json*> some;
  const auto& all = list(result, "overlap");
  for (const auto& one : all)
    if (number(object(one, "sources"), "common") + number(object(one, "prints"), "common") > 0)
      some.push_back(&one);
  std::stable_sort(some.begin(), some.end(), [](const json* a, const json* b) {
    return number(object(*a, "sources"), "common") > number(object(*b, "sources"), "common");
  });
  out += "\nSeen before\n";
  for (size_t i = 0; i < std::min(some.size(), kShown); ++i)
    line(out, fmt::format("in episode {:.0f}", number(*some[i], "number")),
         fmt::format("{}, {}; {}", common(*some[i], "sources", number(result, "sources")),
                     common(*some[i], "prints", number(result, "prints_in_all")),
                     when(number(*some[i], "began") * 1000)));
  if (some.size() > kShown)
    line(out, "and in", fmt::format("{} more episodes", some.size() - kShown));
  if (all.size() > some.size())
    line(out, "nothing of it in", fmt::format("{} earlier episodes", all.size() - some.size()));
  if (all.empty()) line(out, "unknown", "no earlier episode is remembered");
}

void tell_what(const json& result, std::string& out) {
  out += "\nWhat they wanted\n";
  const auto recipients = number(result, "recipients");
  const auto looked = number(result, "recipients_looked_at");
  line(out, "recipients",
       fmt::format("{:.0f}", recipients) +
           (looked < recipients ? fmt::format("; what follows is of {:.0f} of them", looked) : ""));
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
}

// What the numbers are worth.
void tell_limits(const json& result, std::string& out) {
  out += '\n';
  if (flag(result, "incomplete")) out += "Incomplete: there was more than could be read.\n";
  if (const auto left = number(result, "sources_left_out"); left > 0)
    out += fmt::format("Incomplete: {:.0f} dialogs of further sources are not in it.\n", left);
  if (const auto at = number(result, "counted_at"); at > 0)
    out +=
        fmt::format("Counted {}{}.\n", when(at * 1000), flag(result, "stored") ? ", and kept" : "");
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
  if (format == "xarf") return report_xarf(result);
  return format == "nft" ? report_nft(result) : report_text(result);
}

std::string report_text(const json& result) {
  std::string out;
  tell_time(result, out);
  tell_who(result, out);
  tell_before(result, out);
  tell_what(result, out);
  tell_effect(result, out);
  tell_limits(result, out);
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
  const auto named = static_cast<double>(list(result, "list").size());
  const auto all = number(result, "sources");
  const auto note = named < all ? fmt::format("# {:.0f} of {:.0f} sources\n", named, all) : "";
  return note + "table inet ravelin_report {\n" + set("sources4", "ipv4_addr", v4) +
         set("sources6", "ipv6_addr", v6) + "}\n";
}

}  // namespace ravelin::proxy
