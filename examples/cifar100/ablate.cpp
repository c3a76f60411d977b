#include "ablate.hpp"

#include "files.hpp"
#include "seeds.hpp"

#include <glia/metrics/compare.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace cifar100 {

namespace metrics = glia::metrics;
using Json = nlohmann::ordered_json;

std::string Cell::name() const {
  std::string out;
  const auto add = [&out](bool on, const char* part) {
    if (on) out += (out.empty() ? "" : "+") + std::string(part);
  };
  add(pretraining, "pretraining"), add(self_supervision, "selfsupervision"), add(neuromorphic, "neuromorphic");
  return out.empty() ? "plain" : out;
}

std::vector<Cell> ablation_cells(bool with_pretraining) {
  std::vector<Cell> out;
  for (int bits = 0; bits < (with_pretraining ? 8 : 4); ++bits)
    out.push_back({(bits & 4) != 0, (bits & 1) != 0, (bits & 2) != 0});
  return out;
}

Options cell_options(const Options& base, const Cell& cell) {
  Options o = base;
  if (!cell.pretraining) o.init.clear(), o.fine_tune = {};
  if (!cell.self_supervision) o.objective.similarity = o.objective.spatial = "none";
  if (!cell.neuromorphic) o.objective.neuron = "none";
  return o;
}

namespace {

// The value of a run at a dotted path of its summary.
double number(const std::string& summary, const std::string& path) {
  return Json::parse(summary).at(Json::json_pointer("/" + path)).get<double>();
}

struct Comparison {
  std::string name;
  // The effect of a seed: mean over the pairs of (first - second).
  std::vector<std::pair<Cell, Cell>> pairs;
};

std::vector<Comparison> comparisons(const std::vector<Cell>& cells) {
  const bool with_pretraining = cells.size() == 8;
  struct Part {
    const char* name;
    bool Cell::*flag;
  };
  std::vector<Part> parts;
  if (with_pretraining) parts.push_back({"pre-training", &Cell::pretraining});
  parts.push_back({"self-supervision", &Cell::self_supervision});
  parts.push_back({"neuromorphic layer", &Cell::neuromorphic});
  const Cell whole{with_pretraining, true, true};
  std::vector<Comparison> out;
  for (const Part& part : parts) {
    Comparison c{std::string("mean effect of ") + part.name, {}};
    for (const Cell& cell : cells) {
      if (!(cell.*part.flag)) continue;
      Cell without = cell;
      without.*part.flag = false;
      c.pairs.emplace_back(cell, without);
    }
    out.push_back(c);
  }
  for (const Part& part : parts) {
    Cell without = whole;
    without.*part.flag = false;
    out.push_back({std::string("whole against whole without ") + part.name, {{whole, without}}});
  }
  out.push_back({"whole against plain", {{whole, Cell{}}}});
  return out;
}

constexpr const char* shown[] = {
    "test_accuracy",           "overfitting_gap", "auc_macro", "calibration/ece", "stability/train_oscillation",
    "seconds_per_epoch_median"};

}  // namespace

std::string analyse_ablation(const std::vector<AblationRun>& runs, bool with_pretraining) {
  const std::vector<Cell> cells = ablation_cells(with_pretraining);
  std::vector<std::uint64_t> seeds;
  for (const auto& run : runs)
    if (std::find(seeds.begin(), seeds.end(), run.seed) == seeds.end()) seeds.push_back(run.seed);
  const auto find = [&](const Cell& cell, std::uint64_t seed) -> const std::string* {
    for (const auto& run : runs)
      if (run.cell == cell && run.seed == seed) return &run.summary;
    return nullptr;
  };
  Json out = {{"seeds", seeds},
              {"finished_runs", runs.size()},
              {"planned_cells", cells.size()},
              {"cells", Json::array()},
              {"comparisons", Json::array()}};
  for (const Cell& cell : cells) {
    std::vector<std::string> summaries;
    for (const auto seed : seeds)
      if (const auto* summary = find(cell, seed)) summaries.push_back(*summary);
    if (summaries.empty()) continue;
    Json row = {{"name", cell.name()},
                {"pretraining", cell.pretraining},
                {"self_supervision", cell.self_supervision},
                {"neuromorphic", cell.neuromorphic},
                {"runs", summaries.size()},
                {"numbers", Json::object()}};
    for (const char* path : shown) {
      std::vector<double> values;
      for (const auto& summary : summaries) {
        const Json value = Json::parse(summary).at(Json::json_pointer(std::string("/") + path));
        if (value.is_number()) values.push_back(value.get<double>());
      }
      if (values.empty()) continue;
      const auto m = metrics::mean_interval(values);
      row["numbers"][path] = {
          {"mean", m.mean}, {"deviation", m.deviation}, {"half_width", m.half_width}, {"values", values}};
    }
    out["cells"].push_back(row);
  }
  std::vector<double> p;
  for (const Comparison& c : comparisons(cells)) {
    std::vector<double> first, second;
    for (const auto seed : seeds) {
      double a = 0, b = 0;
      bool whole = true;
      for (const auto& [on, off] : c.pairs) {
        const auto *x = find(on, seed), *y = find(off, seed);
        if (x == nullptr || y == nullptr) {
          whole = false;
          break;
        }
        a += number(*x, "test_accuracy") / static_cast<double>(c.pairs.size());
        b += number(*y, "test_accuracy") / static_cast<double>(c.pairs.size());
      }
      if (whole) first.push_back(a), second.push_back(b);
    }
    if (first.empty()) continue;
    const auto test = metrics::paired_t_test(first, second);
    p.push_back(test.p);
    out["comparisons"].push_back({{"name", c.name},
                                  {"pairs", test.difference.count},
                                  {"difference", test.difference.mean},
                                  {"half_width", test.difference.half_width},
                                  {"t", test.t},
                                  {"p", test.p}});
  }
  const auto corrected = metrics::holm(p);
  for (std::size_t i = 0; i < corrected.size(); ++i) out["comparisons"][i]["p_holm"] = corrected[i];
  return out.dump(2);
}

