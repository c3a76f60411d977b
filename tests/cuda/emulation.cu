// The functors of the CUDA kernels, run on the host against the CPU's kernels: their arithmetic and their index
// functions, with one lane and with several lanes in lockstep. Needs no device.

// The lanes below are host code, which functors for both sides may only call on the host; here that is where they run.
#pragma nv_diag_suppress 20014

#include <glia/core/random.hpp>
#include <glia/kernels/cpu/batch_norm_silu.hpp>
#include <glia/kernels/cpu/conv.hpp>
#include <glia/kernels/cpu/cross_entropy.hpp>
#include <glia/kernels/cpu/gather.hpp>
#include <glia/kernels/cpu/gemm.hpp>
#include <glia/kernels/cpu/layer_norm.hpp>
#include <glia/kernels/cpu/pool.hpp>
#include <glia/kernels/cpu/qcfs.hpp>
#include <glia/kernels/cpu/reduce.hpp>
#include <glia/kernels/cpu/scan.hpp>
#include <glia/kernels/cpu/softmax.hpp>
#include <glia/kernels/cpu/sort.hpp>
#include <glia/kernels/cpu/spiking.hpp>
#include <glia/kernels/cuda/arg_extreme.cuh>
#include <glia/kernels/cuda/batch_norm_silu.cuh>
#include <glia/kernels/cuda/conv.cuh>
#include <glia/kernels/cuda/cross_entropy.cuh>
#include <glia/kernels/cuda/gather.cuh>
#include <glia/kernels/cuda/layer_norm.cuh>
#include <glia/kernels/cuda/pool.cuh>
#include <glia/kernels/cuda/qcfs.cuh>
#include <glia/kernels/cuda/scan.cuh>
#include <glia/kernels/cuda/softmax.cuh>
#include <glia/kernels/cuda/sort.cuh>
#include <glia/kernels/cuda/spiking.cuh>
#include <glia/spiking/neurons.hpp>

#include <tests/support/near.hpp>

#include <barrier>
#include <thread>

namespace cuda = glia::cuda;
using glia::ConvGeometry;
using glia::Cpu;
using glia::Index;
using Values = std::vector<double>;
using Indices = std::vector<std::int64_t>;

