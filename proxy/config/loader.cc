#include "proxy/config/loader.h"

#include "proxy/config/document.h"
#include "proxy/config/lists.h"
#include "proxy/config/read_file.h"
#include "proxy/config/reader.h"
#include "proxy/config/report.h"
#include "proxy/config/section.h"
#include "proxy/config/validate.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxConfigSize = 4'000'000;  // bytes; far more than anybody writes by hand

// The settings were made by the sections, as values that may change, and are constant from here on.
void complete_sections(const Value& root, const Config& config, Report& report) {
  for (const Section* section : registered_sections()) {
    if (section->complete == nullptr) continue;
    void* const settings = const_cast<void*>(config.sections.find(section->path)->second.get());
    section->complete(root, config, settings, report);
  }
}

Loaded finish(Report& report, std::shared_ptr<const Config> config) {
  Loaded loaded;
  if (report.clean()) loaded.config = std::move(config);
  loaded.errors = report.take_errors();
  loaded.warnings = report.take_warnings();
  return loaded;
}

}  // namespace

Loaded load_config(const std::string& file) {
  std::string error;
  const auto text = read_file(file, kMaxConfigSize, error);
  if (text) return parse_config(*text, file);
  Report report({});
  report.error({}, error);
  return finish(report, nullptr);
}

Loaded parse_config(std::string_view text, std::string_view) {
  Report report(text);
  const auto document = parse_document(text);
  if (!document.error.empty()) {
    report.error(document.error_place, document.error);
    return finish(report, nullptr);
  }
  auto config = std::make_shared<Config>();
  read_config(document.root, *config, report);
  complete_lists(document.root, *config, report);
  validate(document.root, *config, report);
  complete_sections(document.root, *config, report);
  return finish(report, std::move(config));
}

}  // namespace ravelin::proxy
