// Which tensors of an input are codes, and which beside them hold their scales: told by names and shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rowpool/types.hpp"
#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/reading.hpp"

namespace rowpool::tools {

/// A tensor that may be codes, or what codes are multiplied by.
struct CodePart {
    std::string name;
    std::string type;                  ///< as its format spells it
    std::vector<std::uint64_t> shape;  ///< of at most two dimensions
    std::optional<Element> element;    ///< nothing for what is not read
    std::function<Matrix()> matrix;    ///< its elements; a vector is a column, a single number a vector of one
};

/// Whether a tensor of that name may say what the codes of another one stand for.
bool may_be_scale(std::string_view name);

/// Codes of one byte among the tensors of an input, each with its scales. Immutable once made.
class ScaledTensors {
public:
    /// Of tensors that may be in several files: all that may be codes or scales, no two of one name.
    explicit ScaledTensors(std::vector<CodePart> tensors);
    ScaledTensors(const ScaledTensors&) = delete;
    ScaledTensors& operator=(const ScaledTensors&) = delete;

    /// Whether a tensor is the scale, zero point or bias of codes that make a table: it is no table of its own.
    bool is_part(std::string_view name) const { return parts_.contains(name); }

    /// Why codes with that name are no table; empty for a table, nothing for what has no scales and needs some.
    std::optional<std::string> reason(std::string_view name) const;

    /// The table of the codes of that name, for which there is no reason to be none. 8-bit floating point and integers
    /// become f32; TorchRec's rows keep their codes and become rows of `packed`, or else of 8 bits, which is noted.
    std::unique_ptr<Source> source(std::string_view name, const std::string& file, std::optional<RowFormat> packed,
                                   Reading& reading) const;

    /// Whether the codes of that name are rows of TorchRec, which --packed may say the format of.
    bool are_rows(std::string_view name) const;

private:
    /// Scales that codes may have, by one rule for names.
    struct Candidate {
        const CodePart* scales = nullptr;
        const CodePart* zero_points = nullptr;
        bool by_blocks = false;
    };
    /// Codes with their scales, or why there are none.
    struct Codes {
        const CodePart* codes = nullptr;
        const CodePart* scales = nullptr;
        const CodePart* zero_points = nullptr;
        const CodePart* biases = nullptr;
        std::size_t block_rows = 0;
        std::size_t block_columns = 0;
        std::string reason;
    };

    const CodePart* find(const std::string& name) const;
    std::vector<Candidate> candidates(const CodePart& codes) const;
    std::optional<Codes> pair(const CodePart& codes) const;
    Codes pair_rows(const CodePart& codes) const;
    void pair_blocks(Codes& found, bool by_blocks) const;
    const CodePart* stranger(const Codes& found) const;
    std::unique_ptr<Source> coded_rows(const Codes& found, const std::string& file, std::optional<RowFormat> packed,
                                       Reading& reading) const;

    std::vector<CodePart> tensors_;
    std::map<std::string_view, const CodePart*> by_name_;
    std::map<std::string_view, Codes> codes_;
    std::set<const CodePart*> claimed_;  ///< what by its name belongs to some codes
    std::set<std::string_view> parts_;
};

}  // namespace rowpool::tools
