// Any bytes as a table file, whose header has the checksum that it says.
#include <cstring>
#include <vector>

#include "file/table_metadata.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/table_file.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/container.hpp"

namespace rowpool::fuzz {
namespace {

void read_table(const TableFile& file, std::size_t i) {
    const Table& table = file.tables()[i];
    require(bool(file.table(table.name())), "tables are found by their names");
    touch(std::as_bytes(table.remap()));
    for (std::size_t row = 0; row < table.rows(); ++row) {
        touch({table.data() + row * table.row_stride(), row_bytes(table.format(), table.dim())});
    }
    const auto names = file.row_names(i);
    if (!names) return require_named(names.error().message, file.path());
    require(names->empty() || names->size() == table.num_ids(), "a name an id");
    for (const std::string_view name : *names) touch(std::as_bytes(std::span(name)));
}

/// Rows of ids all over a table, and of some that it does not have.
std::vector<float> look_up(const Table& table) {
    const auto last = static_cast<std::int64_t>(table.num_ids());
    const std::vector<std::int64_t> ids = {0, last - 1, last / 2, last, -1, last / 3, 0};
    std::vector<float> out(ids.size() * table.dim());
    const PoolOptions options = {.mode = Pooling::none, .on_bad_index = OnBadIndex::skip};
    require(bool(pool(table, Bags::rows(ids), options, out)), "lookups that skip bad indices succeed");
    return out;
}

/// However rows are held, lookups give the same bits.
void compare_residencies(const TableFile& file, unsigned how) {
    constexpr Residency kResidencies[] = {Residency::mapped, Residency::populated, Residency::huge_pages};
    OpenOptions options = {.residency = kResidencies[how % 3],
                           .read_ahead = how / 3 % 2 == 0 ? ReadAhead::off : ReadAhead::on};
    if (how / 6 % 2 == 0) options.hot = HotPart{.most_rows = how / 12};
    const TableFile other = tools::value_of(TableFile::open(file.path(), options));
    for (std::size_t i = 0; i < file.tables().size(); ++i) {
        const std::vector<float> expected = look_up(file.tables()[i]), found = look_up(other.tables()[i]);
        require(std::memcmp(expected.data(), found.data(), expected.size() * sizeof(float)) == 0,
                "rows are the same however they are held");
    }
}

}  // namespace

void run(std::span<const std::byte> bytes) {
    const std::string text = test::sealed_file(bytes);
    // The same from memory that ends where the file does.
    const auto header = file::parse_safetensors(std::as_bytes(std::span(text)), "FILE");
    if (header) (void)file::read_table_metadata(*header, "FILE");
    on_file(std::as_bytes(std::span(text)), [&](const std::string& path) {
        const TableFile file = tools::value_of(TableFile::open(path));
        require(bool(header), "a file has the header that its bytes have");
        for (const TensorView& tensor : tools::value_of(file.tensors())) touch(tensor.bytes);
        for (std::size_t i = 0; i < file.tables().size(); ++i) read_table(file, i);
        compare_residencies(file, std::to_integer<unsigned>(bytes.back()));
        tools::check(file.verify());
    });
}

}  // namespace rowpool::fuzz
