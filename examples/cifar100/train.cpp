#include "train.hpp"

#include "epoch.hpp"
#include "summarise.hpp"

namespace cifar100 {

template <class D>
static Outcome train_on(const Options& options) {
  const double start = now();
  Run<D> run(options);
  std::filesystem::create_directories(options.out);
  if (options.resume)
    run.restore();
  else
    run.begin();
  const glia::train::InterruptGuard interrupt;
  run.last_save = now();
  run.resumed_at = start - run.wall_before;
  const auto stopped = [&] {
    run.say("interrupted; saved. Go on with --resume --out " + options.out);
    return Outcome::interrupted;
  };
  while (run.epoch < options.epochs) {
    if (!train_epoch(run)) {
      run.save(false);
      return stopped();
    }
    finish_epoch(run);
    if (run.epoch < options.epochs && glia::train::InterruptGuard::requested()) return stopped();
  }
  summarise(run);
  return Outcome::finished;
}

Outcome train(const Options& options) {
  if (options.threads > 0) glia::set_num_threads(options.threads);
  return train_on<glia::Cpu>(options);
}

Outcome complete(const Options& options) {
  const std::filesystem::path folder = options.out;
  Options o = options;
  o.resume = std::filesystem::exists(folder / "checkpoint.safetensors");
  if (std::filesystem::exists(folder / "summary.json")) {
    if (identity(options_from_json(read_text(folder / "config.json"))) != identity(o))
      glia::raise<glia::ValueError>("cifar100", "\"", options.out, "\" holds a run of other settings");
    return Outcome::finished;
  }
  return train(o);
}

}  // namespace cifar100
