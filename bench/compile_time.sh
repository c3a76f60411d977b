#!/usr/bin/env bash
# compile_time.sh [--torch DIR]: what it costs to compile glia: user seconds (the best of three) and peak memory, g++ -O2.
# Rows: the umbrella header alone, the README's program (also as glia::compiled builds it, and once the library behind that), a multi-layer perceptron with its training loop, the flagship's largest file; with
# --torch (the folder of a PyTorch installation that has include/ in it) libtorch's header alone and the same perceptron in libtorch.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=
[ "${1:-}" = --torch ] && torch=${2:?--torch needs a folder}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -x /usr/bin/time ] || { echo "compile_time: needs GNU time (Debian package: time)" >&2; exit 1; }

# row NAME FLAGS... FILE
row() {
  local name=$1 best= memory=0 seconds kilobytes
  shift
  for _ in 1 2 3; do
    /usr/bin/time -f "%U %M" -o "$work/time" "${CXX:-g++}" -O2 -c -o "$work/out.o" "$@"
    read -r seconds kilobytes <"$work/time"
    if [ -z "$best" ] || awk "BEGIN { exit !($seconds < $best) }"; then best=$seconds; fi
    [ "$kilobytes" -gt "$memory" ] && memory=$kilobytes
  done
  printf '| %-42s | %6.1f s | %5d MB |\n' "$name" "$best" $((memory / 1024))
}

glia=(-std=c++20 -fopenmp -Iinclude -I/usr/include/eigen3)
echo '#include <glia/glia.hpp>' >"$work/umbrella.cpp"
awk '/^<!-- program -->/ { found = 1 } found && /^```$/ { exit } found && inside { print } found && /^```cpp/ { inside = 1 }' README.md >"$work/readme.cpp"
cat >"$work/mlp.cpp" <<'CPP'
#include <glia/glia.hpp>
#include <cstdio>
struct Mlp {
  glia::nn::Linear<> first{784, 64}, second{64, 32}, third{32, 10};
  GLIA_MEMBERS(first, second, third)
  glia::Tensor<> forward(const glia::Tensor<>& x) { return third(glia::relu(second(glia::relu(first(x))))); }
};
int main() {
  Mlp net;
  glia::Generator generator(1);
  glia::optim::Sgd optimizer(glia::parameters(net), {.learning_rate = 0.01});
  for (int step = 0; step < 10; ++step) {
    auto x = glia::randn({64, 784}, generator);
    auto y = glia::zeros<std::int64_t>({64});
    optimizer.zero_grad();
    auto loss = glia::cross_entropy(net.forward(x), y);
    loss.backward();
    optimizer.step();
    std::printf("%f\n", loss.item());
  }
}
CPP
cat >"$work/torch_umbrella.cpp" <<'CPP'
#include <torch/torch.h>
CPP
cat >"$work/torch_mlp.cpp" <<'CPP'
#include <torch/torch.h>
#include <cstdio>
struct Mlp : torch::nn::Module {
  torch::nn::Linear first{nullptr}, second{nullptr}, third{nullptr};
  Mlp() {
    first = register_module("first", torch::nn::Linear(784, 64));
    second = register_module("second", torch::nn::Linear(64, 32));
    third = register_module("third", torch::nn::Linear(32, 10));
  }
  torch::Tensor forward(torch::Tensor x) { return third(torch::relu(second(torch::relu(first(x))))); }
};
int main() {
  Mlp net;
  torch::optim::SGD optimizer(net.parameters(), 0.01);
  for (int step = 0; step < 10; ++step) {
    auto x = torch::randn({64, 784});
    auto y = torch::zeros({64}, torch::kLong);
    optimizer.zero_grad();
    auto loss = torch::nn::functional::cross_entropy(net.forward(x), y);
    loss.backward();
    optimizer.step();
    std::printf("%f\n", loss.item<float>());
  }
}
CPP

echo "| g++ -O2, user seconds, best of three          | time     | memory   |"
echo "|---|---|---|"
row "#include <glia/glia.hpp>" "${glia[@]}" "$work/umbrella.cpp"
row "glia: perceptron, ten steps" "${glia[@]}" "$work/mlp.cpp"
row "glia: README program" "${glia[@]}" "$work/readme.cpp"
row "glia: README program, glia::compiled" "${glia[@]}" -DGLIA_COMPILED "$work/readme.cpp"
row "glia: perceptron, glia::compiled" "${glia[@]}" -DGLIA_COMPILED "$work/mlp.cpp"
for part in include/glia/compiled/*.cpp; do row "glia: the library glia::compiled, $(basename "$part")" "${glia[@]}" -DGLIA_COMPILED "$part"; done
row "glia: examples/cifar100/train.cpp" "${glia[@]}" -march=native examples/cifar100/train.cpp
if [ -n "$torch" ]; then
  libtorch=(-std=c++20 -isystem "$torch/include" -isystem "$torch/include/torch/csrc/api/include")
  row "#include <torch/torch.h>" "${libtorch[@]}" "$work/torch_umbrella.cpp"
  row "libtorch: perceptron, ten steps" "${libtorch[@]}" "$work/torch_mlp.cpp"
fi
