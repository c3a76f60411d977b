// What was done with each tensor, as text; and the stem's adaptation.
#include "weights.hpp"

#include <algorithm>
#include <cmath>

namespace cifar100 {

std::size_t WeightReport::count(WeightStatus status) const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const WeightRow& r) { return r.status == status; }));
}

std::string WeightReport::text(bool all) const {
  static constexpr const char* words[] = {"loaded", "adapted", "missing", "unexpected"};
  std::string out;
  for (const WeightRow& row : rows) {
    if (!all && row.status == WeightStatus::loaded) continue;
    std::string line = words[static_cast<int>(row.status)];
    line.resize(12, ' ');
    line += row.ours.empty() ? row.theirs : row.ours;
    if (!row.ours.empty() && !row.theirs.empty() && row.ours != row.theirs) line += "  from " + row.theirs;
    if (!row.note.empty()) line += "  (" + row.note + ")";
    out += line + '\n';
  }
  out += source + (prefix.empty() ? "" : ", under \"" + prefix + "\"") + ": ";
  for (int i = 0; i < 4; ++i)
    out += std::to_string(count(static_cast<WeightStatus>(i))) + " " + words[i] + (i < 3 ? ", " : "");
  if (outside > 0) out += "; " + std::to_string(outside) + " other tensors in the file";
  return out + '\n';
}

glia::Tensor<float> fit_stem(const glia::Tensor<float>& filters, Index size, StemFit fit) {
  const Index out = filters.size(0), high = filters.size(1), wide = filters.size(2), in = filters.size(3);
  if (high < size || wide < size || (fit == StemFit::crop && ((high - size) % 2 != 0 || (wide - size) % 2 != 0)))
    glia::raise<glia::ShapeError>("fit_stem", "filters of shape ", filters.shape(), " do not shrink to ", size, "x",
                                  size);
  // Share of source tap y in target tap t along one axis.
  const auto share = [&](Index t, Index y, Index n) {
    if (fit == StemFit::crop) return y == t + (n - size) / 2 ? 1.0 : 0.0;
    const double width = static_cast<double>(n) / static_cast<double>(size);
    const double low = std::max(static_cast<double>(t) * width, static_cast<double>(y));
    const double top = std::min(static_cast<double>(t + 1) * width, static_cast<double>(y + 1));
    return std::max(top - low, 0.0);
  };
  const auto source = filters.to_vector();
  auto result = glia::Tensor<float>::empty({out, size, size, in});
  float* target = result.mutable_data();
  for (Index o = 0; o < out; ++o) {
    std::vector<double> sums(static_cast<std::size_t>(size * size * in), 0.0);
    double before = 0, after = 0;
    for (Index y = 0; y < high; ++y)
      for (Index x = 0; x < wide; ++x)
        for (Index c = 0; c < in; ++c) {
          const auto value =
              static_cast<double>(source[static_cast<std::size_t>(((o * high + y) * wide + x) * in + c)]);
          before += value * value;
          for (Index i = 0; i < size; ++i)
            for (Index j = 0; j < size; ++j)
              sums[static_cast<std::size_t>((i * size + j) * in + c)] += share(i, y, high) * share(j, x, wide) * value;
        }
    for (const double s : sums) after += s * s;
    const double scale = fit == StemFit::crop && after > 0 ? std::sqrt(before / after) : 1.0;
    for (std::size_t i = 0; i < sums.size(); ++i) *target++ = static_cast<float>(sums[i] * scale);
  }
  return result;
}

}  // namespace cifar100
