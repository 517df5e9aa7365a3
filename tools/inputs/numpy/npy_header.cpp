// The header of a .npy file: a Python dict as text, read strictly and never evaluated.
#include "tools/inputs/numpy/npy_header.hpp"

#include <charconv>
#include <optional>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kMaxDimensions = 64;  // NumPy's own limit
constexpr std::size_t kAlignment = 64;

class Parser {
public:
    Parser(const std::string& path, std::string_view text) : path_(path), text_(text) {}

    NpyHeader parse() {
        expect('{');
        while (!accept('}')) {
            entry();
            if (!accept(',') && peek() != '}') error("',' or '}'");
        }
        if (peek() != '\0') error("nothing after the '}'");
        if (!descr_ || !fortran_order_ || !shape_)
            fail(path_, ": the header lacks 'descr', 'fortran_order' or 'shape'");
        return {*std::move(descr_), *fortran_order_, *std::move(shape_)};
    }

private:
    void entry() {
        const std::string key = string("a key in quotes");
        expect(':');
        if (key == "descr" && !descr_) {
            descr_ = descr();
        } else if (key == "fortran_order" && !fortran_order_) {
            fortran_order_ = boolean();
        } else if (key == "shape" && !shape_) {
            shape_ = shape();
        } else {
            fail(path_, ": the header has an unknown or repeated key '", printable(key), "'");
        }
    }

    std::string descr() {
        if (peek() == '[') fail(path_, ": structured dtypes cannot be read; save one plain array");
        return string("a dtype in quotes");
    }

    bool boolean() {
        peek();
        for (const bool value : {true, false}) {
            const std::string_view word = value ? "True" : "False";
            if (text_.substr(at_, word.size()) == word) {
                at_ += word.size();
                return value;
            }
        }
        error("True or False");
    }

    std::vector<std::size_t> shape() {
        std::vector<std::size_t> sizes;
        expect('(');
        while (!accept(')')) {
            if (sizes.size() == kMaxDimensions) error("at most 64 dimensions");
            sizes.push_back(number());
            // (5) is a number in Python, not a tuple: a single size needs its comma.
            if (!accept(',') && (peek() != ')' || sizes.size() == 1)) error("','");
        }
        return sizes;
    }

    std::size_t number() {
        peek();
        std::size_t value = 0;
        const char* const begin = text_.data() + at_;
        const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), value);
        if (failure != std::errc()) error("a size that fits 64 bits");
        at_ += static_cast<std::size_t>(end - begin);
        if (text_.substr(at_, 1) == "L") ++at_;  // Python 2 wrote long integers so
        return value;
    }

    std::string string(const char* wanted) {
        const char quote = peek();
        if (quote != '\'' && quote != '"') error(wanted);
        const std::size_t end = text_.find(quote, ++at_);
        if (end == std::string_view::npos) error("a closing quote");
        const std::string value(text_.substr(at_, end - at_));
        at_ = end + 1;
        return value;
    }

    /// The next character that is no white space, or NUL at the end.
    char peek() {
        at_ = std::min(text_.find_first_not_of(" \n", at_), text_.size());
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    bool accept(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }

    void expect(char c) {
        if (!accept(c)) error(std::string("'") + c + "'");
    }

    [[noreturn]] void error(const std::string& wanted) {
        fail(path_, ": byte ", at_, " of the header text: expected ", wanted);
    }

    const std::string& path_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::optional<std::string> descr_;
    std::optional<bool> fortran_order_;
    std::optional<std::vector<std::size_t>> shape_;
};

}  // namespace

NpyHeader parse_npy_header(const std::string& path, std::string_view text) { return Parser(path, text).parse(); }

std::string npy_preamble(std::string_view descr, std::span<const std::size_t> shape) {
    std::string text =
        "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
    const std::size_t before = 10;  // magic, version and the length of the text
    text.append(kAlignment - 1 - (before + text.size()) % kAlignment, ' ');
    text += '\n';
    std::string preamble = "\x93NUMPY\x01";
    preamble += '\0';
    preamble += static_cast<char>(text.size() & 0xff);
    preamble += static_cast<char>(text.size() >> 8);
    return preamble + text;
}

}  // namespace rowpool::tools
