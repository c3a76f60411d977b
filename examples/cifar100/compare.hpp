#pragma once
// Two arms of an experiment, run with the same seeds: what differs in their settings, and by how much they differ.

#include <cstdint>
#include <string>
#include <vector>

namespace cifar100 {

// What a finished run is to the comparison: the texts of its files.
struct ArmRun {
  std::uint64_t seed = 0;
  std::string config, summary, metrics;  // config.json, summary.json, metrics.jsonl
};

// The finished runs of a folder: itself, or its folders seed-N, by rising seed. glia::Error if there are none.
std::vector<ArmRun> load_arm(const std::string& folder);

// What an arm is called in the table: the last part of its path.
std::string arm_name(const std::string& folder);

// Settings that differ, steps, the numbers of both arms with paired differences (first - second: mean, 95 % interval of
// Student's t, p of the paired t-test; null with one pair) and the validation accuracy after each epoch, over the seeds
// that both arms have. JSON text. std::invalid_argument if they share no seed, or if the runs of one arm differ in more
// than their seed.
std::string compare_arms(const std::vector<ArmRun>& first, const std::vector<ArmRun>& second);

// The same as a markdown page; the names head the columns.
std::string comparison_markdown(const std::string& comparison, const std::string& first, const std::string& second);

// The page of two folders; writes comparison.json and comparison.md into `out` unless that is empty. Errors: as above.
std::string compare(const std::string& first, const std::string& second, const std::string& out);

}  // namespace cifar100
