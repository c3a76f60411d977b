// Runs a fuzz target without libFuzzer: `target [-runs=N] [-seed=S] CORPUS_FOLDERS` (libFuzzer's other flags are
// ignored). Every corpus file runs as it is, then deterministic mutations; the same arguments run the same inputs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // SplitMix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(next() % limit); }

 private:
  std::uint64_t state_;
};

// Mutates mostly the first bytes, where the headers are.
std::size_t position(const Input& input, Random& random) {
  const std::size_t window = random.below(4) == 0 ? input.size() : std::min<std::size_t>(input.size(), 256);
  return random.below(window);
}

void mutate(Input& input, const std::vector<Input>& corpus, Random& random) {
  constexpr std::uint8_t special[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', ':', '-', '9', 'e', '\\'};
  const std::size_t at = position(input, random);
  switch (random.below(9)) {
    case 0:
      if (!input.empty()) input[at] = static_cast<std::uint8_t>(random.next());
      break;
    case 1:
      if (!input.empty()) input[at] = static_cast<std::uint8_t>(input[at] ^ (1u << random.below(8)));
      break;
    case 2:
      if (!input.empty()) input[at] = special[random.below(sizeof special)];
      break;
    case 3:
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), special[random.below(sizeof special)]);
      break;
    case 4: {
      const std::size_t count = std::min(input.size() - at, 1 + random.below(16));
      input.erase(input.begin() + static_cast<std::ptrdiff_t>(at), input.begin() + static_cast<std::ptrdiff_t>(at + count));
      break;
    }
    case 5:
      input.resize(random.below(input.size() + 1));
      break;
    case 6: {  // repeat a piece
      const std::size_t count = std::min(input.size() - at, 1 + random.below(32));
      const Input piece(input.begin() + static_cast<std::ptrdiff_t>(at), input.begin() + static_cast<std::ptrdiff_t>(at + count));
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(position(input, random)), piece.begin(), piece.end());
      break;
    }
    case 7: {  // a piece of another input
      const Input& other = corpus[random.below(corpus.size())];
      const std::size_t from = random.below(other.size());
      const std::size_t count = std::min(other.size() - from, 1 + random.below(64));
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), other.begin() + static_cast<std::ptrdiff_t>(from),
                   other.begin() + static_cast<std::ptrdiff_t>(from + count));
      break;
    }
    default: {  // a length that lies
      const std::uint64_t value = random.next() >> random.below(64);
      for (std::size_t i = 0; i < 8 && at + i < input.size(); ++i) input[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
      break;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  long long runs = 10'000;
  std::uint64_t seed = 1;
  std::vector<std::filesystem::path> names;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("-runs=", 0) == 0) {
      runs = std::atoll(argument.c_str() + 6);
    } else if (argument.rfind("-seed=", 0) == 0) {
      seed = std::strtoull(argument.c_str() + 6, nullptr, 10);
    } else if (argument.rfind("-", 0) != 0) {
      for (const auto& entry : std::filesystem::directory_iterator(argument))
        if (entry.is_regular_file()) names.push_back(entry.path());
    }
  }
  std::sort(names.begin(), names.end());
  std::vector<Input> corpus;
  for (const auto& name : names) {
    std::ifstream file(name, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(corpus.back().data(), corpus.back().size());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s [-runs=N] [-seed=S] CORPUS_FOLDERS; no corpus files found\n", argv[0]);
    return 2;
  }
  Random random(seed);
  for (long long run = 0; run < runs; ++run) {
    Input input = corpus[random.below(corpus.size())];
    for (std::size_t round = 1 + random.below(4); round > 0; --round) mutate(input, corpus, random);
    input.shrink_to_fit();  // so that a read past the end is past the allocation
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu corpus files and %lld mutated inputs ran without a finding\n", corpus.size(), runs);
  return 0;
}
