// Writes, opens and drops table files without a name.
#include "bench/cases/nameless_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure/huge_buffer.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/mapped_file.hpp"

namespace rowpool::bench {
namespace {

/// The value of a step that must not fail.
template <class T>
T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
}
void check(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

void write_table_file(const std::string& path, RowFormat format, std::size_t dim, std::size_t bytes) {
    const std::vector<std::byte> pattern = row_pattern(format, dim);
    const std::size_t rows = bytes / row_bytes(format, dim);
    auto writer = value_of(TableFileWriter::create(path, {{"t", {format, rows, dim, 0, {}}}}));
    const std::size_t total = rows * row_bytes(format, dim);
    for (std::size_t at = 0; at < total; at += pattern.size()) {
        check(writer.append(std::span(pattern).first(std::min(pattern.size(), total - at))));
    }
    check(writer.finish());
}

}  // namespace

NamelessFile::NamelessFile(RowFormat format, std::size_t dim, std::size_t table_bytes) {
    std::string folder = (std::filesystem::temp_directory_path() / "rowpool-bench-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    try {
        write_table_file(folder + "/table", format, dim, table_bytes);
        file_ = ::open((folder + "/table").c_str(), O_RDONLY | O_CLOEXEC);
    } catch (...) {
        std::filesystem::remove_all(folder);
        throw;
    }
    std::filesystem::remove_all(folder);
}

NamelessFile::~NamelessFile() { ::close(file_); }

Table NamelessFile::open(const OpenOptions& options) const {
    const auto file = TableFile::open("/proc/self/fd/" + std::to_string(file_), options);
    // A small RLIMIT_MEMLOCK is usual, and no fault of ours.
    if (!file && options.residency == Residency::locked) throw TooLittleMemory(file.error().message);
    return value_of(file).tables()[0];
}

bool NamelessFile::drop() const {
    ::fsync(file_);
    ::posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    const support::MappedFile file = value_of(support::MappedFile::open("/proc/self/fd/" + std::to_string(file_)));
    const auto bytes = file.bytes();
    std::vector<unsigned char> in_memory(bytes.size() / static_cast<std::size_t>(::getpagesize()) + 1);
    ::mincore(const_cast<std::byte*>(bytes.data()), bytes.size(), in_memory.data());
    const auto cached = std::ranges::count_if(in_memory, [](unsigned char page) { return (page & 1) != 0; });
    return static_cast<std::size_t>(cached) <= in_memory.size() / 100;
}

}  // namespace rowpool::bench
