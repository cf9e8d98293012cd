// SPDX-License-Identifier: MIT
//
// The main function of every fuzz target, in two kinds.
//
// With YOKE_LIBFUZZER (clang++), libFuzzer's: `fuzz.<name> -runs=N [FOLDER]`. The seeds are written into the first folder.
// Else one of our own, for any compiler: `fuzz.<name> RUNS [SEED]` changes the seeds, the same way every time;
// `fuzz.<name> FILE` runs one input.
#include "fuzz.hpp"

#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using bytes = std::vector<std::byte>;

#if defined(YOKE_LIBFUZZER)

void write_seeds(const std::string& folder) {
    int number = 0;
    for (const bytes& seed : yoke_fuzz::seeds()) {
        std::ofstream file(folder + "/seed-" + std::to_string(number++), std::ios::binary);
        file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    }
}

#else

/// Marsaglia's xorshift64*.
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1d;
    }
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : next() % limit; }

private:
    std::uint64_t state_;
};

void change(bytes& input, dice& random, const std::vector<bytes>& seeds) {
    static constexpr std::uint64_t telling[] = {0,
                                                1,
                                                2,
                                                3,
                                                7,
                                                8,
                                                16,
                                                32,
                                                33,
                                                63,
                                                64,
                                                127,
                                                128,
                                                255,
                                                256,
                                                0xffff,
                                                0x10000,
                                                0x7fffffff,
                                                0x80000000,
                                                0xffffffff,
                                                0x7fffffffffffffff,
                                                0x8000000000000000,
                                                0xffffffffffffffff};
    const std::size_t size = input.size();
    const std::size_t at = random.below(size);
    const auto position = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random.below(8)) {
    case 0:
        if (size != 0) input[at] ^= static_cast<std::byte>(1 << random.below(8));
        break;
    case 1:
        if (size != 0) input[at] = static_cast<std::byte>(random.next());
        break;
    case 2: input.insert(position, 1 + random.below(8), static_cast<std::byte>(random.next())); break;
    case 3:
        if (size != 0)
            input.erase(position, position + 1 + static_cast<std::ptrdiff_t>(random.below(size - at)));
        break;
    case 4: input.resize(at); break;
    case 5: {
        // A number where a length, an index or a flag may be.
        const std::uint64_t number = telling[random.below(std::size(telling))];
        const std::size_t width = std::size_t{1} << random.below(4);
        if (size >= width) std::memcpy(input.data() + random.below(size - width + 1), &number, width);
        break;
    }
    case 6: {
        const bytes& other = seeds[random.below(seeds.size())];
        const std::size_t from = random.below(other.size());
        input.insert(position, other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
        break;
    }
    default:
        if (size != 0) {
            const bytes again(position, position + 1 + static_cast<std::ptrdiff_t>(random.below(size - at)));
            input.insert(position, again.begin(), again.end());
        }
    }
    static constexpr std::size_t longest = 1 << 16;
    if (input.size() > longest) input.resize(longest);
}

int run_file(const char* name) {
    std::ifstream file(name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    yoke_fuzz::run(std::as_bytes(std::span(text)));
    return 0;
}

int run_many(std::uint64_t runs, std::uint64_t seed) {
    const std::vector<bytes> seeds = yoke_fuzz::seeds();
    for (const bytes& input : seeds) yoke_fuzz::run(input);
    for (std::uint64_t number = 0; number != runs; ++number) {
        // Each run is made from its number alone, so that one can be repeated without those before it.
        dice random(seed * 0x9e3779b97f4a7c15 + number);
        for (int i = 0; i < 4; ++i) random.next();
        bytes input = seeds[random.below(seeds.size())];
        for (std::size_t changes = 1 + random.below(8); changes != 0; --changes) change(input, random, seeds);
        yoke_fuzz::run(input);
    }
    std::printf("%llu inputs made from %zu seeds\n", static_cast<unsigned long long>(runs), seeds.size());
    return 0;
}

#endif

}  // namespace

#if defined(YOKE_LIBFUZZER)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    yoke_fuzz::run(std::as_bytes(std::span(data, size)));
    return 0;
}
extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
    for (int i = 1; i < *count; ++i) {
        if ((*arguments)[i][0] == '-') continue;
        write_seeds((*arguments)[i]);
        break;
    }
    return 0;
}

#else

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "usage: %s RUNS [SEED] | FILE\n", arguments[0]);
        return 2;
    }
    char* rest = nullptr;
    const std::uint64_t runs = std::strtoull(arguments[1], &rest, 10);
    if (*rest != '\0') return run_file(arguments[1]);
    return run_many(runs, count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1);
}

#endif