namespace {

constexpr glia_test::Tolerance tight{1e-11, 1e-13};

Values numbers(Index n, std::uint64_t seed) {
  Values out(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<double>(glia::random_below(seed, 0, i, 1u << 20)) / (1 << 18) - 2.0;
  return out;
}
Indices positions(Index n, Index limit, std::uint64_t seed) {
  Indices out(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i)
    out[static_cast<std::size_t>(i)] =
        static_cast<std::int64_t>(glia::random_below(seed, 1, i, static_cast<std::uint64_t>(limit)));
  return out;
}
Values none(Index n) { return Values(static_cast<std::size_t>(n), -77.0); }

// Several lanes that meet at every fold, as the threads of a warp or a block do.
constexpr int team = 5;
struct Meeting {
  std::barrier<> barrier{team};
  double parts[team] = {};
};
struct TeamLanes {
  Meeting* meeting;
  int number;
  int lane() const { return number; }
  int count() const { return team; }
  template <class V>
  std::array<V, team> exchange(V value) const {
    static_assert(sizeof(V) <= sizeof(double));
    std::memcpy(&meeting->parts[number], &value, sizeof(V));
    meeting->barrier.arrive_and_wait();
    std::array<V, team> all;
    for (int k = 0; k < team; ++k) std::memcpy(&all[static_cast<std::size_t>(k)], &meeting->parts[k], sizeof(V));
    meeting->barrier.arrive_and_wait();
    return all;
  }
  template <class V, class Join>
  V fold(V value, Join join) const {
    const auto all = exchange(value);
    V total = all[0];
    for (std::size_t k = 1; k < all.size(); ++k) total = join(total, all[k]);
    return total;
  }
  template <class V>
  cuda::Prefix<V> scan(V value) const {
    const auto all = exchange(value);
    cuda::Prefix<V> out{V(0), V(0)};
    for (int k = 0; k < team; ++k) {
      out.total += all[static_cast<std::size_t>(k)];
      if (k == number) out.inclusive = out.total;
    }
    return out;
  }
};

// What the launchers do, on the host.
template <class F>
void each(Index count, const F& f) {
  for (Index i = 0; i < count; ++i) f(i);
}
template <class F>
void rows_alone(Index rows, const F& f) {
  for (Index r = 0; r < rows; ++r) f(r, cuda::SerialLanes{});
}
template <class F>
void rows_together(Index rows, const F& f) {
  Meeting meeting;
  std::vector<std::thread> lanes;
  for (int k = 0; k < team; ++k)
    lanes.emplace_back([&, k] {
      for (Index r = 0; r < rows; ++r) f(r, TeamLanes{&meeting, k});
    });
  for (auto& lane : lanes) lane.join();
}
template <int S, class Term, class Finish>
void column_sums(Index rows, Index columns, const Term& term, const Finish& finish) {
  const Index chunk = cuda::column_chunk(rows, columns), chunks = std::max<Index>(1, (rows + chunk - 1) / chunk);
  Values partial(static_cast<std::size_t>(S * columns * chunks), 1e300);
  const cuda::ColumnChunks<S, Term> job{term, rows, columns, chunk, chunks, partial.data()};
  for (Index k = 0; k < chunks; ++k)
    for (Index c = 0; c < columns; ++c) {
      cuda::Sums<S> total;
      for (int slice = 0; slice < cuda::sum_slices; ++slice) {
        const auto part = job.slice(c, k, slice, cuda::sum_slices);
        for (int s = 0; s < S; ++s) total.at[s] += part.at[s];
      }
      for (int s = 0; s < S; ++s) job.put(c, k, s, total.at[s]);
    }
  rows_together(columns, cuda::ColumnFinish<S, Finish>{finish, columns, chunks, partial.data()});
}

struct Extents {
  Index outer, n, inner;
  Index count() const { return outer * n * inner; }
  Index results() const { return outer * inner; }
};
const Extents extents[] = {{3, 7, 1}, {2, 12, 1}, {2, 5, 3}, {1, 1, 1}, {4, 1, 2}, {2, 9, 4}};

// The functor of make(output) fills an output of n values: alone and together it must equal `expected`.
template <class Make>
void check_rows(Index rows, Index n, const Values& expected, const Make& make) {
  Values alone = none(n), together = none(n);
  rows_alone(rows, make(alone.data()));
  rows_together(rows, make(together.data()));
  CHECK_NEAR(alone, expected, tight);
  CHECK_NEAR(together, expected, tight);
}

ConvGeometry geometry(Index batch, Index height, Index width, Index in, Index out, Index kernel, Index stride,
                      Index padding, Index dilation, Index groups) {
  ConvGeometry g;
  g.batch = batch, g.height = height, g.width = width, g.in_channels = in, g.out_channels = out;
  g.kernel_h = kernel, g.kernel_w = kernel > 1 ? kernel - 1 : 1;
  g.stride_h = stride, g.stride_w = stride, g.padding_h = padding, g.padding_w = padding > 0 ? padding - 1 : 0;
  g.dilation_h = dilation, g.dilation_w = 1, g.groups = groups;
  g.out_height = glia::window_extent(height, g.kernel_h, g.stride_h, g.padding_h, g.dilation_h);
  g.out_width = glia::window_extent(width, g.kernel_w, g.stride_w, g.padding_w, g.dilation_w);
  return g;
}

}  // namespace

TEST_CASE("cuda emulation: division of small and of large numbers") {
  for (const Index a : {Index{0}, Index{7}, Index{0xffffffff}, Index{0x100000000}, Index{123456789012345}})
    for (const Index b : {Index{1}, Index{3}, Index{0xffffffff}, Index{0x123456789}}) {
      const auto [quotient, remainder] = cuda::divide(a, b);
      CHECK(quotient == a / b);
      CHECK(remainder == a % b);
    }
}

TEST_CASE("cuda emulation: launch sizes") {
  CHECK(cuda::blocks_for(0) == 1);
  CHECK(cuda::blocks_for(1) == 1);
  CHECK(cuda::blocks_for(257) == 2);
  CHECK(cuda::blocks_for(Index{1} << 40) == 65536);
  // Chunks cover all rows, and there are not so many that their sums would cost more than the rows.
  for (const Index rows : {0, 1, 63, 64, 129, 4096, 1000003})
    for (const Index columns : {1, 32, 33, 512, 100000}) {
      const Index chunk = cuda::column_chunk(rows, columns), chunks = std::max<Index>(1, (rows + chunk - 1) / chunk);
      CHECK(chunk >= 1);
      CHECK(chunks * chunk >= rows);
      CHECK(chunks <= std::max<Index>(1, rows / 64) + 1);
      CHECK(chunks <= 1024);
    }
}

TEST_CASE("cuda emulation: softmax and its relatives") {
  for (const Extents& e : extents) {
    const auto x = numbers(e.count(), 1), dy = numbers(e.count(), 2);
    auto expected = none(e.count()), gradient = none(e.count());
    auto sums = none(e.results());
    const auto base = cuda::softmax_base(x.data(), e.n, e.inner);
    glia::softmax_forward(Cpu{}, x.data(), e.outer, e.n, e.inner, expected.data());
    check_rows(e.results(), e.count(), expected, [&](double* y) { return cuda::SoftmaxForward<double>{base, y}; });
    glia::softmax_backward(Cpu{}, dy.data(), expected.data(), e.outer, e.n, e.inner, gradient.data());
    check_rows(e.results(), e.count(), gradient, [&](double* dx) {
      return cuda::SoftmaxBackward<false, double>{dy.data(), expected.data(), e.n, e.inner, dx};
    });
    glia::log_softmax_forward(Cpu{}, x.data(), e.outer, e.n, e.inner, expected.data());
    check_rows(e.results(), e.count(), expected, [&](double* y) { return cuda::LogSoftmaxForward<double>{base, y}; });
    glia::log_softmax_backward(Cpu{}, dy.data(), expected.data(), e.outer, e.n, e.inner, gradient.data());
    check_rows(e.results(), e.count(), gradient, [&](double* dx) {
      return cuda::SoftmaxBackward<true, double>{dy.data(), expected.data(), e.n, e.inner, dx};
    });
    glia::logsumexp_forward(Cpu{}, x.data(), e.outer, e.n, e.inner, sums.data());
    check_rows(e.results(), e.results(), sums, [&](double* y) { return cuda::LogSumExpForward<double>{base, y}; });
  }
  // Rows of -infinity, with +infinity, with NaN, and without elements.
  const double infinity = std::numeric_limits<double>::infinity();
  const Values x{-infinity, -infinity, infinity, 1.0, std::nan(""), 1.0};
  auto expected = none(3);
  glia::logsumexp_forward(Cpu{}, x.data(), 3, 2, 1, expected.data());
  check_rows(3, 3, expected, [&](double* y) {
    return cuda::LogSumExpForward<double>{cuda::softmax_base(x.data(), 2, 1), y};
  });
  check_rows(2, 2, {-infinity, -infinity}, [&](double* y) {
    return cuda::LogSumExpForward<double>{cuda::softmax_base(x.data(), 0, 1), y};
  });
}

TEST_CASE("cuda emulation: cross entropy") {
  const Index rows = 6, classes = 7;
  const auto x = numbers(rows * classes, 3), dloss = numbers(rows, 4), soft = numbers(rows * classes, 5);
  auto labels = positions(rows, classes, 6);
  labels[2] = -100;
  auto weights = numbers(classes, 7);
  for (double& w : weights) w = std::abs(w) + 0.1;
  for (const double* weight : {static_cast<const double*>(nullptr), static_cast<const double*>(weights.data())})
    for (const double smoothing : {0.0, 0.2}) {
      auto loss = none(rows), lse = none(rows), gradient = none(rows * classes), dtarget = none(rows * classes);
      Values spare = none(rows);
      const auto base = cuda::softmax_base(x.data(), classes, 1);
      glia::cross_entropy_forward(Cpu{}, x.data(), labels.data(), weight, rows, classes, smoothing, -100, loss.data(),
                                  lse.data());
      check_rows(rows, rows, loss, [&](double* out) {
        return cuda::CrossEntropyForward<double>{base, labels.data(), weight, smoothing, -100, out, spare.data()};
      });
      CHECK_NEAR(spare, lse, tight);
      glia::cross_entropy_backward(Cpu{}, dloss.data(), x.data(), lse.data(), labels.data(), weight, rows, classes,
                                   smoothing, -100, gradient.data());
      check_rows(rows, rows * classes, gradient, [&](double* out) {
        return cuda::CrossEntropyBackward<double>{dloss.data(), x.data(), lse.data(), labels.data(), weight, classes,
                                                  smoothing,    -100,     out};
      });
      auto total = none(1);
      glia::cross_entropy_total_weight(Cpu{}, labels.data(), weight, rows, -100, total.data());
      check_rows(1, 1, total, [&](double* out) {
        return cuda::TotalWeight<double>{labels.data(), weight, rows, -100, out};
      });
      const double keep = 1.0 - smoothing, share = cuda::smoothing_share(smoothing, classes);
      glia::soft_cross_entropy_forward(Cpu{}, x.data(), soft.data(), weight, rows, classes, smoothing, loss.data(),
                                       lse.data());
      check_rows(rows, rows, loss, [&](double* out) {
        return cuda::SoftCrossEntropyForward<double>{base, soft.data(), weight, keep, share, out, spare.data()};
      });
      glia::soft_cross_entropy_backward(Cpu{}, dloss.data(), x.data(), lse.data(), soft.data(), weight, rows, classes,
                                        smoothing, gradient.data(), dtarget.data());
      Values other = none(rows * classes);
      check_rows(rows, rows * classes, gradient, [&](double* out) {
        return cuda::SoftCrossEntropyBackward<double>{dloss.data(), x.data(), lse.data(), soft.data(), weight,
                                                      classes,      keep,     share,      out,         other.data()};
      });
      CHECK_NEAR(other, dtarget, tight);
    }
}

TEST_CASE("cuda emulation: batch norm, one by one and in packs") {
  for (const auto& [rows, channels] : {std::pair<Index, Index>{37, 6}, {1, 5}, {300, 2}, {2, 40}}) {
    const Index count = rows * channels;
    auto x = numbers(count, 8);
    for (double& v : x) v += 1000.0;  // an offset that sums of squares do not survive
    const auto residual = numbers(count, 9), dy = numbers(count, 10), gamma = numbers(channels, 11),
               beta = numbers(channels, 12);
    auto mean = none(channels), variance = none(channels), mean_here = none(channels), variance_here = none(channels);
    glia::batch_norm_statistics(Cpu{}, x.data(), rows, channels, mean.data(), variance.data());
    column_sums<2>(rows, channels, cuda::MomentTerm<double>{x.data(), channels},
                   cuda::MomentFinish<double>{x.data(), rows, mean_here.data(), variance_here.data()});
    CHECK_NEAR(mean_here, mean, {1e-13});
    CHECK_NEAR(variance_here, variance, {1e-10, 1e-13});
    Values inv_std = variance;
    for (double& v : inv_std) v = 1.0 / std::sqrt(v + 1e-5);
    for (const bool relu : {false, true})
      for (const double* add : {static_cast<const double*>(nullptr), residual.data()})
        for (const bool affine : {false, true}) {
          const double *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
          const cuda::BatchNormChannels<double> of{mean.data(), inv_std.data(), g, b};
          auto y = none(count), packed = none(count), single = none(count);
          glia::batch_norm_forward(Cpu{}, x.data(), add, rows, channels, mean.data(), inv_std.data(), g, b, relu,
                                   y.data());
          each(count, cuda::BatchNormForward<1, double>{of, x.data(), add, channels, relu, single.data()});
          CHECK_NEAR(single, y, tight);
          if (channels % 2 == 0) {
            each(count / 2, cuda::BatchNormForward<2, double>{of, x.data(), add, channels, relu, packed.data()});
            CHECK_NEAR(packed, y, tight);
          }
          const double* out = add != nullptr ? y.data() : nullptr;
          auto sums = none(channels), products = none(channels), masked = none(count), dx = none(count);
          auto sums_here = none(channels), products_here = none(channels), masked_here = none(count);
          glia::batch_norm_backward_sums(Cpu{}, dy.data(), x.data(), out, rows, channels, mean.data(), inv_std.data(),
                                         g, b, relu, masked.data(), sums.data(), products.data());
          const cuda::BatchNormGradient<double> gradient{of, dy.data(), x.data(), out, channels, relu};
          column_sums<2>(rows, channels, cuda::BatchNormSumsTerm<double>{gradient, masked_here.data()},
                         cuda::BatchNormSumsFinish<double>{sums_here.data(), products_here.data()});
          CHECK_NEAR(sums_here, sums, {1e-9, 1e-9});
          CHECK_NEAR(products_here, products, {1e-9, 1e-9});
          CHECK(masked_here == masked);
          for (const bool training : {false, true}) {
            glia::batch_norm_backward_input(Cpu{}, dy.data(), x.data(), out, rows, channels, mean.data(),
                                            inv_std.data(), g, b, relu, sums.data(), products.data(), training,
                                            dx.data());
            const double share = training ? 1.0 / static_cast<double>(rows) : 0.0;
            each(count,
                 cuda::BatchNormBackwardInput<1, double>{gradient, sums.data(), products.data(), share, single.data()});
            CHECK_NEAR(single, dx, {1e-9, 1e-9});
            if (channels % 2 != 0) continue;
            each(count / 2,
                 cuda::BatchNormBackwardInput<2, double>{gradient, sums.data(), products.data(), share, packed.data()});
            CHECK(packed == single);
          }
        }
  }
}

// Statistics stand in for those of x: any numbers will do.
TEST_CASE("cuda emulation: batch norm with SiLU, one by one and in packs") {
  for (const auto& [rows, channels] : {std::pair<Index, Index>{37, 6}, {1, 5}, {300, 2}, {2, 40}}) {
    const Index count = rows * channels;
    const auto x = numbers(count, 41), residual = numbers(count, 42), dy = numbers(count, 43),
               mean = numbers(channels, 44), gamma = numbers(channels, 45), beta = numbers(channels, 46);
    auto inv_std = numbers(channels, 47);
    for (double& v : inv_std) v = 0.5 + std::abs(v);
    for (const double* add : {static_cast<const double*>(nullptr), residual.data()})
      for (const bool affine : {false, true}) {
        const double *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
        const cuda::BatchNormChannels<double> of{mean.data(), inv_std.data(), g, b};
        auto y = none(count), single = none(count), packed = none(count), dx = none(count);
        glia::batch_norm_silu_forward(Cpu{}, x.data(), add, rows, channels, mean.data(), inv_std.data(), g, b, y.data());
        each(count, cuda::BatchNormSiluForward<1, double>{of, x.data(), add, channels, single.data()});
        CHECK_NEAR(single, y, tight);
        if (channels % 2 == 0) {
          each(count / 2, cuda::BatchNormSiluForward<2, double>{of, x.data(), add, channels, packed.data()});
          CHECK(packed == single);
        }
        using Gradient = cuda::BatchNormSiluGradient<double>;
        const Gradient gradient{of, dy.data(), x.data(), channels};
        auto sums = none(channels), products = none(channels), sums_here = none(channels),
             products_here = none(channels);
        glia::batch_norm_silu_backward_sums(Cpu{}, dy.data(), x.data(), rows, channels, mean.data(), inv_std.data(), g,
                                            b, sums.data(), products.data());
        column_sums<2>(rows, channels, cuda::BatchNormSumsTerm<double, Gradient>{gradient, nullptr},
                       cuda::BatchNormSumsFinish<double>{sums_here.data(), products_here.data()});
        CHECK_NEAR(sums_here, sums, tight);
        CHECK_NEAR(products_here, products, tight);
        for (const bool training : {false, true}) {
          glia::batch_norm_silu_backward_input(Cpu{}, dy.data(), x.data(), rows, channels, mean.data(), inv_std.data(),
                                               g, b, sums.data(), products.data(), training, dx.data());
          const double share = training ? 1.0 / static_cast<double>(rows) : 0.0;
          each(count, cuda::BatchNormBackwardInput<1, double, Gradient>{gradient, sums.data(), products.data(), share,
                                                                        single.data()});
          CHECK_NEAR(single, dx, tight);
          if (channels % 2 != 0) continue;
          each(count / 2, cuda::BatchNormBackwardInput<2, double, Gradient>{gradient, sums.data(), products.data(),
                                                                            share, packed.data()});
          CHECK(packed == single);
        }
      }
  }
}

TEST_CASE("cuda emulation: layer and group norm") {
  struct Sizes {
    Index images, pixels, groups, depth;
  };
  for (const auto& [images, pixels, groups, depth] :
       {Sizes{3, 5, 2, 4}, Sizes{2, 1, 1, 9}, Sizes{4, 6, 3, 1}, Sizes{1, 7, 1, 3}}) {
    const Index channels = groups * depth, count = images * pixels * channels;
    const auto x = numbers(count, 13), dy = numbers(count, 14), gamma = numbers(channels, 15),
               beta = numbers(channels, 16);
    for (const bool affine : {false, true}) {
      const double *g = affine ? gamma.data() : nullptr, *b = affine ? beta.data() : nullptr;
      auto y = none(count), mean = none(images * groups), inv_std = none(images * groups),
           spare = none(images * groups), spare_std = none(images * groups);
      glia::group_norm_forward(Cpu{}, x.data(), images, pixels, groups, depth, g, b, 1e-5, y.data(), mean.data(),
                               inv_std.data());
      const cuda::GroupGeometry shape{pixels, groups, depth};
      check_rows(images * groups, count, y, [&](double* out) {
        return cuda::GroupNormForward<double>{shape, x.data(), g, b, 1e-5, out, spare.data(), spare_std.data()};
      });
      CHECK_NEAR(spare, mean, tight);
      CHECK_NEAR(spare_std, inv_std, tight);
      auto dx = none(count), dgamma = none(channels), dbeta = none(channels), dgamma_here = none(channels),
           dbeta_here = none(channels);
      glia::group_norm_backward(Cpu{}, dy.data(), x.data(), mean.data(), inv_std.data(), g, images, pixels, groups,
                                depth, dx.data(), dgamma.data(), dbeta.data());
      check_rows(images * groups, count, dx, [&](double* out) {
        return cuda::GroupNormBackwardInput<double>{shape, dy.data(), x.data(), mean.data(), inv_std.data(), g, out};
      });
      column_sums<2>(images * pixels, channels,
                     cuda::GroupNormAffineTerm<double>{shape, dy.data(), x.data(), mean.data(), inv_std.data()},
                     cuda::GroupNormAffineFinish<double>{dgamma_here.data(), dbeta_here.data()});
      CHECK_NEAR(dgamma_here, dgamma, tight);
      CHECK_NEAR(dbeta_here, dbeta, tight);
    }
  }
}

TEST_CASE("cuda emulation: normalisation of bfloat16 in float, one by one and in packs") {
  using glia::bfloat16;
  const auto as_floats = [](const Values& v) { return std::vector<float>(v.begin(), v.end()); };
  const auto rounded = [](const Values& v) {
    std::vector<bfloat16> out;
    for (const double value : v) out.push_back(bfloat16(value));
    return out;
  };
  const auto wide = [](const std::vector<bfloat16>& v) { return Values(v.begin(), v.end()); };
  constexpr glia_test::Tolerance one_unit{0x1p-7, 1e-5}, sums_of_floats{1e-5, 1e-4};
  const Index rows = 45, channels = 8, count = rows * channels;
  const auto x = rounded(numbers(count, 31)), residual = rounded(numbers(count, 32)), dy = rounded(numbers(count, 33));
  const auto gamma = as_floats(numbers(channels, 34)), beta = as_floats(numbers(channels, 35));
  std::vector<float> mean(channels), variance(channels), mean_here(channels), variance_here(channels);
  glia::batch_norm_statistics(Cpu{}, x.data(), rows, channels, mean.data(), variance.data());
  column_sums<2>(rows, channels, cuda::MomentTerm<bfloat16>{x.data(), channels},
                 cuda::MomentFinish<bfloat16>{x.data(), rows, mean_here.data(), variance_here.data()});
  CHECK_NEAR(mean_here, mean, {1e-6, 1e-6});
  CHECK_NEAR(variance_here, variance, {1e-5});
  std::vector<float> inv_std = variance;
  for (float& v : inv_std) v = 1.0f / std::sqrt(v + 1e-5f);
  const cuda::BatchNormChannels<float> of{mean.data(), inv_std.data(), gamma.data(), beta.data()};
  auto y = rounded(none(count)), single = y, packed = y, masked = y, masked_here = y, dx = y;
  for (const bfloat16* add : {static_cast<const bfloat16*>(nullptr), residual.data()}) {
    glia::batch_norm_forward(Cpu{}, x.data(), add, rows, channels, mean.data(), inv_std.data(), gamma.data(),
                             beta.data(), true, y.data());
    each(count, cuda::BatchNormForward<1, bfloat16>{of, x.data(), add, channels, true, single.data()});
    each(count / 4, cuda::BatchNormForward<4, bfloat16>{of, x.data(), add, channels, true, packed.data()});
    CHECK_NEAR(wide(single), wide(y), one_unit);
    CHECK(wide(packed) == wide(single));
    const bfloat16* out = add != nullptr ? y.data() : nullptr;
    std::vector<float> sums(channels), products(channels), sums_here(channels), products_here(channels);
    glia::batch_norm_backward_sums(Cpu{}, dy.data(), x.data(), out, rows, channels, mean.data(), inv_std.data(),
                                   gamma.data(), beta.data(), true, masked.data(), sums.data(), products.data());
    const cuda::BatchNormGradient<bfloat16> gradient{of, dy.data(), x.data(), out, channels, true};
    column_sums<2>(rows, channels, cuda::BatchNormSumsTerm<bfloat16>{gradient, masked_here.data()},
                   cuda::BatchNormSumsFinish<bfloat16>{sums_here.data(), products_here.data()});
    CHECK_NEAR(sums_here, sums, sums_of_floats);
    CHECK_NEAR(products_here, products, sums_of_floats);
    CHECK(wide(masked_here) == wide(masked));
    glia::batch_norm_backward_input(Cpu{}, dy.data(), x.data(), out, rows, channels, mean.data(), inv_std.data(),
                                    gamma.data(), beta.data(), true, sums.data(), products.data(), true, dx.data());
    const double share = 1.0 / static_cast<double>(rows);
    each(count,
         cuda::BatchNormBackwardInput<1, bfloat16>{gradient, sums.data(), products.data(), share, single.data()});
    each(count / 4,
         cuda::BatchNormBackwardInput<4, bfloat16>{gradient, sums.data(), products.data(), share, packed.data()});
    CHECK_NEAR(wide(single), wide(dx), one_unit);
    CHECK(wide(packed) == wide(single));
  }

  const Index groups = 2, depth = channels / groups, images = 5, pixels = rows / images;
  const cuda::GroupGeometry shape{pixels, groups, depth};
  std::vector<float> centre(images * groups), scale(images * groups), centre_here = centre, scale_here = scale;
  glia::group_norm_forward(Cpu{}, x.data(), images, pixels, groups, depth, gamma.data(), beta.data(), 1e-5, y.data(),
                           centre.data(), scale.data());
  rows_together(images * groups,
                cuda::GroupNormForward<bfloat16>{shape, x.data(), gamma.data(), beta.data(), 1e-5, single.data(),
                                                 centre_here.data(), scale_here.data()});
  CHECK_NEAR(wide(single), wide(y), one_unit);
  CHECK_NEAR(centre_here, centre, {1e-6, 1e-6});
  CHECK_NEAR(scale_here, scale, {1e-5});
  std::vector<float> dgamma(channels), dbeta(channels), dgamma_here(channels), dbeta_here(channels);
  glia::group_norm_backward(Cpu{}, dy.data(), x.data(), centre.data(), scale.data(), gamma.data(), images, pixels,
                            groups, depth, dx.data(), dgamma.data(), dbeta.data());
  rows_together(images * groups, cuda::GroupNormBackwardInput<bfloat16>{shape, dy.data(), x.data(), centre.data(),
                                                                        scale.data(), gamma.data(), single.data()});
  CHECK_NEAR(wide(single), wide(dx), one_unit);
  column_sums<2>(images * pixels, channels,
                 cuda::GroupNormAffineTerm<bfloat16>{shape, dy.data(), x.data(), centre.data(), scale.data()},
                 cuda::GroupNormAffineFinish<bfloat16>{dgamma_here.data(), dbeta_here.data()});
  CHECK_NEAR(dgamma_here, dgamma, sums_of_floats);
  CHECK_NEAR(dbeta_here, dbeta, sums_of_floats);
}

TEST_CASE("cuda emulation: pooling") {
  for (const auto& g : {geometry(2, 6, 5, 3, 3, 2, 2, 0, 1, 1), geometry(1, 7, 7, 2, 2, 3, 2, 1, 1, 1),
                        geometry(2, 8, 6, 1, 1, 3, 1, 2, 2, 1), geometry(1, 4, 4, 2, 2, 1, 3, 0, 1, 1)}) {
    const Index in = g.in_pixels() * g.in_channels, out = g.out_pixels() * g.in_channels;
    auto x = numbers(in, 17);
    if (in > 40) x[40] = std::nan("");
    x[3] = x[0];  // equals
    const auto dy = numbers(out, 18);
    auto y = none(out), y_here = none(out), dx = none(in), dx_here = none(in);
    std::vector<std::int32_t> where(static_cast<std::size_t>(out), -5), where_here = where;
    const cuda::PoolGeometry p{g};
    glia::max_pool_forward(Cpu{}, x.data(), g, y.data(), where.data());
    each(out, cuda::MaxPoolForward<double>{p, x.data(), y_here.data(), where_here.data(),
                                           -std::numeric_limits<double>::infinity()});
    CHECK_NEAR(y_here, y, tight);
    CHECK(where_here == where);
    glia::max_pool_backward(Cpu{}, dy.data(), where.data(), g, dx.data());
    each(in, cuda::MaxPoolBackward<double>{p, dy.data(), where.data(), dx_here.data()});
    CHECK_NEAR(dx_here, dx, tight);
    glia::max_pool_gather(Cpu{}, x.data(), where.data(), g, y.data());
    each(out, cuda::MaxPoolGather<double>{p, x.data(), where.data(), y_here.data()});
    CHECK_NEAR(y_here, y, tight);
    for (const bool padded : {false, true}) {
      glia::avg_pool_forward(Cpu{}, x.data(), g, padded, y.data());
      each(out, cuda::AvgPoolForward<double>{p, x.data(), y_here.data(), padded});
      CHECK_NEAR(y_here, y, tight);
      glia::avg_pool_backward(Cpu{}, dy.data(), g, padded, dx.data());
      each(in, cuda::AvgPoolBackward<double>{p, dy.data(), dx_here.data(), padded});
      CHECK_NEAR(dx_here, dx, tight);
    }
    glia::adaptive_avg_pool_forward(Cpu{}, x.data(), g, y.data());
    each(out, cuda::AdaptivePoolForward<double>{p, x.data(), y_here.data()});
    CHECK_NEAR(y_here, y, tight);
    glia::adaptive_avg_pool_backward(Cpu{}, dy.data(), g, dx.data());
    each(in, cuda::AdaptivePoolBackward<double>{p, dy.data(), dx_here.data()});
    CHECK_NEAR(dx_here, dx, tight);
  }
}

TEST_CASE("cuda emulation: convolution, by windows and by groups") {
  for (const auto& g : {geometry(2, 6, 5, 3, 4, 3, 1, 1, 1, 1), geometry(2, 9, 8, 2, 3, 3, 2, 2, 2, 1),
                        geometry(3, 4, 4, 5, 2, 1, 1, 0, 1, 1), geometry(2, 6, 6, 4, 6, 3, 2, 1, 1, 2),
                        geometry(1, 7, 5, 3, 3, 2, 1, 1, 2, 3), geometry(2, 5, 5, 4, 8, 3, 1, 2, 1, 4)}) {
    const Index in = g.in_pixels() * g.in_channels, out = g.out_pixels() * g.out_channels;
    const Index k = g.kernel_h * g.kernel_w * (g.in_channels / g.groups), pixels = g.out_pixels();
    const auto x = numbers(in, 19), w = numbers(g.out_channels * k, 20), dy = numbers(out, 21);
    auto y = none(out), y_here = none(out), dx = none(in), dx_here = none(in), dw = none(g.out_channels * k),
         dw_here = dw;
    glia::conv2d_forward(Cpu{}, g, x.data(), w.data(), static_cast<const double*>(nullptr), y.data());
    glia::conv2d_backward_input(Cpu{}, g, dy.data(), w.data(), dx.data());
    glia::conv2d_backward_weight(Cpu{}, g, x.data(), dy.data(), dw.data());
    if (g.groups > 1) {
      each(out, cuda::GroupedForward<double>{{{g}}, x.data(), w.data(), y_here.data()});
      each(in, cuda::GroupedBackwardInput<double>{{{g}}, dy.data(), w.data(), dx_here.data()});
      column_sums<1>(pixels, g.out_channels * k, cuda::GroupedWeightTerm<double>{{{g}}, x.data(), dy.data()},
                     cuda::GroupedWeightFinish<double>{dw_here.data()});
    } else {
      // The matrix products that cuBLAS makes on a device.
      Values matrix = none(pixels * k), back = none(pixels * k);
      each(pixels * k, cuda::ImageToColumns<double>{{g}, x.data(), matrix.data()});
      if (cuda::is_pointwise(g)) CHECK(matrix == x);
      const Index o = g.out_channels;
      glia::gemm(Cpu{}, false, true, pixels, o, k, 1.0, matrix.data(), k, w.data(), k, 0.0, y_here.data(), o);
      glia::gemm(Cpu{}, false, false, pixels, k, o, 1.0, dy.data(), o, w.data(), k, 0.0, back.data(), k);
      each(in, cuda::ColumnsToImage<double>{{g}, back.data(), dx_here.data()});
      glia::gemm(Cpu{}, true, false, o, k, pixels, 1.0, dy.data(), o, matrix.data(), k, 0.0, dw_here.data(), k);
    }
    CHECK_NEAR(y_here, y, {1e-10, 1e-12});
    CHECK_NEAR(dx_here, dx, {1e-10, 1e-12});
    CHECK_NEAR(dw_here, dw, {1e-10, 1e-12});
    auto bias = numbers(g.out_channels, 22);
    auto added = y;
    each(out, cuda::AddToChannels<1, double>{bias.data(), g.out_channels, added.data()});
    glia::conv2d_forward(Cpu{}, g, x.data(), w.data(), bias.data(), y.data());
    CHECK_NEAR(added, y, {1e-10, 1e-12});
    if (g.out_channels % 2 == 0) {
      each(out / 2, cuda::AddToChannels<2, double>{bias.data(), g.out_channels, y_here.data()});
      CHECK_NEAR(y_here, y, {1e-10, 1e-12});
    }
  }
}

TEST_CASE("cuda emulation: images are convolved a few at a time") {
  auto g = geometry(1000, 32, 32, 64, 64, 3, 1, 1, 1, 1);
  const Index image = g.out_height * g.out_width * g.kernel_h * g.kernel_w * 64 * 8;
  CHECK(cuda::images_at_once(g, 8) == (Index{256} << 20) / image);
  Index next = 0;
  cuda::for_image_parts(g, 8, [&](const ConvGeometry& part, Index first) {
    CHECK(first == next);
    CHECK(part.batch <= cuda::images_at_once(g, 8));
    next = first + part.batch;
  });
  CHECK(next == 1000);
  g.height = g.width = g.out_height = g.out_width = 100000;  // one image is more than fits
  CHECK(cuda::images_at_once(g, 8) == 1);
  CHECK_FALSE(cuda::fits_dnn(g));
  g.batch = 0;
  cuda::for_image_parts(g, 8, [&](const ConvGeometry&, Index) { FAIL("there are no images"); });
}

TEST_CASE("cuda emulation: plans of cuDNN are kept by everything they depend on") {
  const auto g = geometry(2, 6, 5, 3, 4, 3, 1, 1, 1, 1);
  const cuda::ConvolutionSettings plain;
  const auto key = cuda::convolution_key(0, g, CUDNN_DATA_FLOAT, plain, 0);
  CHECK(cuda::convolution_key(0, g, CUDNN_DATA_FLOAT, plain, 0) == key);
  CHECK(cuda::convolution_key(1, g, CUDNN_DATA_FLOAT, plain, 0) != key);
  CHECK(cuda::convolution_key(0, g, CUDNN_DATA_FLOAT, plain, 1) != key);
  CHECK(cuda::convolution_key(0, g, CUDNN_DATA_BFLOAT16, plain, 0) != key);
  const auto differs = [&](auto change) {
    auto other = g;
    auto settings = plain;
    change(other, settings);
    return cuda::convolution_key(0, other, CUDNN_DATA_FLOAT, settings, 0) != key;
  };
  using G = ConvGeometry;
  using Member = Index G::*;
  for (const Member member : {&G::batch, &G::height, &G::width, &G::in_channels, &G::out_height, &G::out_width,
                              &G::out_channels, &G::kernel_h, &G::kernel_w, &G::stride_h, &G::stride_w, &G::padding_h,
                              &G::padding_w, &G::dilation_h, &G::dilation_w, &G::groups})
    CHECK(differs([&](G& other, auto&) { other.*member += 1; }));
  CHECK(differs([](G&, auto& s) { s.search = true; }));
  CHECK(differs([](G&, auto& s) { s.deterministic = false; }));
  CHECK(differs([](G&, auto& s) { s.tf32 = true; }));
  CHECK(differs([](G&, auto& s) { s.workspace_limit = 1; }));
}

TEST_CASE("cuda emulation: algorithms that fail, do not repeat or need too much memory are left out") {
  cudnnConvolutionFwdAlgoPerf_t list[4] = {};
  for (auto& entry : list)
    entry.status = CUDNN_STATUS_SUCCESS, entry.determinism = CUDNN_DETERMINISTIC, entry.memory = 10;
  list[0].status = CUDNN_STATUS_NOT_SUPPORTED;
  list[1].determinism = CUDNN_NON_DETERMINISTIC;
  list[2].memory = 1000;
  list[3].algo = CUDNN_CONVOLUTION_FWD_ALGO_FFT;
  cuda::ConvolutionSettings settings;
  settings.workspace_limit = 100;
  REQUIRE(cuda::usable_algorithms(list, 4, settings).size() == 1);
  CHECK(cuda::usable_algorithms(list, 4, settings)[0].algo == CUDNN_CONVOLUTION_FWD_ALGO_FFT);
  settings.deterministic = false;
  CHECK(cuda::usable_algorithms(list, 4, settings).size() == 2);
  settings.workspace_limit = 1000;
  CHECK(cuda::usable_algorithms(list, 4, settings).size() == 3);
}

TEST_CASE("cuda emulation: reading and adding by index") {
  for (const Extents& e : extents)
    for (const Index count : {Index{1}, Index{2}, Index{11}}) {
      const Index moved = e.outer * count * e.inner;
      const auto x = numbers(e.count(), 23), src = numbers(moved, 24);
      const auto one = positions(count, e.n, 25), every = positions(moved, e.n, 26);
      auto expected = none(moved), actual = none(moved);
      glia::index_select(Cpu{}, x.data(), one.data(), e.outer, e.n, e.inner, count, expected.data());
      each(moved, cuda::IndexSelect<double>{x.data(), one.data(), e.n, e.inner, count, actual.data()});
      CHECK(actual == expected);
      glia::gather(Cpu{}, x.data(), every.data(), e.outer, e.n, e.inner, count, expected.data());
      each(moved, cuda::Gather<double>{x.data(), every.data(), e.n, e.inner, count, actual.data()});
      CHECK(actual == expected);
      auto sums = x, sums_here = x;
      glia::scatter_add(Cpu{}, src.data(), every.data(), e.outer, e.n, e.inner, count, sums.data());
      each(e.results(), cuda::ScatterAdd<double>{src.data(), every.data(), e.n, e.inner, count, sums_here.data()});
      CHECK(sums_here == sums);
      Indices order(one.size());
      glia::sort_rows(Cpu{}, one.data(), 1, count, false, static_cast<std::int64_t*>(nullptr), order.data());
      sums = sums_here = x;
      glia::index_add(Cpu{}, src.data(), one.data(), e.outer, e.n, e.inner, count, sums.data());
      each(moved, cuda::IndexAdd<double>{src.data(), one.data(), order.data(), e.n, e.inner, count, sums_here.data()});
      CHECK(sums_here == sums);
    }
  const Indices labels{2, 0, 1, 2};
  auto expected = none(12), actual = none(12);
  glia::one_hot(Cpu{}, labels.data(), 4, 3, expected.data());
  each(12, cuda::OneHot<double>{labels.data(), 3, actual.data()});
  CHECK(actual == expected);
  const auto first_bad = [](const Indices& index, bool has_exception) {
    Index alone = -9, together = -9;
    const Index n = static_cast<Index>(index.size());
    rows_alone(1, cuda::FindOutOfRange{index.data(), n, 5, has_exception, -100, &alone});
    rows_together(1, cuda::FindOutOfRange{index.data(), n, 5, has_exception, -100, &together});
    CHECK(alone == together);
    return alone;
  };
  CHECK(first_bad({0, 4, 3}, false) == 3);
  CHECK(first_bad({0, 4, 5, 1, 2, 3, 4, -1}, false) == 2);
  CHECK(first_bad({0, -100, 3, 1, 2, 3, 4, 9}, true) == 7);
  CHECK(first_bad({0, -100, 3}, false) == 1);
}

namespace {

template <class T>
Indices merge_sorted(const std::vector<T>& x, Index rows, Index n, bool descending) {
  Indices from(x.size()), to(x.size());
  each(rows * n, cuda::SortStart{from.data(), n});
  for (Index width = 1; width < n; width *= 2) {
    std::fill(to.begin(), to.end(), -1);
    each(rows * n, cuda::MergePass<T>{{descending}, x.data(), from.data(), to.data(), n, width});
    std::swap(from, to);
  }
  return from;
}

template <class T>
void sorts(const std::vector<T>& x, Index rows, Index n) {
  for (const bool descending : {false, true}) {
    Indices expected(x.size());
    glia::sort_rows(Cpu{}, x.data(), rows, n, descending, static_cast<T*>(nullptr), expected.data());
    CHECK(merge_sorted(x, rows, n, descending) == expected);
  }
}

}  // namespace

TEST_CASE("cuda emulation: merge sort, with equals, NaN and signed zeros") {
  for (const Index n : {1, 2, 3, 7, 8, 9, 100}) sorts(numbers(3 * n, 27), 3, n);
  sorts(positions(4 * 50, 6, 28), 4, 50);  // many equals
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  sorts<double>({0.0, -0.0, nan, 1.0, -infinity, nan, 0.0, infinity, -0.0, nan, 2.0}, 1, 11);
  sorts<std::int8_t>({3, -3, 3, 127, -128, 0, 3}, 1, 7);
  const Indices order{2, 0, 1, 1, 2, 0};
  const Values x{5, 6, 7, 8, 9, 10};
  auto values = none(4);
  Indices chosen(4);
  each(4, cuda::TakeSorted<double>{x.data(), order.data(), 3, 2, values.data(), chosen.data()});
  CHECK(values == Values{7, 5, 9, 10});
  CHECK(chosen == Indices{2, 0, 1, 2});
}

TEST_CASE("cuda emulation: running sums and positions of extremes") {
  for (const Extents& e : extents) {
    auto x = numbers(e.count(), 29);
    for (const bool reverse : {false, true}) {
      auto expected = none(e.count());
      glia::cumsum(Cpu{}, x.data(), e.outer, e.n, e.inner, reverse, expected.data());
      check_rows(e.results(), e.count(), expected, [&](double* y) {
        return cuda::RunningSum<double>{x.data(), e.n, e.inner, reverse, y};
      });
    }
    for (const bool with_nan : {false, true}) {
      if (with_nan) x[x.size() / 2] = x.back() = std::nan("");
      const auto compare = [&]<bool Max>(std::bool_constant<Max>) {
        Indices expected(static_cast<std::size_t>(e.results())), alone(expected.size(), -1), together = alone;
        if constexpr (Max)
          glia::reduce_argmax(Cpu{}, x.data(), e.outer, e.n, e.inner, expected.data());
        else
          glia::reduce_argmin(Cpu{}, x.data(), e.outer, e.n, e.inner, expected.data());
        rows_alone(e.results(), cuda::ArgExtreme<Max, double>{x.data(), e.n, e.inner, alone.data()});
        rows_together(e.results(), cuda::ArgExtreme<Max, double>{x.data(), e.n, e.inner, together.data()});
        CHECK(alone == expected);
        CHECK(together == expected);
      };
      compare(std::true_type{});
      compare(std::false_type{});
    }
  }
}

TEST_CASE("cuda emulation: bounded activation") {
  const Index count = 1000, part = 96;
  const auto z = numbers(count, 30), dy = numbers(count, 31);
  const double theta = 1.3;
  auto out = none(count), here = none(count), dz = none(count), dtheta = none(1);
  glia::qcfs_forward(Cpu{}, count, z.data(), &theta, 4.0, out.data());
  each(count, cuda::QcfsForward<double>{z.data(), &theta, 4.0, here.data()});
  CHECK_NEAR(here, out, tight);
  glia::qcfs_backward(Cpu{}, count, z.data(), &theta, 4.0, dy.data(), dz.data(), dtheta.data());
  const Index parts = (count + part - 1) / part;
  auto partial = none(parts);
  check_rows(parts, count, dz, [&](double* to) {
    return cuda::QcfsBackward<double>{z.data(), &theta, dy.data(), 4.0, count, part, to, partial.data()};
  });
  check_rows(1, 1, dtheta, [&](double* to) { return cuda::AddParts<double>{partial.data(), parts, to}; });
}

namespace {

// Forward with packs of W, backward with at most Steps steps (0: any number), against the CPU's kernels.
template <int Steps, int W, class N, class T>
void neurons(const N& neuron, Index steps, Index count, bool repeated) {
  using Run = cuda::NeuronRun<N, T>;
  using C = typename Run::C;
  constexpr int S = N::states;
  CAPTURE(steps);
  CAPTURE(count);
  const Index all = steps * count, x_step = repeated ? 0 : count;
  const auto as = [](const Values& v) { return std::vector<T>(v.begin(), v.end()); };
  const auto x = as(numbers(all, 32)), dy = as(numbers(all, 33)), start = as(numbers(S * count, 34)),
             dlast = as(numbers(S * count, 35));
  const std::vector<T> parameters(4, T(0.4));
  const T *starts[S], *dlasts[S];
  std::vector<T> ends(static_cast<std::size_t>(S * count)), ends_here = ends, dstart = ends, dstart_here = ends;
  T *end[S], *end_here[S], *ds[S], *ds_here[S];
  for (int k = 0; k < S; ++k) {
    starts[k] = start.data() + k * count, dlasts[k] = dlast.data() + k * count;
    end[k] = ends.data() + k * count, end_here[k] = ends_here.data() + k * count;
    ds[k] = dstart.data() + k * count, ds_here[k] = dstart_here.data() + k * count;
  }
  std::vector<T> out(x.size()), out_here(x.size());
  glia::neuron_forward<N, T>(Cpu{}, neuron, steps, count, x.data(), x_step, parameters.data(), starts, out.data(), end);
  const Run run{neuron, steps, count, x.data(), x_step, parameters.data(), cuda::state_pointers<S>(starts)};
  each(count / W, cuda::NeuronForward<W, N, T>{run, out_here.data(), cuda::state_pointers<S>(end_here)});
  CHECK(out_here == out);
  CHECK(ends_here == ends);

  std::vector<T> dx(x.size()), dx_here(x.size()), dp(4), dp_here(4);
  constexpr bool learned = Run::P > 0;
  glia::neuron_backward<N, T>(Cpu{}, neuron, steps, count, x.data(), x_step, parameters.data(), starts, dy.data(),
                              count, dlasts, dx.data(), learned ? dp.data() : nullptr, ds);
  std::vector<C> history(static_cast<std::size_t>(Steps == 0 ? steps * S * count : 0));
  const cuda::NeuronGradients<N, T> to{
      dy.data(), count,         cuda::state_pointers<S>(dlasts), dx_here.data(), cuda::state_pointers<S>(ds_here),
      nullptr,   history.data()};
  const cuda::NeuronBackward<Steps, W, N, T> job{run, to};
  C p[Run::slots], sums[Run::slots] = {};
  run.load_parameters(p);
  for (Index group = 0; group < count / W; ++group) job(group, p, sums);
  for (int k = 0; k < Run::P; ++k) dp_here[static_cast<std::size_t>(k)] = static_cast<T>(sums[k]);
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  CHECK_NEAR(dx_here, dx, {100 * epsilon, 20 * epsilon});
  CHECK_NEAR(dstart_here, dstart, {100 * epsilon, 20 * epsilon});
  if (learned) CHECK_NEAR(dp_here, dp, {1000 * epsilon, 200 * epsilon});
}

}  // namespace

TEST_CASE("cuda emulation: spiking neurons in packs and one by one, kept in registers or in memory") {
  namespace spiking = glia::spiking;
  const spiking::LifNeuron<> lif;
  for (const bool repeated : {false, true}) {
    neurons<4, 4, spiking::LifNeuron<>, float>(lif, 4, 12, repeated);
    neurons<8, 4, spiking::LifNeuron<>, float>(lif, 7, 8, repeated);
    neurons<16, 2, spiking::LifNeuron<>, float>(lif, 13, 6, repeated);
    neurons<8, 1, spiking::LifNeuron<>, float>(lif, 8, 5, repeated);
    neurons<0, 1, spiking::LifNeuron<>, float>(lif, 21, 5, repeated);
  }
  neurons<8, 2, spiking::AlifNeuron<>, double>({}, 6, 10, false);
  neurons<0, 1, spiking::AlifNeuron<>, double>({}, 18, 3, false);
  neurons<4, 2, spiking::PlifNeuron<>, double>({}, 3, 10, false);
  neurons<0, 1, spiking::PlifNeuron<>, double>({}, 17, 3, false);
  // A thread keeps no more than 64 registers of states and inputs.
  CHECK(cuda::backward_width<float>(4, 1) == 4);
  CHECK(cuda::backward_width<float>(16, 1) == 2);
  CHECK(cuda::backward_width<glia::bfloat16>(8, 1) == 4);
  CHECK(cuda::backward_width<double>(16, 3) == 1);
}
