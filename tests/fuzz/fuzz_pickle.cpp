// Any bytes as a pickle.
#include "tests/fuzz/target.hpp"
#include "tools/inputs/torch/pickle.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    const std::string path = "FILE";
    try {
        const tools::PickleTree tree = tools::read_pickle(path, bytes);
        require(tree.root != nullptr, "a pickle has a value");
    } catch (const tools::Failure& failure) {
        require_named(failure.what(), path);
    }
}
