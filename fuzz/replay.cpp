// The main of a fuzz target in an ordinary build: replays the files of a corpus folder, then every shortened form and
// some seeded mutations of each, so that the committed corpus keeps testing the decoder without a fuzzer.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t mutations_per_seed = 200;
constexpr std::size_t prefixes_per_seed = 200;

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A copy of exactly its size, so that the address sanitizer sees a read past its end.
void run(const Input& input) {
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Input mutated(Input input, std::mt19937& random) {
  static constexpr std::array<std::uint8_t, 8> odd{0x00, 0x01, 0x20, 0x7f, 0x80, 0xfe, 0xff, 0x30};
  const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (std::size_t changes = 1 + below(3); changes > 0 && !input.empty(); --changes) {
    const std::size_t at = below(input.size());
    const auto position = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(4)) {
      case 0: input[at] ^= static_cast<std::uint8_t>(1U << below(8)); break;
      case 1: input[at] = odd.at(below(odd.size())); break;
      case 2: input.erase(position); break;
      default: input.insert(position, input[below(input.size())]); break;
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> seeds;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    if (entry.is_regular_file()) seeds.push_back(entry.path());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "%s: no seeds; a fuzz target needs a small corpus\n", argv[1]);
    return 1;
  }
  std::sort(seeds.begin(), seeds.end());

  std::size_t runs = 1;
  run({});
  for (const auto& path : seeds) {
    const Input seed = read_file(path);
    run(seed);
    const std::size_t step = 1 + seed.size() / prefixes_per_seed;
    for (std::size_t size = 0; size < seed.size(); size += step, ++runs) {
      run(Input(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    std::mt19937 random(static_cast<std::uint32_t>(seed.size()));
    for (std::size_t i = 0; i < mutations_per_seed; ++i, ++runs) run(mutated(seed, random));
    ++runs;
  }
  std::printf("%zu seeds, %zu runs\n", seeds.size(), runs);
}
