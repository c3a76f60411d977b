#pragma once
// The subcommands around backbones: summary, export, import, apply, pretrain.

#include <CLI/CLI.hpp>

#include <memory>

namespace cifar100 {

// Adds the subcommands to a program; run() carries out the one that was given.
class BackboneCommands {
 public:
  explicit BackboneCommands(CLI::App& app);
  ~BackboneCommands();

  bool parsed() const;
  // The exit status. Errors: std::exception with the reason.
  int run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cifar100
