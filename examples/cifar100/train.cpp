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

std::string evaluate(const std::string& checkpoint, const std::string& data) {
  std::filesystem::path file = checkpoint;
  if (std::filesystem::is_directory(file)) file /= "checkpoint.safetensors";
  const auto saved = glia::io::load_checkpoint(file);
  Options options = options_from_json(saved.text("config"));
  options.data = data;
  const RunData sets = load_run_data(options);
  UnifiedNet<glia::Cpu> net(options.backbone, options.objective, sets.test.classes);
  saved.load_module("net", net);
  Summary s;
  fill_test_metrics(s, predict(net, sets.test), sets.test);
  const Score validation = score(predict(net, sets.validation), sets.validation.labels);
  s.val_accuracy = validation.accuracy, s.val_loss = validation.loss;
  s.parameters = nn::parameter_count(net);
  s.epochs = saved.number("epoch");
  s.seed = options.seed;
  s.threads = glia::num_threads();
  s.git_revision = git_revision();
  s.data = sets.name, s.protocol = options.protocol, s.backbone = options.backbone;
  return to_json(s);
}

}  // namespace cifar100
