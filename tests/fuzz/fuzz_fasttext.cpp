// Any bytes as a fastText model.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/words/fasttext_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    read_sources(bytes,
                 [](const support::MappedFile& file, tools::Reading&) { return tools::open_fasttext_source(file); });
}
