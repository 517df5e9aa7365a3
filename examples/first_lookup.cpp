#include <cstdio>
#include <rowpool/rowpool.hpp>

int main() {
    auto file = rowpool::TableFile::open("colours.safetensors");
    if (!file) return std::puts(file.error().message.c_str()), 1;
    const rowpool::Table& colours = file->tables()[0];
    const std::vector<std::int64_t> indices{0, 2, 1}, offsets{0, 2, 3};  // two bags: rows 0 and 2; row 1
    std::vector<float> out(2 * colours.dim());
    const auto status = rowpool::pool(colours, {indices, offsets}, {.mode = rowpool::Pooling::mean}, out);
    if (!status) return std::puts(status.message().c_str()), 1;
    for (float value : out) std::printf("%g ", value);  // 0.5 0 0.5 0 1 0
}
