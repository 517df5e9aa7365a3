// Any bytes as word-vector text, however it is to be read.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/words/text_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    read_sources(bytes, [&](const support::MappedFile& file, tools::Reading& reading) {
        const unsigned how = bytes.empty() ? 0 : std::to_integer<unsigned>(bytes.back());
        reading.names_column = static_cast<tools::NamesColumn>(how % 3);
        reading.on_bad_line = static_cast<tools::OnBadLine>(how / 3 % 2);
        return tools::open_text_source(file, reading);
    });
}
