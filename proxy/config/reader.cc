#include "proxy/config/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/config/names.h"
#include "proxy/config/values.h"

namespace ravelin::proxy {
namespace {

class Reader {
 public:
  Reader(Config& config, Report& report);

  void read_table(const Value& table, const std::string& path, void* settings);

 private:
  // Where the values of a section go; |settings| is null for [[route]].
  struct Target {
    const Section* section;
    void* settings;
  };

  const Target* target(std::string_view path) const;
  bool is_parent(std::string_view path) const;  // "checks" is one if "checks.rdns" is a section
  void read_section(const Entry& entry, const std::string& path);
  void read_routes(const Value& list);
  void require_all(const Section& section, const Value& table);

  Config& config_;
  Report& report_;
  const std::vector<const Section*> sections_ = all_sections();
  std::vector<Target> targets_;
};

void set_defaults(const Section& section, void* settings) {
  for (const Param& row : section.params)
    if (!row.required()) set_default(row, settings);
}

const Param* find_row(const Section& section, std::string_view key) {
  const auto row = std::find_if(section.params.begin(), section.params.end(),
                                [&](const Param& param) { return param.name == key; });
  return row == section.params.end() ? nullptr : &*row;
}

Reader::Reader(Config& config, Report& report) : config_(config), report_(report) {
  const auto add = [this](const Section& section, void* settings) {
    if (settings) set_defaults(section, settings);
    targets_.push_back({&section, settings});
  };
  const auto add_builtin = [&](const BuiltinSection* builtin) {
    add(builtin->section, builtin->settings ? builtin->settings(config_) : nullptr);
  };
  std::for_each(kSectionsBeforeChecks.begin(), kSectionsBeforeChecks.end(), add_builtin);
  std::for_each(kSectionsAfterChecks.begin(), kSectionsAfterChecks.end(), add_builtin);
  for (const Section* section : registered_sections()) {
    auto settings = section->make();
    add(*section, settings.get());
    config_.sections.emplace(section->path, std::move(settings));
  }
}

const Reader::Target* Reader::target(std::string_view path) const {
  for (const Target& target : targets_)
    if (target.section->path == path) return &target;
  return nullptr;
}

bool Reader::is_parent(std::string_view path) const {
  return std::any_of(targets_.begin(), targets_.end(), [&](const Target& target) {
    const auto child = target.section->path;
    return child.size() > path.size() && child.starts_with(path) && child[path.size()] == '.';
  });
}

// |settings| may be null if no section has this path.
void Reader::read_table(const Value& table, const std::string& path, void* settings) {
  const Target* known = target(path);
  for (const Entry& entry : table.entries) {
    const Param* row = known ? find_row(*known->section, entry.key) : nullptr;
    if (row) {
      read_value(*row, entry.value, settings, report_);
      continue;
    }
    // A quoted key with a dot in it names no section, though it would look like a path here.
    const bool plain = entry.key.find('.') == entry.key.npos;
    const auto below = path.empty() ? entry.key : path + '.' + entry.key;
    if (plain && (target(below) || is_parent(below))) {
      read_section(entry, below);
    } else if (entry.value.is(Value::Type::Table)) {
      report_.error(entry.place, unknown_section(below, sections_));
    } else {
      report_.error(entry.place, unknown_key(path, entry.key, sections_));
    }
  }
  if (known) require_all(*known->section, table);
}

void Reader::read_section(const Entry& entry, const std::string& path) {
  const Target* known = target(path);
  if (known && !known->settings) return read_routes(entry.value);
  if (!entry.value.is(Value::Type::Table))
    return report_.error(
        entry.place,
        fmt::format("{} is a section: write [{}] once, and its keys below", path, path));
  read_table(entry.value, path, known ? known->settings : nullptr);
}

void Reader::read_routes(const Value& list) {
  const auto fail = [this](Place place) {
    report_.error(place, "route is a list of sections: write [[route]], once for each");
  };
  if (!list.is(Value::Type::List)) return fail(list.place);
  for (const Value& item : list.items) {
    RouteSettings& route = config_.routes.emplace_back();
    set_defaults(kRouteSection.section, &route);
    if (item.is(Value::Type::Table)) {
      read_table(item, "route", &route);
    } else {
      fail(item.place);
    }
  }
}

void Reader::require_all(const Section& section, const Value& table) {
  for (const Param& row : section.params) {
    if (!row.required() || table.find(row.name)) continue;
    const Place place = section.path.empty() ? Place{} : table.place;
    report_.error(place, fmt::format("{} is missing {}, for example {} = {}", row.name,
                                     in_section(section.path), row.name, row.example));
  }
}

}  // namespace

void read_config(const Value& root, Config& config, Report& report) {
  Reader reader(config, report);
  reader.read_table(root, "", &config);
}

}  // namespace ravelin::proxy
