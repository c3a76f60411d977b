#pragma once
// The sections of the report, each as HTML text.

#include "report.hpp"

namespace cifar100 {

// Colours of the drawings.
namespace colour {
inline const std::string train = "#2563eb", validation = "#d97706", test = "#0f766e", quiet = "#94a3b8",
                         violet = "#7c3aed", red = "#be123c";
}

// Under the paper's protocol the test images are the validation images too.
inline bool test_is_validation(const Summary& s) { return s.protocol == "paper"; }

// A drawing with its heading and a line that says what to see.
std::string figure(const std::string& heading, const std::string& body, const std::string& caption);

// The mean over seeds with its interval where several seeds ran, else the run's own value.
std::string with_interval(const ReportData& data, const std::string& name, double own, double scale, int digits);

std::string headline_section(const ReportData& data);
std::string table1_section(const ReportData& data);
std::string curves_section(const ReportData& data);          // figures 3, 5, 8 and 9
std::string discrimination_section(const ReportData& data);  // figures 4 and 7
std::string confusion_section(const ReportData& data);       // figure 6
std::string loss_section(const ReportData& data);            // terms and gradient shares
std::string calibration_section(const ReportData& data);
std::string robustness_section(const ReportData& data);
std::string ablation_section(const ReportData& data);
std::string overhead_section(const ReportData& data);
std::string explanation_section(const std::vector<Explanation>& explanations);
std::string environment_section(const ReportData& data);

}  // namespace cifar100
