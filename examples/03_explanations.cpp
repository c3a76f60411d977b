// Tour 3: a small network finds shapes in noise; which pixels made it decide, and can the answer be trusted?

#include <glia/glia.hpp>

#include <cstdio>
#include <numeric>

namespace explain = glia::explain;
namespace nn = glia::nn;
using glia::Index;

namespace {

struct Net {
  nn::Conv2d<> conv1{{.in = 1, .out = 16, .kernel = 3, .padding = 1}};
  nn::Conv2d<> conv2{{.in = 16, .out = 24, .kernel = 3, .stride = 2, .padding = 1}};
  nn::Conv2d<> conv3{{.in = 24, .out = 24, .kernel = 3, .padding = 1}};
  nn::Linear<> head{24, 3};
  GLIA_MEMBERS(conv1, conv2, conv3, head)

  explain::FeaturesAndScores<float, glia::Cpu> look(const glia::Tensor<>& x) {
    const auto features = glia::relu(conv3(glia::relu(conv2(glia::relu(conv1(x))))));
    return {features, head(glia::global_mean_pool(features))};
  }
  glia::Tensor<> operator()(const glia::Tensor<>& x) { return look(x).scores; }
};

// A square, a cross or an X of 5 x 5 pixels anywhere in a noisy 16 x 16 image; `box` is its upper left corner.
struct Sample {
  glia::Tensor<> images;  // [N, 16, 16, 1]
  glia::Tensor<std::int64_t> labels;
  std::vector<Index> boxes;
};
Sample draw(Index n, std::uint64_t seed) {
  glia::Generator generator(seed);
  Sample out{glia::randn({n, 16, 16, 1}, generator, 0.0f, 0.3f), {}, {}};
  std::vector<std::int64_t> labels;
  const auto place = glia::rand({n, 2}, generator).to_vector();
  for (Index i = 0; i < n; ++i) {
    const auto top = static_cast<Index>(place[static_cast<std::size_t>(2 * i)] * 12.0f);
    const auto left = static_cast<Index>(place[static_cast<std::size_t>(2 * i + 1)] * 12.0f);
    for (Index y = 0; y < 5; ++y)
      for (Index x = 0; x < 5; ++x) {
        const bool edge = y == 0 || y == 4 || x == 0 || x == 4, cross = y == 2 || x == 2, both = x == y || x == 4 - y;
        if (i % 3 == 0 ? edge : i % 3 == 1 ? cross : both)
          out.images.mutable_data()[(i * 16 + top + y) * 16 + left + x] += 1.5f;
      }
    labels.push_back(i % 3);
    out.boxes.push_back(top * 16 + left);
  }
  out.labels = glia::from_vector(labels);
  return out;
}

// Maps of 16 x 16 numbers side by side, each from its smallest to its largest value.
void print_maps(const std::vector<std::pair<const char*, glia::Tensor<>>>& maps) {
  for (const auto& [name, map] : maps) std::printf("%-18s", name);
  std::printf("\n");
  for (Index y = 0; y < 16; ++y) {
    for (const auto& [name, map] : maps) {
      const auto values = map.to_vector();
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      for (Index x = 0; x < 16; ++x) {
        const float share = (values[static_cast<std::size_t>(y * 16 + x)] - *low) / (*high - *low + 1e-12f);
        std::printf("%c", " .:-=+*%#@"[static_cast<int>(share * 9.99f)]);
      }
      std::printf("  ");
    }
    std::printf("\n");
  }
}

// Share of the maps whose largest value lies on the shape.
double hits(const glia::Tensor<>& maps, const std::vector<Index>& boxes) {
  const auto peak = glia::argmax(maps.flatten(1), 1).to_vector();
  int found = 0;
  for (std::size_t i = 0; i < peak.size(); ++i) {
    const Index y = peak[i] / 16 - boxes[i] / 16, x = peak[i] % 16 - boxes[i] % 16;
    found += y >= -1 && y <= 5 && x >= -1 && x <= 5 ? 1 : 0;
  }
  return found / static_cast<double>(peak.size());
}

}  // namespace

int main() {
  glia::manual_seed(2);
  Net net;
  const auto train = draw(600, 1), test = draw(30, 2);
  glia::optim::AdamW optimizer(glia::parameters(net), {.learning_rate = 5e-3});
  for (int step = 0; step < 150; ++step) {
    const Index first = step % 10 * 60;
    optimizer.zero_grad();
    glia::cross_entropy(net(train.images.slice(0, {first, first + 60})), train.labels.slice(0, {first, first + 60}))
        .backward();
    optimizer.step();
  }
  const auto& x = test.images;
  const auto& y = test.labels;
  std::printf("test accuracy %.0f %%\n\n", 100 * glia::ssl::agreement(explain::predictions(net, x), y));

  const auto whole = explain::integrated_gradients(net, x, y);
  const auto integrated = explain::heat_map(whole.attributions);
  const auto smooth = explain::heat_map(explain::smooth_grad(net, x, y));
  const auto cam = explain::grad_cam([&](const auto& images) { return net.look(images); }, x, y);
  const auto covered = explain::occlusion(net, x, y, {.window = 4, .stride = 2});
  print_maps({{"image", x[4]},
              {"integrated", integrated[4]},
              {"SmoothGrad", smooth[4]},
              {"Grad-CAM", cam[4]},
              {"occlusion", covered[4]}});

  std::printf(
      "\nbrightest place is on the shape: integrated %.0f %%, SmoothGrad %.0f %%, Grad-CAM %.0f %%, occlusion %.0f "
      "%%\n",
      100 * hits(integrated, test.boxes), 100 * hits(smooth, test.boxes), 100 * hits(cam, test.boxes),
      100 * hits(covered, test.boxes));
  std::printf("completeness of integrated gradients: off by %.2f %% (worst image %.2f %%)\n", 100 * whole.error,
              100 * whole.worst());

  glia::Generator generator(5);
  const auto chance = glia::rand(integrated.shape(), generator);
  const auto deleted = explain::deletion_curve(net, x, y, integrated),
             by_chance = explain::deletion_curve(net, x, y, chance);
  std::printf("area under the deletion curve: %.3f, pixels in random order %.3f (smaller is better)\n",
              deleted.mean_auc(), by_chance.mean_auc());
  const auto inserted = explain::insertion_curve(net, x, y, integrated),
             put_by_chance = explain::insertion_curve(net, x, y, chance);
  std::printf("area under the insertion curve: %.3f, pixels in random order %.3f (larger is better)\n",
              inserted.mean_auc(), put_by_chance.mean_auc());

  std::printf("rank correlation of the gradient with the trained network's, layer after layer randomised:\n");
  double last = 1;
  for (const auto& layer :
       explain::randomization_check(net, [&](Net& copy) { return explain::input_gradient(copy, x, y); })) {
    std::printf("  %-6s %6.3f\n", layer.layer.c_str(), layer.correlation);
    last = layer.correlation;
  }
  return whole.error < 0.01 && deleted.mean_auc() < by_chance.mean_auc() && std::abs(last) < 0.3 ? 0 : 1;
}
