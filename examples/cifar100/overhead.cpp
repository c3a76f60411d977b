#include "overhead.hpp"

#include "step.hpp"

#include <nlohmann/json.hpp>

namespace cifar100 {

namespace {
struct Arm {
  std::string name;
  std::unique_ptr<Run<glia::Cpu>> run;
  std::vector<double> seconds;
};

std::vector<std::pair<std::string, Objective>> arms(const Objective& given) {
  Objective plain = given;
  plain.similarity = plain.spatial = plain.neuron = "none";
  std::vector<std::pair<std::string, Objective>> out{{"plain supervised", plain}};
  const auto add = [&](const std::string& name, auto&& change) {
    Objective o = plain;
    change(o);
    out.emplace_back(name, o);
  };
  const std::string similarity = given.similarity == "none" ? "supcon" : given.similarity;
  const std::string spatial = given.spatial == "none" ? "localized" : given.spatial;
  const std::string neuron = given.neuron == "none" ? "multilevel" : given.neuron;
  add("+ similarity (" + similarity + ")", [&](Objective& o) { o.similarity = similarity; });
  if (similarity != "ntxent") add("+ similarity (ntxent, two views)", [&](Objective& o) { o.similarity = "ntxent"; });
  add("+ spatial (" + spatial + ")", [&](Objective& o) { o.spatial = spatial; });
  add("+ neuromorphic (" + neuron + ")", [&](Objective& o) { o.neuron = neuron; });
  add("+ all", [&](Objective& o) { o.similarity = similarity, o.spatial = spatial, o.neuron = neuron; });
  return out;
}
}  // namespace

std::string overhead(const Options& options, int rounds) {
  if (rounds < 1) glia::raise<glia::ValueError>("cifar100 overhead", "--rounds must be at least 1, got ", rounds);
  if (options.device != "cpu")
    glia::raise<glia::ValueError>("cifar100 overhead", "--device must be cpu, got ", options.device);
  if (options.threads > 0) glia::set_num_threads(options.threads);
  const RunData data = load_run_data(options);
  std::vector<Arm> all;
  for (auto& [name, objective] : arms(options.objective)) {
    Options o = options;
    o.objective = objective;
    o.gradient_every = -1;
    all.push_back({name, std::make_unique<Run<glia::Cpu>>(o, data), {}});
    nn::train(all.back().run->net);
    all.back().run->labelled.seek(0);
    if (all.back().run->unlabelled) all.back().run->unlabelled->seek(0);
  }
  constexpr int warmup = 3;
  for (int round = -warmup; round < rounds; ++round)
    for (std::size_t k = 0; k < all.size(); ++k) {
      Arm& arm = all[(k + static_cast<std::size_t>(round + warmup)) % all.size()];  // nobody is always the first
      const double start = now();
      train_step(*arm.run, next_batch(*arm.run));
      if (round >= 0) arm.seconds.push_back(now() - start);
    }
  nlohmann::ordered_json out = {{"rounds", rounds},
                                {"images_per_step", images_per_step(options, data)},
                                {"backbone", options.backbone},
                                {"threads", glia::num_threads()},
                                {"command", options.command},
                                {"arms", nlohmann::ordered_json::array()}};
  std::string table = fmt::format("{:<36} {:>10} {:>24}\n", "", "ms / step", "ratio (quartiles)");
  for (const Arm& arm : all) {
    std::vector<double> ratio;
    for (std::size_t i = 0; i < arm.seconds.size(); ++i) ratio.push_back(arm.seconds[i] / all[0].seconds[i]);
    std::sort(ratio.begin(), ratio.end());
    const double low = ratio[ratio.size() / 4], high = ratio[ratio.size() * 3 / 4];
    out["arms"].push_back({{"name", arm.name},
                           {"median_seconds", median(arm.seconds)},
                           {"ratio", median(ratio)},
                           {"ratio_quartile1", low},
                           {"ratio_quartile3", high},
                           {"seconds", arm.seconds}});
    table += fmt::format("{:<36} {:10.1f} {:10.3f} ({:.3f} - {:.3f})\n", arm.name, 1e3 * median(arm.seconds),
                         median(ratio), low, high);
  }
  std::filesystem::create_directories(options.out);
  write_text(std::filesystem::path(options.out) / "overhead.json", out.dump(2));
  return table;
}

}  // namespace cifar100
