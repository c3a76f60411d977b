#pragma once
// The command line's options, for CLI11.

#include "options.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace cifar100 {

// Adds every option of a training run. The preset must have been applied to `options` before: what the user names
// overrides it.
void add_train_options(CLI::App& app, Options& options);

// The preset that a command line names, or the default one.
std::string preset_of(int argc, char** argv);

// The command line as one could type it.
std::string command_line(int argc, char** argv);

// "1,2,5" as numbers, without repeats. std::invalid_argument on anything else.
std::vector<std::uint64_t> parse_seeds(const std::string& text);

}  // namespace cifar100
