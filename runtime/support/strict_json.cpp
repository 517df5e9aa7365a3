// Builds a JSON document from parser events, so that duplicate keys and depth are checked during parsing.
#include "support/strict_json.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "support/text.hpp"

namespace rowpool::support {
namespace {

using Json = nlohmann::json;

Error corrupt(std::string message) { return {ErrorCode::corrupt_file, std::move(message)}; }

// The events of nlohmann::json::sax_parse; each returns whether to continue.
class Builder {
public:
    Builder(std::size_t max_depth, std::size_t longest_list) : max_depth_(max_depth), longest_list_(longest_list) {}

    bool null() { return add(nullptr); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(std::int64_t value) { return add(value); }
    bool number_unsigned(std::uint64_t value) { return add(value); }
    bool number_float(double value, const std::string&) { return add(value); }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(Json::binary_t&) { return false; }  // does not occur in text
    bool start_object(std::size_t) { return open(Json::object()); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        if (open_.back()->contains(name)) return fail("has the key " + printable(name) + " twice");
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t bytes_read, const std::string&, const nlohmann::json::exception&) {
        return fail("is not JSON at its byte " + std::to_string(bytes_read == 0 ? 0 : bytes_read - 1));
    }

    Json& root() noexcept { return root_; }
    const std::string& fault() const noexcept { return fault_; }

private:
    // Inserts a value into the innermost open container and returns its address, which is valid until the container
    // gets another value.
    Json* place(Json value) {
        if (open_.empty()) return &(root_ = std::move(value));
        Json& parent = *open_.back();
        if (parent.is_object()) return &(parent[key_] = std::move(value));
        parent.push_back(std::move(value));
        return &parent.back();
    }

    bool has_room() {
        const bool full = !open_.empty() && open_.back()->is_array() && open_.back()->size() == longest_list_;
        return !full || fail("has a list of over " + std::to_string(longest_list_) + " elements");
    }

    bool add(Json value) {
        if (!has_room()) return false;
        place(std::move(value));
        return true;
    }

    bool open(Json value) {
        if (open_.size() == max_depth_) return fail("is nested too deeply");
        if (!has_room()) return false;
        open_.push_back(place(std::move(value)));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    bool fail(std::string message) {
        fault_ = std::move(message);
        return false;
    }

    std::size_t max_depth_;
    std::size_t longest_list_;
    Json root_;
    std::vector<Json*> open_;  // the open objects and arrays, outermost first
    std::string key_;
    std::string fault_;
};

}  // namespace

Result<Json> parse_strict_json(std::string_view text, std::size_t max_depth, std::size_t longest_list) {
    const std::size_t bad_utf8 = find_invalid_utf8(text);
    if (bad_utf8 != text.npos) return corrupt("is not UTF-8 at its byte " + std::to_string(bad_utf8));
    // The parser takes a NUL for the end of the text and would ignore what follows it.
    const std::size_t nul = text.find('\0');
    if (nul != text.npos) return corrupt("is not JSON at its byte " + std::to_string(nul));
    Builder builder(max_depth, longest_list);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) return corrupt(builder.fault());
    return std::move(builder.root());
}

}  // namespace rowpool::support
