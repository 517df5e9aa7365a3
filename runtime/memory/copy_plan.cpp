// Lays out copies of rows.
#include "memory/copy_plan.hpp"

#include <algorithm>

namespace rowpool::memory {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kRowAlignment = 64;  // as in table files
constexpr std::size_t kPieceBytes = std::size_t{8} << 20;

// Cannot overflow: the value is an offset within a file.
std::size_t round_up(std::size_t value, std::size_t step) noexcept { return (value + step - 1) / step * step; }

void add_pieces(Bytes from, std::size_t to, std::vector<Piece>& pieces) {
    for (std::size_t at = 0; at < from.size(); at += kPieceBytes) {
        pieces.push_back({from.subspan(at, std::min(kPieceBytes, from.size() - at)), to + at});
    }
}

/// The 2 MiB pieces of a file that contain bytes of the tables, ascending.
std::vector<Extent> touched_pages(Bytes file, std::span<const Bytes> tables) {
    std::vector<Extent> touched;
    for (const Bytes& table : tables) {
        if (table.empty()) continue;
        const auto offset = static_cast<std::size_t>(table.data() - file.data());
        const std::size_t begin = offset / kHugePage * kHugePage;
        touched.push_back({begin, round_up(offset + table.size(), kHugePage) - begin});
    }
    std::ranges::sort(touched, {}, &Extent::begin);
    std::vector<Extent> joined;
    for (const Extent& extent : touched) {
        if (joined.empty() || joined.back().begin + joined.back().size < extent.begin) {
            joined.push_back(extent);
        } else {
            const std::size_t end = std::max(joined.back().begin + joined.back().size, extent.begin + extent.size);
            joined.back().size = end - joined.back().begin;
        }
    }
    return joined;
}

}  // namespace

CopyPlan plan_tables(std::span<const Bytes> tables) {
    CopyPlan plan;
    std::size_t end = 0;
    for (const Bytes& table : tables) {
        plan.tables.push_back(end);
        add_pieces(table, end, plan.copied);
        end = round_up(end + table.size(), kRowAlignment);
    }
    plan.bytes = round_up(std::max<std::size_t>(end, 1), kHugePage);
    plan.own = {{0, plan.bytes}};
    return plan;
}

CopyPlan plan_image(Bytes file, std::span<const Bytes> tables) {
    CopyPlan plan;
    for (const Bytes& table : tables) plan.tables.push_back(static_cast<std::size_t>(table.data() - file.data()));
    plan.bytes = round_up(file.size(), kHugePage);
    plan.own = touched_pages(file, tables);
    std::size_t at = 0;
    for (const auto& [begin, size] : plan.own) {
        if (at != begin) plan.mapped.push_back({file.subspan(at, begin - at), at});
        add_pieces(file.subspan(begin, std::min(size, file.size() - begin)), begin, plan.copied);
        at = begin + size;
    }
    if (at < file.size()) plan.mapped.push_back({file.subspan(at), at});
    return plan;
}

}  // namespace rowpool::memory
