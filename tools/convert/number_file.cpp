// Writes numbers in pieces, and maps them.
#include "tools/convert/number_file.hpp"

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18;

}  // namespace

NumberFile::NumberFile(const std::string& path) : file_(value_of(support::OutputFile::create(path))) {}

void NumberFile::append(std::int32_t number) {
    waiting_.push_back(number);
    if (waiting_.size() == kPiece) flush();
}

std::span<const std::int32_t> NumberFile::map() {
    flush();
    waiting_ = {};
    if (written_ == 0) return {};
    mapped_ = value_of(support::MappedFile::open(file_.readable_path()));
    return {reinterpret_cast<const std::int32_t*>(mapped_->bytes().data()), written_ / sizeof(std::int32_t)};
}

void NumberFile::flush() {
    stop_if_interrupted();
    const auto bytes = std::as_bytes(std::span(waiting_));
    check(file_.write_at(written_, bytes));
    written_ += bytes.size();
    waiting_.clear();
}

}  // namespace rowpool::tools
