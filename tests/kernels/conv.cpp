// Convolution kernels against a double-precision definition, for every algorithm that applies to a shape.

#include <glia/kernels/cpu/conv.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using glia::ConvAlgorithm;
using glia::ConvGeometry;
using glia::Cpu;
using glia::Index;

struct Shape {
  Index batch, height, width, in, out, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w, dilation_h,
      dilation_w, groups;
};

const Shape shapes[] = {
    // batch, image, channels, kernel, stride, padding, dilation, groups
    {2, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {1, 5, 7, 32, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {3, 9, 6, 40, 20, 3, 3, 1, 1, 0, 0, 1, 1, 1},
    {2, 4, 4, 64, 96, 3, 3, 1, 1, 2, 2, 1, 1, 1},
    {1, 3, 3, 17, 33, 3, 3, 1, 1, 1, 0, 1, 1, 1},
    {20, 4, 4, 100, 36, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {9, 16, 13, 24, 31, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {2, 7, 7, 16, 18, 3, 3, 1, 1, 3, 3, 1, 1, 1},
    {4, 16, 16, 3, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {4, 9, 8, 3, 12, 2, 2, 1, 1, 0, 0, 1, 1, 1},
    {2, 9, 8, 20, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {2, 10, 7, 8, 40, 3, 3, 2, 1, 1, 2, 1, 1, 1},
    {2, 8, 8, 30, 50, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {2, 9, 9, 16, 8, 1, 1, 2, 2, 0, 0, 1, 1, 1},
    {1, 11, 12, 6, 10, 3, 3, 1, 1, 2, 2, 2, 2, 1},
    {2, 12, 12, 5, 7, 3, 2, 3, 2, 1, 0, 2, 3, 1},
    {2, 6, 7, 12, 18, 3, 3, 1, 1, 1, 1, 1, 1, 3},
    {2, 7, 6, 37, 37, 3, 3, 1, 1, 1, 1, 1, 1, 37},
    {1, 9, 8, 20, 20, 5, 3, 2, 2, 2, 1, 1, 1, 20},
    {1, 8, 8, 6, 12, 3, 3, 1, 1, 1, 1, 1, 1, 6},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {1, 2, 2, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 1},
    {1, 5, 5, 4, 4, 3, 3, 4, 4, 0, 0, 1, 1, 1},
    {1, 8, 9, 2, 3, 4, 6, 2, 4, 3, 2, 2, 2, 1},
    // blocks of several images, of rows of one image, of one very long row; every remainder of a register tile
    {70, 2, 2, 8, 24, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {3, 17, 19, 3, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {1, 3, 230, 4, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {2, 33, 31, 12, 41, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {2, 8, 8, 12, 12, 3, 3, 1, 1, 0, 0, 1, 1, 2},
    {2, 30, 9, 7, 17, 3, 1, 1, 1, 1, 0, 2, 1, 1},
    // Winograd: many channels and few tiles, several groups
    {6, 8, 8, 200, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {40, 8, 9, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    // Winograd in 3x3 tiles: groups of few and of many channels, two, five and six pixels
    {40, 5, 6, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {6, 6, 6, 200, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {30, 2, 2, 64, 100, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    // Winograd with stride 2: groups of few and of many channels, edges of every kind, one pixel
    {3, 16, 16, 32, 40, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {40, 16, 15, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {6, 8, 8, 200, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {2, 5, 2, 17, 33, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    {2, 1, 1, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1},
    // bfloat16 windows read in place: rows of whole blocks and others, channels and results that fill no block, several
    // images, one tap, uneven padding and dilation
    {3, 9, 12, 48, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {2, 6, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {5, 5, 16, 64, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {2, 8, 19, 35, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {2, 11, 13, 33, 70, 3, 2, 1, 1, 2, 0, 2, 1, 1},
    {1, 4, 16, 32, 32, 2, 5, 1, 1, 0, 2, 1, 2, 1},
    // depthwise rows long enough for runs of pixels
    {2, 9, 14, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 16},
    {1, 8, 21, 32, 32, 3, 3, 1, 2, 1, 1, 1, 1, 32},
    {1, 7, 19, 16, 16, 5, 3, 1, 1, 2, 2, 2, 2, 16},
    {1, 6, 25, 16, 16, 2, 5, 1, 1, 0, 1, 1, 1, 16},
    {0, 8, 8, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {1, 2, 2, 16, 16, 5, 5, 1, 1, 0, 0, 1, 1, 1},
};

ConvGeometry geometry(const Shape& s) {
  ConvGeometry g;
  g.batch = s.batch, g.height = s.height, g.width = s.width, g.in_channels = s.in, g.out_channels = s.out;
  g.kernel_h = s.kernel_h, g.kernel_w = s.kernel_w, g.stride_h = s.stride_h, g.stride_w = s.stride_w;
  g.padding_h = s.padding_h, g.padding_w = s.padding_w, g.dilation_h = s.dilation_h, g.dilation_w = s.dilation_w;
  g.groups = s.groups;
  g.out_height = glia::window_extent(s.height, s.kernel_h, s.stride_h, s.padding_h, s.dilation_h);
  g.out_width = glia::window_extent(s.width, s.kernel_w, s.stride_w, s.padding_w, s.dilation_w);
  return g;
}

std::string text(const ConvGeometry& g) {
  std::string out;
  for (const Index v : {g.batch, g.height, g.width, g.in_channels, g.out_channels, g.kernel_h, g.kernel_w, g.stride_h,
                        g.stride_w, g.padding_h, g.padding_w, g.dilation_h, g.dilation_w, g.groups})
    out += std::to_string(v) + " ";
  return out;
}

template <class T>
std::vector<T> random_values(Index count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = static_cast<T>(uniform(engine));
  return values;
}

template <class T>
std::vector<T> unset(Index count) {
  return std::vector<T>(static_cast<std::size_t>(count), std::numeric_limits<T>::quiet_NaN());
}

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Reference {
  std::vector<double> y, dx, dw;
};

template <class T>
Reference reference(const ConvGeometry& g, const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& bias,
                    const std::vector<T>& dy) {
  Reference r{std::vector<double>(dy.size()), std::vector<double>(x.size()), std::vector<double>(w.size())};
  const Index in_group = g.in_channels / g.groups, out_group = g.out_channels / g.groups;
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_height; ++i)
      for (Index j = 0; j < g.out_width; ++j)
        for (Index o = 0; o < g.out_channels; ++o) {
          const std::size_t py = at(((n * g.out_height + i) * g.out_width + j) * g.out_channels + o);
          double sum = static_cast<double>(bias[at(o)]);
          for (Index kh = 0; kh < g.kernel_h; ++kh)
            for (Index kw = 0; kw < g.kernel_w; ++kw) {
              const Index h = i * g.stride_h - g.padding_h + kh * g.dilation_h,
                          v = j * g.stride_w - g.padding_w + kw * g.dilation_w;
              if (h < 0 || h >= g.height || v < 0 || v >= g.width) continue;
              for (Index c = 0; c < in_group; ++c) {
                const std::size_t px =
                    at(((n * g.height + h) * g.width + v) * g.in_channels + o / out_group * in_group + c);
                const std::size_t pw = at(((o * g.kernel_h + kh) * g.kernel_w + kw) * in_group + c);
                sum += static_cast<double>(x[px]) * static_cast<double>(w[pw]);
                r.dx[px] += static_cast<double>(dy[py]) * static_cast<double>(w[pw]);
                r.dw[pw] += static_cast<double>(dy[py]) * static_cast<double>(x[px]);
              }
            }
          r.y[py] = sum;
        }
  return r;
}

// Largest error, relative to the largest expected magnitude; infinite if anything is NaN.
template <class T>
double relative_error(const std::vector<T>& got, const std::vector<double>& expected) {
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i])) return std::numeric_limits<double>::infinity();
    error = std::fmax(error, std::fabs(static_cast<double>(got[i]) - expected[i]));
    largest = std::fmax(largest, std::fabs(expected[i]));
  }
  return error == 0 ? 0 : error / largest;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// Runs later convolutions with one algorithm, until the end of the scope.
class WithAlgorithm {
 public:
  explicit WithAlgorithm(ConvAlgorithm algorithm) { glia::conv_algorithm_override() = algorithm; }
  ~WithAlgorithm() { glia::conv_algorithm_override() = ConvAlgorithm::automatic; }
  WithAlgorithm(const WithAlgorithm&) = delete;
  WithAlgorithm& operator=(const WithAlgorithm&) = delete;
};

template <class T>
struct Results {
  std::vector<T> y, dx, dw;
};

template <class T>
Results<T> run(const ConvGeometry& g, const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& bias,
               const std::vector<T>& dy) {
  Results<T> r{unset<T>(static_cast<Index>(dy.size())), unset<T>(static_cast<Index>(x.size())),
               unset<T>(static_cast<Index>(w.size()))};
  conv2d_forward(Cpu{}, g, x.data(), w.data(), bias.data(), r.y.data());
  conv2d_backward_input(Cpu{}, g, dy.data(), w.data(), r.dx.data());
  conv2d_backward_weight(Cpu{}, g, x.data(), dy.data(), r.dw.data());
  return r;
}

// The epilogue applied to the definition.
template <class T>
std::vector<double> finished(std::vector<double> y, const std::vector<T>& residual, bool relu) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (!residual.empty()) y[i] += static_cast<double>(residual[i]);
    if (relu) y[i] = std::fmax(y[i], 0.0);
  }
  return y;
}

template <class T>
void check_shapes(double exact_tolerance, double winograd_tolerance) {
  for (const Shape& shape : shapes) {
    const ConvGeometry g = geometry(shape);
    const auto x = random_values<T>(g.in_pixels() * g.in_channels, 1), bias = random_values<T>(g.out_channels, 3);
    const auto w = random_values<T>(g.out_channels * g.kernel_h * g.kernel_w * g.in_channels / g.groups, 2);
    const auto dy = random_values<T>(g.out_pixels() * g.out_channels, 4);
    const Reference expected = reference(g, x, w, bias, dy);
    for (const ConvAlgorithm algorithm :
         {ConvAlgorithm::automatic, ConvAlgorithm::direct, ConvAlgorithm::depthwise, ConvAlgorithm::winograd,
          ConvAlgorithm::bfloat16}) {
      if (!glia::conv_algorithm_applies<T>(algorithm, g)) continue;
      const WithAlgorithm scope(algorithm);
      const std::string name = glia::conv_algorithm_name<T>(g);
      CAPTURE(name);
      const std::string description = text(g);
      CAPTURE(description);
      const double tolerance = name == "winograd" ? winograd_tolerance : name == "bfloat16" ? 8e-3 : exact_tolerance;
      glia::set_num_threads(2);
      const Results<T> got = run(g, x, w, bias, dy);
      CHECK(relative_error(got.y, expected.y) <= tolerance);
      CHECK(relative_error(got.dx, expected.dx) <= tolerance);
      CHECK(relative_error(got.dw, expected.dw) <= tolerance);
      for (const bool relu : {false, true})
        for (const auto& residual : {std::vector<T>{}, dy}) {
          auto y = unset<T>(static_cast<Index>(dy.size()));
          conv2d_forward(Cpu{}, g, x.data(), w.data(),
                         glia::ConvEpilogue<T>{bias.data(), residual.empty() ? nullptr : residual.data(), relu}, y.data());
          CHECK(relative_error(y, finished(expected.y, residual, relu)) <= tolerance);
        }
      for (const int threads : {1, 3}) {
        glia::set_num_threads(threads);
        const Results<T> other = run(g, x, w, bias, dy);
        CHECK(same_bits(other.y, got.y));
        CHECK(same_bits(other.dx, got.dx));
        CHECK(same_bits(other.dw, got.dw));
      }
      glia::set_num_threads(2);
    }
  }
}

}  // namespace

TEST_CASE("a scope that allows bfloat16 chooses it where the matrix unit has something to gain, within its rounding") {
  const ConvGeometry g = geometry({2, 16, 16, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  const auto x = random_values<float>(g.in_pixels() * g.in_channels, 1), bias = random_values<float>(g.out_channels, 3);
  const auto w = random_values<float>(g.out_channels * 9 * g.in_channels, 2);
  const auto dy = random_values<float>(g.out_pixels() * g.out_channels, 4);
  const Reference expected = reference(g, x, w, bias, dy);
  CHECK(glia::conv_algorithm_name(g) == std::string("winograd"));
  const glia::AllowBfloat16 scope;
  const bool matrix = glia::detail::bf16::best_unit() == glia::detail::bf16::Unit::matrix;
  CHECK(glia::conv_algorithm_name(g) == std::string(matrix ? "bfloat16" : "winograd"));
  CHECK(glia::conv_algorithm_name(g, true) == std::string("winograd"));
  const Results<float> got = run(g, x, w, bias, dy);
  CHECK(relative_error(got.y, expected.y) <= 8e-3);
  CHECK(relative_error(got.dx, expected.dx) <= 8e-3);
  CHECK(relative_error(got.dw, expected.dw) <= 1e-5);
  if (matrix) CHECK(relative_error(got.y, expected.y) > 1e-4);  // it was rounded
}

TEST_CASE("float convolutions agree with the double-precision definition, at any thread count the same") {
  check_shapes<float>(3e-6, 2e-5);
}

TEST_CASE("double convolutions agree with the definition, at any thread count the same") {
  check_shapes<double>(3e-14, 3e-14);
}

TEST_CASE("a convolution without bias starts from zero") {
  const ConvGeometry g = geometry({1, 6, 6, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  const auto x = random_values<float>(g.in_pixels() * 16, 1), w = random_values<float>(16 * 9 * 16, 2);
  const std::vector<float> zero(16, 0.0f);
  auto y = unset<float>(g.out_pixels() * 16), with_zero = y;
  conv2d_forward(Cpu{}, g, x.data(), w.data(), static_cast<const float*>(nullptr), y.data());
  conv2d_forward(Cpu{}, g, x.data(), w.data(), zero.data(), with_zero.data());
  CHECK(y == with_zero);
}

TEST_CASE("a depthwise result too large for the caches is that of its images one by one") {
  const ConvGeometry all = geometry({66, 32, 31, 65, 65, 3, 3, 1, 1, 1, 1, 1, 1, 65});
  ConvGeometry one = all;
  one.batch = 1;
  const Index image = all.height * all.width * all.in_channels;
  REQUIRE(glia::simd::worth_streaming<float>(all.batch * image));
  const auto x = random_values<float>(all.batch * image, 1), w = random_values<float>(65 * 9, 2), bias = random_values<float>(65, 3);
  auto y = unset<float>(all.batch * image), dx = y, expected = unset<float>(image);
  conv2d_forward(Cpu{}, all, x.data(), w.data(), bias.data(), y.data());
  conv2d_backward_input(Cpu{}, all, x.data(), w.data(), dx.data());
  bool same = true;
  for (Index n = 0; n < all.batch; ++n) {
    conv2d_forward(Cpu{}, one, x.data() + n * image, w.data(), bias.data(), expected.data());
    same = same && std::equal(expected.begin(), expected.end(), y.begin() + n * image);
    conv2d_backward_input(Cpu{}, one, x.data() + n * image, w.data(), expected.data());
    same = same && std::equal(expected.begin(), expected.end(), dx.begin() + n * image);
  }
  CHECK(same);
}

TEST_CASE("a Winograd result too large for the caches is that of its images one by one, aligned or not") {
  const ConvGeometry all = geometry({70, 31, 32, 16, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  ConvGeometry one = all;
  one.batch = 1;
  const Index in = all.height * all.width * 16, out = all.height * all.width * 64;
  REQUIRE(glia::simd::worth_streaming<float>(all.batch * out));
  REQUIRE(glia::conv_algorithm_name(all) == std::string("winograd"));
  const auto x = random_values<float>(all.batch * in, 1), w = random_values<float>(64 * 9 * 16, 2), bias = random_values<float>(64, 3);
  auto room = unset<float>(all.batch * out + 17), expected = unset<float>(out);
  float* aligned = room.data();
  while (reinterpret_cast<std::uintptr_t>(aligned) % 64 != 0) ++aligned;
  for (float* y : {aligned, aligned + 1}) {
    for (const bool relu : {false, true}) {
      conv2d_forward(Cpu{}, all, x.data(), w.data(), glia::ConvEpilogue<float>{.bias = bias.data(), .relu = relu}, y);
      bool same = true;
      for (Index n = 0; n < all.batch; ++n) {
        conv2d_forward(Cpu{}, one, x.data() + n * in, w.data(), bias.data(), expected.data());
        if (relu)
          for (float& v : expected) v = std::max(v, 0.0f);
        same = same && std::equal(expected.begin(), expected.end(), y + n * out);
      }
      CHECK(same);
    }
  }
}
