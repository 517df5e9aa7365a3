// What drives a target where libFuzzer does not: each file of the folders that are given, once. Options are libFuzzer's
// and left alone.
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/fuzz/target.hpp"
#include "tests/support/files.hpp"

namespace {

void replay(const std::string& path) {
    std::fprintf(stderr, "%s\n", path.c_str());  // the last one is at fault when a target ends the process
    const std::string text = rowpool::test::read_file(path);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]).starts_with('-')) continue;
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            replay(entry.path());
            ++files;
        }
    }
    std::printf("%zu inputs\n", files);
    return files == 0 ? 1 : 0;
}
