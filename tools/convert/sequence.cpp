// Names that are told from each other by a number: emb.0.weight, emb.1.weight, ...
#include "tools/convert/sequence.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A name's numbers, and what is before, between and after them.
struct Parts {
    std::vector<std::string> texts = {""};  ///< one more than numbers
    std::vector<std::uint64_t> numbers;
};

Parts split(std::string_view name) {
    Parts parts;
    while (!name.empty()) {
        const auto end = std::ranges::find_if_not(name, is_digit);
        const auto digits = name.substr(0, static_cast<std::size_t>(end - name.begin()));
        std::uint64_t number = 0;
        const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (failure == std::errc()) {
            parts.numbers.push_back(number);
            parts.texts.emplace_back();
            name.remove_prefix(digits.size());
        } else {  // no digit, or more of them than numbers have
            const std::size_t size = std::max<std::size_t>(1, digits.size());
            parts.texts.back() += name.substr(0, size);
            name.remove_prefix(size);
        }
    }
    return parts;
}

/// Whether a number and the one after it are those of "1-of-4".
bool is_of(const Parts& name, std::size_t number) {
    if (number + 1 >= name.numbers.size()) return false;
    std::string_view between = name.texts[number + 1];
    constexpr std::string_view kSeparators = "-_. ";
    between.remove_prefix(std::min(between.find_first_not_of(kSeparators), between.size()));
    return between.substr(0, between.find_last_not_of(kSeparators) + 1) == "of";
}

/// The names of one option, and the number that counts them.
class Sequence {
public:
    Sequence(const std::string& where, std::span<const std::string> names) : where_(where), names_(names) {
        for (const std::string& name : names) parts_.push_back(split(name));
        for (std::size_t i = 1; i < names.size(); ++i) {
            if (parts_[i].texts != parts_[0].texts) refuse(i);
            for (std::size_t n = 0; n < parts_[i].numbers.size(); ++n) {
                if (parts_[i].numbers[n] == parts_[0].numbers[n]) continue;
                if (counter_ && *counter_ != n) refuse(i);
                counter_ = n;
            }
        }
        for (std::size_t n = 0; n < parts_[0].numbers.size() && !counter_; ++n) {
            if (is_of(parts_[0], n)) counter_ = n;
        }
    }

    std::vector<std::size_t> order() const {
        std::vector<std::size_t> positions(names_.size());
        std::iota(positions.begin(), positions.end(), std::size_t{0});
        if (!counter_ && names_.size() > 1) refuse_equal(names_[0], names_[1]);
        if (!counter_) return positions;
        std::ranges::stable_sort(positions, {}, [&](std::size_t i) { return number(i); });
        check_gaps(positions);
        if (is_of(parts_[0], *counter_)) check_end(positions);
        return positions;
    }

private:
    [[noreturn]] void refuse(std::size_t i) const {
        fail(where_, printable(names_[0]), " and ", printable(names_[i]),
             " differ in more than a number, so that their order is not certain; give one for each, in their order");
    }

    [[noreturn]] void refuse_equal(const std::string& a, const std::string& b) const {
        fail(where_, printable(a), " and ", printable(b), " do not differ in a number");
    }

    std::uint64_t number(std::size_t i) const { return parts_[i].numbers[*counter_]; }

    void check_gaps(std::span<const std::size_t> positions) const {
        if (const std::uint64_t first = number(positions[0]); first > 1 && names_.size() > 1) {
            fail(where_, "the first one is ", printable(names_[positions[0]]), "; number ", first - 1, " is missing");
        }
        for (std::size_t i = 1; i < positions.size(); ++i) {
            const std::string& before = names_[positions[i - 1]];
            const std::string& after = names_[positions[i]];
            const std::uint64_t step = number(positions[i]) - number(positions[i - 1]);
            if (step == 0) refuse_equal(before, after);
            if (step == 1) continue;
            fail(where_, "number ", number(positions[i - 1]) + 1, " is missing between ", printable(before), " and ",
                 printable(after));
        }
    }

    void check_end(std::span<const std::size_t> positions) const {
        const std::uint64_t total = parts_[0].numbers[*counter_ + 1];
        if (positions.size() == total) return;
        fail(where_, positions.size(), " of ", total, ", the last one is ", printable(names_[positions.back()]));
    }

    const std::string& where_;
    std::span<const std::string> names_;
    std::vector<Parts> parts_;
    std::optional<std::size_t> counter_;  // position of the number
};

}  // namespace

std::vector<std::size_t> sequence_order(const std::string& where, std::span<const std::string> names) {
    return Sequence(where, names).order();
}

}  // namespace rowpool::tools
