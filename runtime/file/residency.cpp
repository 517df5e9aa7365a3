// One case per residency: advice for the mapping, or a copy of the rows.
#include "file/residency.hpp"

#include <sys/resource.h>

#include <string>
#include <utility>

#include "memory/pages.hpp"
#include "memory/row_copy.hpp"
#include "support/descriptor.hpp"

namespace rowpool::file {
namespace {

using Tables = std::span<const std::span<const std::byte>>;

/// The part of the message about RLIMIT_MEMLOCK when mlock fails.
std::string lock_limit(Tables tables) {
    rlimit limit = {};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY) return {};
    std::size_t bytes = 0;
    for (const auto& table : tables) bytes += table.size();
    return "; the rows to lock take " + std::to_string((bytes + 1023) / 1024) + " KiB, this process may lock " +
           std::to_string(limit.rlim_cur / 1024) + " KiB (raise it with ulimit -l or LimitMEMLOCK= of systemd)";
}

Status lock_rows(const support::MappedFile& file, Tables tables) {
    for (const auto& table : tables) {
        const int error = memory::lock(table);
        if (error == 0) continue;
        Error refused = support::io_error("lock", file.path(), error);
        refused.message += lock_limit(tables);
        return refused;
    }
    return {};
}

Status populate_rows(const support::MappedFile& file, Tables tables) {
    for (const auto& table : tables) {
        if (const int error = memory::populate(table); error != 0) return support::io_error("read", file.path(), error);
    }
    return {};
}

/// Rows and what asks for those that may not be in memory.
struct ColdFile {
    std::shared_ptr<const void> rows;
    memory::ColdRows cold_rows;

    ColdFile(std::shared_ptr<const void> owner, std::span<const std::byte> mapping,
             std::span<const std::span<const std::byte>> kept, const memory::Paging& paging)
        : rows(std::move(owner)), cold_rows(mapping, kept, paging) {}
};

/// Makes lookups ask for rows of a mapping, except for what is kept in memory.
void ask_for_rows(std::span<const std::byte> mapping, std::span<const std::span<const std::byte>> kept,
                  const memory::Paging& paging, HeldRows& held) {
    const auto cold = std::make_shared<const ColdFile>(held.owner, mapping, kept, paging);
    held.cold_rows = &cold->cold_rows;
    held.owner = cold;
}

HeldRows mapped_rows(const support::MappedFile& file, Tables tables, Tables cold, Residency residency,
                     const memory::Paging& paging) {
    HeldRows held{.owner = std::make_shared<const support::MappedFile>(file), .tables = {}};
    for (const auto& table : tables) held.tables.push_back(table.data());
    if (cold.empty()) return held;
    for (const auto& rows : cold) paging.read_singly(rows);
    ask_for_rows(file.bytes(), residency == Residency::locked ? tables : Tables(), paging, held);
    return held;
}

/// Makes lookups ask for what is mapped between the copies.
void ask_for_rest(const memory::RowCopy& copy, const memory::CopyPlan& plan, const memory::Paging& paging,
                  HeldRows& held) {
    const std::byte* const first = copy.tables().front() - plan.tables.front();
    for (std::size_t i = 0; i < copy.copies(); ++i) {
        for (const auto& [from, to] : plan.mapped) paging.read_singly({first + i * plan.bytes + to, from.size()});
    }
    std::vector<std::span<const std::byte>> kept;
    for (const auto& [begin, size] : plan.own) kept.emplace_back(first + begin, size);
    // All copies have one page cache.
    ask_for_rows({first, plan.bytes}, kept, paging, held);
}

Result<HeldRows> copied_rows(const support::MappedFile& file, const memory::CopyPlan& plan, Tables cold,
                             Residency residency, const memory::Numa& numa, const memory::Paging& paging) {
    const auto copy = memory::RowCopy::make(plan, residency, numa);
    if (!copy) return Error{copy.error().code, "cannot copy " + file.path() + " into memory: " + copy.error().message};
    HeldRows held{.owner = *copy, .tables = (*copy)->tables(), .replicas = (*copy)->replicas()};
    if (!cold.empty()) ask_for_rest(**copy, plan, paging, held);
    return held;
}

}  // namespace

Result<HeldRows> hold_rows(const support::MappedFile& file, Tables held, Rest rest, Tables cold, Residency residency,
                           const memory::Numa& numa, const memory::Paging& paging) {
    Status prepared;
    switch (residency) {
        case Residency::mapped:
            break;
        case Residency::populated:
            prepared = populate_rows(file, held);
            break;
        case Residency::locked:
            prepared = lock_rows(file, held);
            break;
        case Residency::huge_pages:
        case Residency::interleaved:
        case Residency::replicated:
            return copied_rows(
                file, rest == Rest::mapped ? memory::plan_image(file.bytes(), held) : memory::plan_tables(held), cold,
                residency, numa, paging);
    }
    if (!prepared) return prepared.error();
    return mapped_rows(file, held, cold, residency, paging);
}

}  // namespace rowpool::file
