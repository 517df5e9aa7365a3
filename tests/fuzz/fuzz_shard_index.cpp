// Any bytes as the index of a model in several files. None of these is there.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/safetensors/sharded_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    read_sources(bytes, [](const support::MappedFile& index, tools::Reading& reading) {
        try {
            return tools::open_sharded_sources(index, reading);
        } catch (const tools::Failure& failure) {
            require_named(failure.what(), "/proc/self/fd/");  // the index, or a file that is not beside it
            return tools::Sources();
        }
    });
}
