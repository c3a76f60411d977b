// Two arms of an experiment: pairs by seed, differences by hand, and what is refused.
#include "compare.hpp"

#include "files.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>

using Json = nlohmann::json;

namespace {
cifar100::ArmRun run(std::uint64_t seed, double accuracy, const std::string& similarity, double rate = 0.1,
                     int steps = 90) {
  cifar100::ArmRun out;
  out.seed = seed;
  out.config = Json{{"seed", seed},
                    {"out", "folder" + std::to_string(seed)},
                    {"learning_rate", rate},
                    {"objective", {{"similarity", similarity}}}}
                   .dump();
  out.summary =
      Json{{"test_accuracy", accuracy}, {"overfitting_gap", nullptr}, {"steps", steps}, {"calibration", {{"ece", 0.1}}}}
          .dump();
  out.metrics =
      Json{{"validation_accuracy", accuracy / 2}}.dump() + "\n" + Json{{"validation_accuracy", accuracy}}.dump() + "\n";
  return out;
}
std::vector<cifar100::ArmRun> joint() {
  return {run(1, 0.50, "ntxent"), run(2, 0.54, "ntxent"), run(3, 0.56, "ntxent")};
}
}  // namespace

TEST_CASE("arms are paired by seed: differences, interval and p by hand") {
  // Out of order, and with a seed that the other arm lacks.
  const std::vector<cifar100::ArmRun> plain = {run(3, 0.51, "none"), run(1, 0.48, "none"), run(2, 0.51, "none"),
                                               run(9, 0.1, "none")};
  const Json c = Json::parse(cifar100::compare_arms(joint(), plain));
  CHECK(c["seeds"] == Json({1, 2, 3}));
  CHECK(c["settings"] == Json{{"objective.similarity", {"ntxent", "none"}}});
  const Json& n = c["numbers"]["test_accuracy"];
  // differences 0.02, 0.03, 0.05: mean 1/30, deviation sqrt(7/30000), t = (1/30) / (deviation / sqrt 3) = 3.7796
  CHECK(std::abs(n["difference"]["mean"].get<double>() - 1.0 / 30) < 1e-12);
  CHECK(std::abs(n["t"].get<double>() - std::sqrt(3.0) / 30 / std::sqrt(7.0 / 30000)) < 1e-9);
  // two degrees of freedom: p = 1 - t / sqrt(t^2 + 2)
  const double t = n["t"].get<double>();
  CHECK(std::abs(n["p"].get<double>() - (1 - t / std::sqrt(t * t + 2))) < 1e-9);
  CHECK(std::abs(n["second"]["mean"].get<double>() - 0.5) < 1e-12);
  CHECK_FALSE(c["numbers"].contains("overfitting_gap"));
  CHECK(c["validation_accuracy"].size() == 2);
  CHECK(std::abs(c["validation_accuracy"][0]["first"]["mean"].get<double>() - 1.6 / 6) < 1e-12);
  const std::string page = cifar100::comparison_markdown(c.dump(), "joint", "plain");
  CHECK(page.find("| setting | joint | plain |") != std::string::npos);
  CHECK(page.find("| objective.similarity | ntxent | none |") != std::string::npos);
  CHECK(page.find("| test accuracy, % | 53.33 ± ") != std::string::npos);
  CHECK(page.find("| +3.33 ± ") != std::string::npos);
  CHECK(page.find("different numbers of steps") == std::string::npos);
}

TEST_CASE("one pair has a difference and no interval; unequal steps are said") {
  const Json c =
      Json::parse(cifar100::compare_arms({run(1, 0.5, "ntxent", 0.1, 90)}, {run(1, 0.4, "ntxent", 0.1, 45)}));
  CHECK(c["settings"].empty());
  CHECK(c["numbers"]["test_accuracy"]["p"].is_null());
  const std::string page = cifar100::comparison_markdown(c.dump(), "a", "b");
  CHECK(page.find("The settings are the same.") != std::string::npos);
  CHECK(page.find("Seed 1: the arms took different numbers of steps, 90 and 45.") != std::string::npos);
  CHECK(page.find("| test accuracy, % | 50.00 | 40.00 | +10.00 | - |") != std::string::npos);
}

TEST_CASE("arms without a common seed, and arms of mixed settings, are refused") {
  CHECK_THROWS_WITH(cifar100::compare_arms(joint(), {run(7, 0.5, "none")}),
                    "compare: expected runs of the same seeds, got no seed that both arms have");
  auto mixed = joint();
  mixed[2] = run(3, 0.56, "ntxent", 0.2);
  CHECK_THROWS_WITH(cifar100::compare_arms(joint(), mixed),
                    "compare: the second arm: expected runs that differ in their seed alone, got learning_rate = 0.1 "
                    "with seed 1 and 0.2 "
                    "with seed 3");
}

TEST_CASE("a setting that only some runs of an arm have is a difference, whichever run has it") {
  for (const std::size_t without : {0u, 2u}) {
    auto arm = joint();
    Json config = Json::parse(arm[without].config);
    config.erase("learning_rate");
    arm[without].config = config.dump();
    CHECK_THROWS_WITH(cifar100::compare_arms(joint(), arm), doctest::Contains("learning_rate = "));
  }
}

TEST_CASE("an arm is one run or a folder of seeds; an empty one is refused") {
  const auto folder = std::filesystem::temp_directory_path() / "glia_compare_test";
  std::filesystem::remove_all(folder);
  for (const auto& one : joint()) {
    const auto at = folder / "joint" / ("seed-" + std::to_string(one.seed));
    std::filesystem::create_directories(at);
    cifar100::write_text(at / "config.json", one.config);
    cifar100::write_text(at / "summary.json", one.summary);
    cifar100::write_text(at / "metrics.jsonl", one.metrics);
  }
  std::filesystem::create_directories(folder / "joint" / "seed-4");  // not finished
  const auto arm = cifar100::load_arm((folder / "joint").string());
  REQUIRE(arm.size() == 3);
  CHECK(arm[1].seed == 2);
  CHECK(cifar100::load_arm((folder / "joint" / "seed-3").string()).front().seed == 3);
  CHECK(cifar100::arm_name((folder / "joint/").string()) == "joint");
  const std::string nothing = (folder / "joint" / "seed-4").string();
  CHECK_THROWS_WITH_AS(cifar100::load_arm(nothing),
                       doctest::Contains("expected a folder with summary.json, or folders seed-N"), glia::Error);
  std::filesystem::remove_all(folder);
}
