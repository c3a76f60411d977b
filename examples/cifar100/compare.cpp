#include "compare.hpp"

#include "files.hpp"

#include <glia/metrics/compare.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <stdexcept>

namespace cifar100 {

namespace metrics = glia::metrics;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

// Settings that change no number of a run, or that every run has for itself.
bool is_conduct(const std::string& name) {
  static const char* const names[] = {"command", "out",           "data",    "seed",      "threads",
                                      "resume",  "quiet",         "profile", "max_steps", "checkpoint_minutes",
                                      "preset",  "gradient_every"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void flatten(const Json& node, const std::string& path, std::map<std::string, std::string>& out) {
  for (const auto& [key, value] : node.items()) {
    const std::string name = path.empty() ? key : path + '.' + key;
    if (value.is_object())
      flatten(value, name, out);
    else if (!is_conduct(name))
      out[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
}
std::map<std::string, std::string> settings_of(const ArmRun& run) {
  std::map<std::string, std::string> out;
  flatten(Json::parse(run.config), "", out);
  return out;
}
std::map<std::string, std::string> settings_of(const std::vector<ArmRun>& arm, const char* which) {
  const auto settings = settings_of(arm.front());
  for (const ArmRun& run : arm) {
    const auto own = settings_of(run);
    const auto value = [](const auto& of, const std::string& name) {
      const auto found = of.find(name);
      return found == of.end() ? std::string("nothing") : found->second;
    };
    auto names = settings;
    names.insert(own.begin(), own.end());
    for (const auto& entry : names) {
      const std::string first = value(settings, entry.first), here = value(own, entry.first);
      if (first != here)
        throw std::invalid_argument(fmt::format(
            "compare: {}: expected runs that differ in their seed alone, got {} = {} with seed {} and {} with seed {}",
            which, entry.first, first, arm.front().seed, here, run.seed));
    }
  }
  return settings;
}

std::vector<double> validation_curve(const ArmRun& run) {
  std::vector<double> out;
  std::istringstream lines(run.metrics);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.push_back(Json::parse(line).at("validation_accuracy").get<double>());
  return out;
}

Json interval(const metrics::MeanInterval& m) {
  return {{"mean", m.mean}, {"deviation", m.deviation}, {"half_width", m.half_width}};
}

constexpr const char* compared[] = {"test_accuracy",   "test_top5",       "auc_macro",
                                    "overfitting_gap", "calibration/ece", "stability/largest_spike",
                                    "wall_seconds"};

ArmRun load_run(const fs::path& folder) {
  ArmRun run;
  run.config = read_text(folder / "config.json");
  run.summary = read_text(folder / "summary.json");
  run.metrics = read_text(folder / "metrics.jsonl");
  run.seed = Json::parse(run.config).at("seed").get<std::uint64_t>();
  return run;
}

}  // namespace

std::vector<ArmRun> load_arm(const std::string& folder) {
  std::vector<ArmRun> out;
  if (fs::exists(fs::path(folder) / "summary.json")) {
    out.push_back(load_run(folder));
  } else if (fs::is_directory(folder)) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().rfind("seed-", 0) == 0 && fs::exists(entry.path() / "summary.json"))
        out.push_back(load_run(entry.path()));
  }
  if (out.empty())
    glia::raise<glia::Error>("compare", "no finished run in \"", folder,
                             "\": expected a folder with summary.json, or folders seed-N that have one");
  std::sort(out.begin(), out.end(), [](const ArmRun& a, const ArmRun& b) { return a.seed < b.seed; });
  return out;
}

std::string arm_name(const std::string& folder) {
  const fs::path path = fs::path(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

std::string compare_arms(const std::vector<ArmRun>& first, const std::vector<ArmRun>& second) {
  std::vector<std::pair<const ArmRun*, const ArmRun*>> pairs;
  for (const ArmRun& a : first)
    for (const ArmRun& b : second)
      if (a.seed == b.seed) pairs.emplace_back(&a, &b);
  if (pairs.empty())
    throw std::invalid_argument("compare: expected runs of the same seeds, got no seed that both arms have");

  Json out = {{"seeds", Json::array()},
              {"settings", Json::object()},
              {"steps", Json::array()},
              {"numbers", Json::object()},
              {"validation_accuracy", Json::array()}};
  for (const auto& [a, b] : pairs) {
    out["seeds"].push_back(a->seed);
    out["steps"].push_back({Json::parse(a->summary).at("steps"), Json::parse(b->summary).at("steps")});
  }
  const auto x = settings_of(first, "the first arm"), y = settings_of(second, "the second arm");
  for (const auto& [name, value] : x)
    if (const auto other = y.find(name); other == y.end() || other->second != value)
      out["settings"][name] = {value, other == y.end() ? "" : other->second};
  for (const auto& [name, value] : y)
    if (!x.contains(name)) out["settings"][name] = {"", value};

  for (const char* path : compared) {
    const Json::json_pointer at(std::string("/") + path);
    std::vector<double> a, b;
    for (const auto& [one, two] : pairs) {
      const Json p = Json::parse(one->summary), q = Json::parse(two->summary);
      if (!p.contains(at) || !q.contains(at) || !p[at].is_number() || !q[at].is_number()) continue;
      a.push_back(p[at].get<double>()), b.push_back(q[at].get<double>());
    }
    if (a.size() != pairs.size()) continue;  // undefined in some run
    const auto test = metrics::paired_t_test(a, b);
    out["numbers"][path] = {{"first", interval(metrics::mean_interval(a))},
                            {"second", interval(metrics::mean_interval(b))},
                            {"values", {a, b}},
                            {"difference", interval(test.difference)},
                            {"t", test.t},
                            {"p", test.p}};
  }

  std::vector<std::vector<double>> curves[2];
  std::size_t epochs[2] = {0, 0};
  for (const auto& [a, b] : pairs) {
    curves[0].push_back(validation_curve(*a)), curves[1].push_back(validation_curve(*b));
    for (int arm = 0; arm < 2; ++arm) epochs[arm] = std::max(epochs[arm], curves[arm].back().size());
  }
  for (std::size_t epoch = 0; epoch < std::max(epochs[0], epochs[1]); ++epoch) {
    Json row = {{"epoch", epoch + 1}};
    for (int arm = 0; arm < 2; ++arm) {
      std::vector<double> values;
      for (const auto& curve : curves[arm])
        if (epoch < curve.size()) values.push_back(curve[epoch]);
      row[arm == 0 ? "first" : "second"] = values.empty() ? Json() : interval(metrics::mean_interval(values));
    }
    out["validation_accuracy"].push_back(row);
  }
  return out.dump(2);
}

std::string comparison_markdown(const std::string& comparison, const std::string& first, const std::string& second) {
  const Json c = Json::parse(comparison);
  const auto value = [](const Json& node, double scale, int digits, bool sign) {
    if (!node.is_object()) return std::string("-");
    std::string out = sign ? fmt::format("{:+.{}f}", scale * node["mean"].get<double>(), digits)
                           : fmt::format("{:.{}f}", scale * node["mean"].get<double>(), digits);
    if (node["half_width"].is_number())
      out += fmt::format(" ± {:.{}f}", scale * node["half_width"].get<double>(), digits);
    return out;
  };
  std::string out = fmt::format("# {} against {}\n\n{} paired seed{}. Means with 95 % intervals of Student's t.\n\n",
                                first, second, c["seeds"].size(), c["seeds"].size() == 1 ? "" : "s");
  if (c["settings"].empty()) {
    out += "The settings are the same.\n";
  } else {
    out += fmt::format("| setting | {} | {} |\n|---|---|---|\n", first, second);
    for (const auto& [name, pair] : c["settings"].items())
      out += fmt::format("| {} | {} | {} |\n", name, pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  for (std::size_t i = 0; i < c["steps"].size(); ++i)
    if (c["steps"][i][0] != c["steps"][i][1])
      out += fmt::format("\nSeed {}: the arms took different numbers of steps, {} and {}.\n",
                         c["seeds"][i].get<std::uint64_t>(), c["steps"][i][0].get<std::int64_t>(),
                         c["steps"][i][1].get<std::int64_t>());

  struct Row {
    const char *path, *name;
    double scale;
    int digits;
  };
  static const Row rows[] = {{"test_accuracy", "test accuracy, %", 100, 2},
                             {"test_top5", "top-5 accuracy, %", 100, 2},
                             {"auc_macro", "macro AUC", 1, 4},
                             {"overfitting_gap", "over-fitting gap, points", 100, 2},
                             {"calibration/ece", "calibration error", 1, 4},
                             {"stability/largest_spike", "largest step spike, deviations", 1, 2},
                             {"wall_seconds", "seconds", 1, 0}};
  out += fmt::format("\n| number | {} | {} | difference | p (paired t) |\n|---|---|---|---|---|\n", first, second);
  for (const Row& row : rows) {
    if (!c["numbers"].contains(row.path)) continue;
    const Json& n = c["numbers"][row.path];
    out += fmt::format("| {} | {} | {} | {} | {} |\n", row.name, value(n["first"], row.scale, row.digits, false),
                       value(n["second"], row.scale, row.digits, false),
                       value(n["difference"], row.scale, row.digits, true),
                       n["p"].is_number() ? fmt::format("{:.3g}", n["p"].get<double>()) : "-");
  }
  out +=
      fmt::format("\nValidation accuracy after each epoch, %:\n\n| epoch | {} | {} |\n|---|---|---|\n", first, second);
  for (const Json& row : c["validation_accuracy"])
    out += fmt::format("| {} | {} | {} |\n", row["epoch"].get<int>(), value(row["first"], 100, 2, false),
                       value(row["second"], 100, 2, false));
  return out;
}

std::string compare(const std::string& first, const std::string& second, const std::string& out) {
  const std::string result = compare_arms(load_arm(first), load_arm(second));
  const std::string page = comparison_markdown(result, arm_name(first), arm_name(second));
  if (!out.empty()) {
    fs::create_directories(out);
    write_text(fs::path(out) / "comparison.json", result);
    write_text(fs::path(out) / "comparison.md", page);
  }
  return page;
}

}  // namespace cifar100
