#include "seeds.hpp"

#include "files.hpp"

#include <glia/metrics/compare.hpp>
#include <glia/train/interrupt.hpp>

#include <nlohmann/json.hpp>

namespace cifar100 {

using Json = nlohmann::ordered_json;

namespace {
// Calls f(path, number) for every number of a JSON object, nested names joined by dots.
template <class F>
void each_number(const Json& node, const std::string& path, F&& f) {
  for (const auto& [key, value] : node.items()) {
    const std::string name = path.empty() ? key : path + '.' + key;
    if (value.is_number()) f(name, value.template get<double>());
    if (value.is_object()) each_number(value, name, f);
  }
}
}  // namespace

std::string across_runs(const std::vector<std::string>& summaries) {
  std::vector<std::pair<std::string, std::vector<double>>> table;
  for (const std::string& text : summaries)
    each_number(Json::parse(text), "", [&](const std::string& name, double value) {
      auto row = std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.first == name; });
      if (row == table.end()) row = table.insert(table.end(), {name, {}});
      row->second.push_back(value);
    });
  Json out = Json::object();
  for (const auto& [name, values] : table) {
    if (values.size() != summaries.size()) continue;  // undefined in some run
    const auto m = glia::metrics::mean_interval(values);
    out[name] = {{"mean", m.mean}, {"deviation", m.deviation}, {"half_width", m.half_width}, {"values", values}};
  }
  return out.dump();
}

bool stopped_between_runs() { return glia::train::InterruptGuard::requested(); }

Outcome train_seeds(const Options& options, const std::vector<std::uint64_t>& seeds) {
  std::vector<std::string> summaries;
  for (const std::uint64_t seed : seeds) {
    if (stopped_between_runs()) return Outcome::interrupted;
    Options one = options;
    one.seed = seed;
    one.out = (std::filesystem::path(options.out) / ("seed-" + std::to_string(seed))).string();
    if (complete(one) == Outcome::interrupted) return Outcome::interrupted;
    summaries.push_back(read_text(std::filesystem::path(one.out) / "summary.json"));
  }
  const Json record = {
      {"seeds", seeds}, {"command", options.command}, {"numbers", Json::parse(across_runs(summaries))}};
  write_text(std::filesystem::path(options.out) / "seeds.json", record.dump(2));
  if (!options.quiet) {
    const auto& accuracy = record["numbers"]["test_accuracy"];
    std::fprintf(stderr, "%zu seeds: test accuracy %.2f %%, 95 %% interval +- %.2f\n", seeds.size(),
                 100 * accuracy["mean"].get<double>(),
                 seeds.size() > 1 ? 100 * accuracy["half_width"].get<double>() : 0.0);
  }
  return Outcome::finished;
}

}  // namespace cifar100