std::string ablation_markdown(const std::string& analysis) {
  const Json a = Json::parse(analysis);
  const auto value = [](const Json& node, double scale, int digits) {
    if (!node.is_object() || !node["mean"].is_number()) return std::string("-");
    std::string out = fmt::format("{:.{}f}", scale * node["mean"].get<double>(), digits);
    if (node["half_width"].is_number())
      out += fmt::format(" ± {:.{}f}", scale * node["half_width"].get<double>(), digits);
    return out;
  };
  const auto p = [](const Json& node) {
    return node.is_number() ? fmt::format("{:.3g}", node.get<double>()) : std::string("-");
  };
  std::string out = fmt::format(
      "# Ablation\n\n{} finished runs, {} paired seeds. Means with 95 % intervals of Student's t.\n\n"
      "| parts that are on | test accuracy, % | gap, points | macro AUC | ECE | loss oscillation | s / epoch |\n"
      "|---|---|---|---|---|---|---|\n",
      a["finished_runs"].get<int>(), a["seeds"].size());
  for (const Json& cell : a["cells"]) {
    const Json& n = cell["numbers"];
    const auto get = [&](const char* name) { return n.contains(name) ? n[name] : Json(); };
    out += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", cell["name"].get<std::string>(),
                       value(get("test_accuracy"), 100, 2), value(get("overfitting_gap"), 100, 2),
                       value(get("auc_macro"), 1, 4), value(get("calibration/ece"), 1, 4),
                       value(get("stability/train_oscillation"), 1, 3), value(get("seconds_per_epoch_median"), 1, 2));
  }
  out +=
      "\nPaired t-tests on the test accuracy over the seeds, Holm's correction over the rows of this table. A p-value "
      "above 0.05 means "
      "that these runs do not show the effect, not that there is none.\n\n"
      "| comparison | difference, points | seeds | t | p | p (Holm) |\n|---|---|---|---|---|---|\n";
  for (const Json& c : a["comparisons"]) {
    std::string difference = fmt::format("{:+.2f}", 100 * c["difference"].get<double>());
    if (c["half_width"].is_number()) difference += fmt::format(" ± {:.2f}", 100 * c["half_width"].get<double>());
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", c["name"].get<std::string>(), difference,
                       c["pairs"].get<int>(), p(c["t"]), p(c["p"]), p(c["p_holm"]));
  }
  return out;
}

Outcome ablate(const Options& base, const std::vector<std::uint64_t>& seeds) {
  const std::filesystem::path folder = base.out;
  std::filesystem::create_directories(folder / "runs");
  const bool with_pretraining = !base.init.empty();
  std::vector<AblationRun> done;
  for (const std::uint64_t seed : seeds)
    for (const Cell& cell : ablation_cells(with_pretraining)) {
      if (stopped_between_runs()) return Outcome::interrupted;
      Options o = cell_options(base, cell);
      o.seed = seed;
      o.out = (folder / "runs" / (cell.name() + "-seed-" + std::to_string(seed))).string();
      if (!base.quiet)
        std::fprintf(stderr, "ablation: %s, seed %llu\n", cell.name().c_str(), static_cast<unsigned long long>(seed));
      if (complete(o) == Outcome::interrupted) return Outcome::interrupted;
      done.push_back({cell, seed, read_text(std::filesystem::path(o.out) / "summary.json")});
      Json analysis = Json::parse(analyse_ablation(done, with_pretraining));
      analysis["command"] = base.command;
      write_text(folder / "ablation.json", analysis.dump(2));
      write_text(folder / "ablation.md", ablation_markdown(analysis.dump()));
    }
  return Outcome::finished;
}

}  // namespace cifar100
