// Any bytes as a binary file of word2vec.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/words/word2vec_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    read_sources(bytes, [](const support::MappedFile& file, tools::Reading& reading) {
        return tools::is_word2vec(file.bytes()) ? tools::open_word2vec_source(file, reading) : tools::Sources();
    });
}
