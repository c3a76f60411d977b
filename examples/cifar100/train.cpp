#include "train.hpp"

#include "train_on.hpp"

namespace cifar100 {

Outcome train(const Options& options) {
  if (options.threads > 0) glia::set_num_threads(options.threads);
  return options.device == "cuda" ? train_cuda(options) : train_on<glia::Cpu>(options);
}

Outcome complete(const Options& options) {
  const std::filesystem::path folder = options.out;
  Options o = options;
  o.resume = holds_checkpoint(folder);
  if (std::filesystem::exists(folder / "summary.json")) {
    if (identity(options_from_json(read_text(folder / "config.json"))) != identity(o))
      glia::raise<glia::ValueError>("cifar100", "\"", options.out, "\" holds a run of other settings");
    return Outcome::finished;
  }
  return train(o);
}

}  // namespace cifar100
