#include "spike_activity.hpp"

#include "evaluate.hpp"

#include <glia/data/augment.hpp>
#include <glia/spiking/report.hpp>

#include <numeric>
#include <stdexcept>

namespace cifar100 {

std::string spike_activity(const std::string& checkpoint, const std::string& data, std::int64_t images) {
  if (images < 1 || images > 500)
    throw std::invalid_argument("--images: expected 1 to 500, got " + std::to_string(images));
  auto trained = load_trained<glia::Cpu>(checkpoint, data);
  std::vector<Index> positions(static_cast<std::size_t>(std::min<Index>(images, trained.data.test.size())));
  std::iota(positions.begin(), positions.end(), Index{0});
  const glia::data::Augment plain({.normalization = glia::data::cifar100_normalization});
  return glia::spiking::activity_report(trained.net, plain(trained.data.test.images, positions, 0)).text();
}

}  // namespace cifar100
