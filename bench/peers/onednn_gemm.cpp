// Matrix products beside oneDNN's in one process, in turns: GF/s of both, least time of nine, and the ratio.
// Not part of the build; oneDNN is Debian's libdnnl-dev:
//   g++ -std=c++20 -O3 -march=native -mprefer-vector-width=512 -fopenmp -DNDEBUG -Iinclude bench/peers/onednn_gemm.cpp -ldnnl
//   OMP_PROC_BIND=close OMP_PLACES=cores ./a.out
#include <glia/kernels/cpu/gemm.hpp>

#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

namespace {

using glia::Index;

struct Product {
  bool trans_a, trans_b;
  Index m, n, k;
};

template <class F>
double seconds(const F& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void compare(const Product& p) {
  const auto values = [](Index count) {
    std::vector<float> v(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i % 7) * 0.25f - 0.75f;
    return v;
  };
  const auto a = values(p.m * p.k), b = values(p.k * p.n);
  std::vector<float> ours(static_cast<std::size_t>(p.m * p.n)), theirs(ours.size());
  const Index lda = p.trans_a ? p.m : p.k, ldb = p.trans_b ? p.k : p.n;
  double least = 1e9, least_onednn = 1e9;
  for (int i = 0; i < 9; ++i) {
    least = std::min(least, seconds([&] {
                       glia::gemm(glia::Cpu{}, p.trans_a, p.trans_b, p.m, p.n, p.k, 1.0f, a.data(), lda, b.data(), ldb, 0.0f,
                                  ours.data(), p.n);
                     }));
    least_onednn = std::min(least_onednn, seconds([&] {
                              dnnl_sgemm(p.trans_a ? 'T' : 'N', p.trans_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, a.data(), lda,
                                         b.data(), ldb, 0.0f, theirs.data(), p.n);
                            }));
  }
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    difference = std::max(difference, std::fabs(static_cast<double>(ours[i]) - static_cast<double>(theirs[i])));
    largest = std::max(largest, std::fabs(static_cast<double>(theirs[i])));
  }
  const double work = 2e-9 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  std::printf("| %td x %td x %td%s%s | %.0f | %.0f | %.2f | %.1e |\n", p.m, p.n, p.k, p.trans_a ? ", A" : "", p.trans_b ? ", B" : "",
              work / least, work / least_onednn, least_onednn / least, difference / largest);
}

}  // namespace

int main() {
  std::puts("| m x n x k, transposed operand | glia GF/s | oneDNN GF/s | ratio | difference |\n|---|---|---|---|---|");
  for (const Product& p : {Product{false, false, 1024, 1024, 1024}, {true, true, 1024, 1024, 1024}, {false, true, 8192, 256, 2304},
                           {false, true, 131072, 64, 576}, {false, false, 131072, 64, 576}, {true, false, 64, 576, 131072},
                           {false, true, 128, 512, 512}, {false, true, 500, 100, 256}})
    compare(p);
}
