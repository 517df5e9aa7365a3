// Any bytes as a PyTorch checkpoint, whose members have the sums that it says.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/torch/checkpoint_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    read_sources(with_right_sums(bytes), [](const support::MappedFile& file, tools::Reading& reading) {
        return tools::open_checkpoint_sources(tools::ZipArchive(file), reading);
    });
}
