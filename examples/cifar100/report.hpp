#pragma once
// The report of a run: one HTML file with inline drawings, no network, no scripts.

#include "picture.hpp"
#include "records.hpp"

#include <string>
#include <vector>

namespace cifar100 {

// One line of the explanation gallery: a test image and maps that say what the network looked at.
struct Explanation {
  std::string caption;
  std::vector<Picture> pictures;
  std::vector<std::string> names;  // of the pictures
};

struct ReportOptions {
  std::string run = {};         // folder of a run, or of several seeds (with seeds.json)
  std::string ablation = {};    // folder with ablation.json; empty: none
  std::string robustness = {};  // file; empty: robustness.json of the run, if it is there
  std::string overhead = {};    // file; empty: overhead.json of the run, if it is there
  std::string out = "report.html";
};

// Everything the report is made of. Texts are JSON; empty ones leave their section out.
struct ReportData {
  Summary summary;
  Evaluation evaluation;
  std::vector<EpochRecord> epochs;
  std::string seeds, ablation, robustness, overhead, config;
  std::vector<Explanation> explanations;
};

// Reads the files of a run. glia::Error naming the file that is missing or broken.
ReportData read_report_data(const ReportOptions& options);

// The page.
std::string render_report(const ReportData& data);

// Reads, renders and writes.
void write_report(const ReportOptions& options, std::vector<Explanation> explanations = {});

}  // namespace cifar100
