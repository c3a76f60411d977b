#include "report.hpp"

#include "chart.hpp"
#include "files.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace cifar100 {

namespace fs = std::filesystem;

ReportData read_report_data(const ReportOptions& options) {
  ReportData data;
  fs::path run = options.run;
  const auto optional = [](const fs::path& path) { return fs::exists(path) ? read_text(path) : std::string(); };
  const auto beside = [&](const std::string& given, const char* name) {
    return given.empty() ? optional(run / name) : read_text(given);
  };
  const auto parse = [](const fs::path& path, auto&& reader) {
    const std::string text = read_text(path);
    try {
      return reader(text);
    } catch (const nlohmann::json::exception& error) {
      glia::raise<glia::FormatError>("cifar100 report", "\"", path.string(), "\" is broken: ", error.what());
    }
  };
  data.seeds = optional(run / "seeds.json");
  if (!data.seeds.empty())
    run /= parse(run / "seeds.json", [](const std::string& text) {
      return "seed-" + std::to_string(nlohmann::json::parse(text).at("seeds").at(0).get<std::uint64_t>());
    });
  if (!fs::exists(run / "summary.json"))
    glia::raise<glia::ValueError>("cifar100 report", "\"", run.string(),
                                  "\" has no summary.json: is the run complete?");
  data.summary = parse(run / "summary.json", summary_from_json);
  data.evaluation = parse(run / "evaluation.json", evaluation_from_json);
  data.epochs = read_epochs((run / "metrics.jsonl").string(), INT64_MAX);
  if (data.epochs.empty())
    glia::raise<glia::ValueError>("cifar100 report", "\"", (run / "metrics.jsonl").string(), "\" holds no epoch");
  data.config = optional(run / "config.json");
  data.robustness = beside(options.robustness, "robustness.json");
  data.overhead = beside(options.overhead, "overhead.json");
  if (!options.ablation.empty()) data.ablation = read_text(fs::path(options.ablation) / "ablation.json");
  for (const auto* text : {&data.robustness, &data.overhead, &data.ablation, &data.seeds})
    if (!text->empty() && !nlohmann::json::accept(*text))
      glia::raise<glia::FormatError>("cifar100 report", "one of the files given is not JSON: ", text->substr(0, 60));
  return data;
}

namespace {
constexpr const char* style = R"(
:root { color-scheme: light; --ink: #0f172a; --soft: #475569; --line: #e2e8f0; --paper: #ffffff; --wash: #f8fafc; --accent: #0f766e; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--wash); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 12px 0 4px; }
h2 { font-size: 1.25rem; margin: 40px 0 10px; padding-top: 14px; border-top: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 4px; }
p { max-width: 78ch; margin: 8px 0; }
.lead, figcaption, .note { color: var(--soft); }
.note { font-size: .9rem; }
.warn { background: #fef3c7; border-left: 4px solid #d97706; padding: 8px 14px; max-width: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 18px 0; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.tile small { color: var(--soft); font-size: .78rem; display: block; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
figcaption { font-size: .9rem; margin-top: 6px; }
svg.chart { width: 100%; height: auto; display: block; font-size: 12.5px; }
svg text { fill: #475569; } svg .label { font-weight: 600; }
svg .grid { stroke: #e2e8f0; } svg .axis { stroke: #94a3b8; }
svg .level { stroke: #64748b; stroke-dasharray: 2 4; } svg .leveltext { font-style: italic; paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
.scroll { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { background: #f1f5f9; white-space: nowrap; } tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; white-space: nowrap; } td.ours { font-weight: 600; }
.gallery { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 14px; }
.strip { display: flex; flex-wrap: wrap; gap: 8px; } .strip div { font-size: .75rem; color: var(--soft); text-align: center; }
.strip img { width: 80px; height: 80px; image-rendering: pixelated; display: block; border-radius: 4px; }
pre { background: #0f172a; color: #e2e8f0; padding: 12px 14px; border-radius: 10px; overflow-x: auto; white-space: pre-wrap; word-break: break-word; font-size: .85rem; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 16px; align-items: start; }
@media (max-width: 600px) { main { padding: 16px 12px 48px; } h1 { font-size: 1.4rem; } th, td { padding: 6px 8px; font-size: .84rem; }
  .stack thead { display: none; } .stack tr { display: block; border-bottom: 2px solid var(--line); padding: 6px 0; }
  th, td { padding: 6px 5px; }
  .stack td, .stack td.n { display: block; border: 0; padding: 2px 10px; text-align: left; white-space: normal; } .stack td[data-head]::before { content: attr(data-head) ": "; color: var(--soft); font-weight: 400; }
  .stack td:first-child { font-weight: 700; } }
)";
}  // namespace

std::string render_report(const ReportData& data) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>Unified framework on CIFAR-100: report</title><style>" +
      std::string(style) + "</style></head>\n<body><main>\n";
  out += headline_section(data);
  out += table1_section(data);
  out += curves_section(data);
  out += discrimination_section(data);
  out += confusion_section(data);
  out += loss_section(data);
  out += calibration_section(data);
  out += robustness_section(data);
  out += ablation_section(data);
  out += overhead_section(data);
  out += explanation_section(data.explanations);
  out += environment_section(data);
  return out + "</main></body></html>\n";
}

void write_report(const ReportOptions& options, std::vector<Explanation> explanations) {
  ReportData data = read_report_data(options);
  data.explanations = std::move(explanations);
  const fs::path out = options.out;
  if (out.has_parent_path()) fs::create_directories(out.parent_path());
  write_text(out, render_report(data));
}

}  // namespace cifar100
