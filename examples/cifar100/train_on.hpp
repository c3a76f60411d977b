#pragma once
// A whole training run on one device.

#include "epoch.hpp"
#include "summarise.hpp"
#include "train.hpp"

namespace cifar100 {

template <class D>
Outcome train_on(const Options& options) {
  const double start = now();
  const glia::train::InterruptGuard interrupt;  // first, so that Ctrl-C while the data is read stops the run in order too
  Run<D> run(options);
  std::filesystem::create_directories(options.out);
  if (options.resume)
    run.restore();
  else
    run.begin();
  run.last_save = now();
  run.resumed_at = start - run.wall_before;
  const auto stopped = [&] {
    finish_profile(run);
    run.say("interrupted; saved. Go on with --resume --out " + options.out);
    return Outcome::interrupted;
  };
  while (run.epoch < options.epochs) {
    if (!train_epoch(run)) {
      run.save(false);
      return stopped();
    }
    finish_epoch(run);
    if (run.epoch < options.epochs && stop_asked(run)) return stopped();
  }
  finish_profile(run);
  summarise(run);
  return Outcome::finished;
}

}  // namespace cifar100
