// Collects names in pieces, the first of which needs no file.
#include "tools/inputs/words/name_list.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;

}  // namespace

void NameList::append(std::string_view name) {
    if (!std::exchange(is_first_, false)) put("\n");
    put(name);
}

RowNames NameList::take() {
    if (!file_) {
        const auto text = std::make_shared<const std::string>(std::move(waiting_));
        return {text, *text};
    }
    flush();
    const SharedBytes mapped = file_->map();
    return {mapped.owner, as_text(mapped.bytes)};
}

void NameList::put(std::string_view text) {
    if (waiting_.size() + text.size() > kPiece) flush();
    if (text.size() <= kPiece) {
        waiting_ += text;
    } else {
        file_->append(std::as_bytes(std::span(text)));
    }
}

void NameList::flush() {
    stop_if_interrupted();
    if (!file_) file_ = std::make_unique<TemporaryFile>(kPiece);
    file_->append(std::as_bytes(std::span(waiting_)));
    waiting_.clear();
}

}  // namespace rowpool::tools
