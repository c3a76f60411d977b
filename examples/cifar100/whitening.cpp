#include "whitening.hpp"

#include <glia/data/augment.hpp>

#include <Eigen/Eigenvalues>

#include <numeric>

namespace cifar100 {

glia::Tensor<float> whitening_filters(const glia::data::Dataset& images, glia::Index count) {
  using glia::Index;
  constexpr Index size = 27;
  if (count < 1 || count > size)
    glia::raise<glia::ValueError>("whitening_filters", "count must be in 1 to ", size, ", got ", count);
  const Index sample = std::min<Index>(images.size(), 2000);
  std::vector<Index> positions(static_cast<std::size_t>(sample));
  std::iota(positions.begin(), positions.end(), Index{0});
  const auto pixels = glia::data::Augment({.normalization = glia::data::cifar100_normalization})(images.images, positions, 0);
  const Index height = pixels.size(1), width = pixels.size(2);
  const float* data = pixels.data();
  Eigen::Matrix<double, size, size> covariance = Eigen::Matrix<double, size, size>::Zero();
  Eigen::Matrix<double, size, 1> patch;
  Index patches = 0;
  for (Index n = 0; n < sample; ++n)
    for (Index y = 0; y + 3 <= height; y += 2)
      for (Index x = 0; x + 3 <= width; x += 2, ++patches) {
        for (Index i = 0; i < 3; ++i)
          for (Index j = 0; j < 9; ++j)
            patch[i * 9 + j] = static_cast<double>(data[((n * height + y + i) * width + x) * 3 + j]);
        covariance.selfadjointView<Eigen::Lower>().rankUpdate(patch);
      }
  covariance /= static_cast<double>(std::max<Index>(patches, 1));
  const Eigen::SelfAdjointEigenSolver<Eigen::Matrix<double, size, size>> solver(covariance);
  auto filters = glia::Tensor<float>::empty({2 * count, 3, 3, 3});
  float* out = filters.mutable_data();
  for (Index k = 0; k < count; ++k) {
    const double scale = 1.0 / std::sqrt(solver.eigenvalues()[size - 1 - k] + 5e-4);
    for (Index i = 0; i < size; ++i) {
      const auto value = static_cast<float>(scale * solver.eigenvectors()(i, size - 1 - k));
      out[k * size + i] = value;
      out[(count + k) * size + i] = -value;
    }
  }
  return filters;
}

}  // namespace cifar100
