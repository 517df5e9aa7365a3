// One case per residency: advice for the mapping, or a copy of the rows.
#include "file/residency.hpp"

#include <sys/resource.h>

#include <string>

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

Result<HeldRows> mapped_rows(const support::MappedFile& file, Tables tables) {
    HeldRows held{std::make_shared<const support::MappedFile>(file), {}, nullptr};
    for (const auto& table : tables) held.tables.push_back(table.data());
    return held;
}

Result<HeldRows> copied_rows(const support::MappedFile& file, const memory::CopyPlan& plan, Residency residency,
                             const memory::Numa& numa) {
    const auto copy = memory::RowCopy::make(plan, residency, numa);
    if (!copy) return Error{copy.error().code, "cannot copy " + file.path() + " into memory: " + copy.error().message};
    return HeldRows{*copy, (*copy)->tables(), (*copy)->replicas()};
}

}  // namespace

Result<HeldRows> hold_rows(const support::MappedFile& file, Tables held, Rest rest, Residency residency,
                           const memory::Numa& numa) {
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
                file, rest == Rest::mapped ? memory::plan_image(file.bytes(), held) : memory::plan_tables(held),
                residency, numa);
    }
    return prepared ? mapped_rows(file, held) : prepared.error();
}

}  // namespace rowpool::file
