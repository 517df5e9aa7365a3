// A table whose rows can change: owned memory, made and initialised here or copied from a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"
#include "rowpool_train/workers.hpp"

namespace rowpool::train {

/// What the rows of a new table are.
enum class Initial : std::uint8_t {
    normal,   ///< independent numbers with mean 0 and variance 1: torch.nn.Embedding and EmbeddingBag
    uniform,  ///< independent numbers between -sqrt(1 / rows) and sqrt(1 / rows): TorchRec's BaseEmbeddingConfig
    zeros,
};

struct TableOptions {
    std::size_t num_embeddings = 0;     ///< rows; may be 0, at most 2^32 - 1
    std::size_t embedding_dim = 0;      ///< columns: 1 to kMaxDim
    RowFormat format = RowFormat::f32;  ///< f32, f16 or bf16; arithmetic is in f32
    /// Row that is zeroed at the start, left out of bags, and gets no gradient; a negative one counts from the end.
    std::optional<std::int64_t> padding_idx = {};
    Initial initial = Initial::normal;
    std::uint64_t seed = 0;  ///< a row depends on the seed and its number alone: not on threads or CPU
};

/// How a table begins from the rows of another.
struct PretrainedOptions {
    std::optional<std::int64_t> padding_idx = {};  ///< as in TableOptions; that of the other table if not given
    std::optional<RowFormat> format = {};  ///< that of the other table if not given, f32 where its rows are coded
    Initial initial = Initial::normal;     ///< of rows that grow() adds
    std::uint64_t seed = 0;
};

/// Rows that training changes. A handle: copies share the rows. What changes rows is EmbeddingBag::forward() with
/// max_norm, Optimizer, and the non-const members; no other call, lookups included, may use the table meanwhile.
class ROWPOOL_API MutableTable {
public:
    // Handles are copied and never moved from: each is always a table.
    MutableTable(const MutableTable&) noexcept = default;
    MutableTable& operator=(const MutableTable&) noexcept = default;

    /// A table with initialised rows.
    /// Errors: invalid_argument when a table file cannot have the name (see check_table_name()), there are too many
    /// rows, embedding_dim is not 1 to kMaxDim, the format is coded, or padding_idx is not within [-rows, rows);
    /// out_of_memory; unsupported_isa.
    static Result<MutableTable> create(std::string name, const TableOptions& options, const Workers& workers = {});

    /// A table with the rows of another one as they are, padding row included (torch.nn.Embedding.from_pretrained). The
    /// rows are copied, and rounded to nearest where the format is another one.
    /// Errors: as create(); invalid_argument when the table has a remap, or values that another format cannot hold.
    static Result<MutableTable> from_pretrained(const Table& rows, const PretrainedOptions& options = {});

    std::string_view name() const noexcept;
    std::size_t rows() const noexcept;
    std::size_t dim() const noexcept;
    RowFormat format() const noexcept;
    /// In [0, rows).
    std::optional<std::int64_t> padding_idx() const noexcept;

    /// The table for the runtime's calls, such as rowpool::pool and Model::create. It sees changes of rows. It and its
    /// copies are valid until grow() or Optimizer::load(), and no longer than there is a handle of this table.
    Table view() const noexcept;

    /// The bytes of all rows, without gaps; valid as view() is. Whoever changes some says so with touch().
    std::span<std::byte> bytes() noexcept;
    std::span<const std::byte> bytes() const noexcept;

    /// Makes the table larger: new rows are those that create() gives a table of that size, rows that there are stay.
    /// Takes time in proportion to the new rows, and now and then, as a std::vector does, to all. Views of the table
    /// end. An Optimizer of this table grows its state at its next step.
    /// Errors: invalid_argument when num_embeddings is below rows() or too large; out_of_memory: then nothing changes.
    Status grow(std::size_t num_embeddings, const Workers& workers = {});

    /// Rows that were changed, or added, since the table was created or clear_touched() was called; ascending.
    std::vector<std::size_t> touched() const;
    /// Whether a row is one of them; false for what is no row.
    bool is_touched(std::size_t row) const noexcept;
    /// Marks a row; nothing happens for what is no row.
    void touch(std::size_t row) noexcept;
    void clear_touched() noexcept;

private:
    friend struct TableAccess;
    struct ROWPOOL_LOCAL State;
    ROWPOOL_LOCAL explicit MutableTable(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace rowpool::train
