// The sections that belong to no check: the rows of each stand in its *_params.cc.
#pragma once

#include <array>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/config/section.h"

namespace ravelin::proxy {

struct BuiltinSection {
  Section section;                              // |make| is unset: the settings live in Config
  void* (*settings)(Config& config) = nullptr;  // nullptr for [[route]], which is a list
};

extern const BuiltinSection kGeneralSection;  // path "": the keys above the first section
extern const BuiltinSection kListenSection;
extern const BuiltinSection kRouteSection;
extern const BuiltinSection kLimitsSection;
extern const BuiltinSection kPressureSection;
extern const BuiltinSection kBusySection;  // [pressure.busy]
extern const BuiltinSection kAttackSection;
extern const BuiltinSection kSiegeSection;
extern const BuiltinSection kHarvestSection;
extern const BuiltinSection kDnsSection;
extern const BuiltinSection kAccessSection;
extern const BuiltinSection kGreylistSection;
extern const BuiltinSection kStandingSection;
extern const BuiltinSection kVerifySection;
extern const BuiltinSection kRelaySection;
extern const BuiltinSection kOriginSection;
extern const BuiltinSection kStateSection;
extern const BuiltinSection kHistorySection;
extern const BuiltinSection kCaptureSection;
extern const BuiltinSection kLogSection;
extern const BuiltinSection kAdminSection;

// In the order of the sample; the sections of checks stand between the two halves, because that is
// where they come in a dialog.
inline constexpr std::array kSectionsBeforeChecks = {
    &kGeneralSection, &kListenSection, &kRouteSection, &kLimitsSection,  &kPressureSection,
    &kBusySection,    &kAttackSection, &kSiegeSection, &kHarvestSection, &kDnsSection};
inline constexpr std::array kSectionsAfterChecks = {
    &kAccessSection,  &kGreylistSection, &kStandingSection, &kVerifySection,
    &kRelaySection,   &kOriginSection,   &kStateSection,    &kHistorySection,
    &kCaptureSection, &kLogSection,      &kAdminSection};

// All of them, in that order.
std::vector<const Section*> all_sections();

}  // namespace ravelin::proxy
