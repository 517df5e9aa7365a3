// From the arguments of a Python call to a call of the library and back.
#include "python/pooling.hpp"

#include <functional>
#include <span>
#include <string>

#include "python/arrays.hpp"
#include "python/errors.hpp"

namespace rowpool::python {
namespace {

namespace nb = nanobind;

[[noreturn]] void invalid(std::string message) { raise({ErrorCode::invalid_argument, std::move(message)}); }

/// An optional array of the call, which holds its memory.
struct Given {
    Given(nb::handle object, const char* name) : argument(name) {
        if (!object.is_none()) array = take_array(object, name);
    }

    explicit operator bool() const noexcept { return array.is_valid(); }
    IndexSpan indices() const { return index_values(array, argument); }
    std::span<const float> weights() const { return *this ? float_values(array, argument) : std::span<const float>(); }
    std::span<const std::byte> bytes() const {
        return {static_cast<const std::byte*>(array.data()), array.size() * array.itemsize()};
    }

    const char* argument;
    Array array;
};

/// Indices are checked before rows are read by them: results over them would undo that.
void check_apart(const Destination& out, std::span<const std::byte> input, const char* argument) {
    const std::less<> before;
    if (out.bytes.empty() || input.empty()) return;
    if (!before(out.bytes.data(), input.data() + input.size()) ||
        !before(input.data(), out.bytes.data() + out.bytes.size())) {
        return;
    }
    invalid(std::string("out: shares memory with ") + argument);
}

void check_apart(const Destination& out, const Given& input) {
    if (input) check_apart(out, input.bytes(), input.argument);
}

void check_apart(const Destination& out, const Table& table) {
    const std::size_t rows = table.rows();
    const std::size_t bytes = rows == 0 ? 0 : (rows - 1) * table.row_stride() + row_bytes(table.format(), table.dim());
    check_apart(out, {table.data(), bytes}, "a table");
}

Bags make_bags(const Given& indices, const Given& offsets, const Given& lengths, const Given& weights, Pooling mode) {
    if (offsets && lengths) invalid("offsets and lengths: give one of them");
    if (offsets) return {indices.indices(), offsets.indices(), weights.weights()};
    if (lengths) return Bags::lengths(indices.indices(), lengths.indices(), weights.weights());
    if (mode != Pooling::none) invalid("offsets or lengths are missing; without bags the mode is none");
    if (weights) invalid("weights: a plain lookup takes none");
    return Bags::rows(indices.indices());
}

}  // namespace

nb::object pool_table(const Engine* engine, const HeldTable& held, const PoolArguments& arguments) {
    const Given indices(arguments.indices, "indices"), offsets(arguments.offsets, "offsets"),
        lengths(arguments.lengths, "lengths"), weights(arguments.weights, "weights");
    const PoolOptions options = {.mode = pooling_of(arguments.mode)};
    const Bags bags = make_bags(indices, offsets, lengths, weights, options.mode);
    Destination out = destination(arguments.out, bags.num_bags(), held.table.dim());
    for (const Given* input : {&indices, &offsets, &lengths, &weights}) check_apart(out, *input);
    check_apart(out, held.table);
    PoolStatus status;
    {
        const nb::gil_scoped_release unlocked;
        status = engine != nullptr ? engine->pool(held.table, bags, options, out.output)
                                   : pool(held.table, bags, options, out.output);
    }
    check(status);
    return std::move(out.object);
}

nb::object pool_request(const Engine& engine, const HeldModel& held, nb::handle indices_object,
                        nb::handle offsets_object, nb::handle weights_object, nb::handle out_object) {
    const Given indices(indices_object, "indices"), offsets(offsets_object, "offsets"),
        weights(weights_object, "weights");
    const Request request = {indices.indices(), offsets.indices(), weights.weights()};
    const std::size_t batch = request.offsets.empty() ? 0 : (request.offsets.size() - 1) / held.model.features().size();
    Destination out = destination(out_object, batch, held.model.total_dim());
    for (const Given* input : {&indices, &offsets, &weights}) check_apart(out, *input);
    for (const HeldTable& table : held.tables) check_apart(out, table.table);
    PoolStatus status;
    {
        const nb::gil_scoped_release unlocked;
        status = engine.pool(held.model, request, out.output);
    }
    check(status);
    return std::move(out.object);
}

}  // namespace rowpool::python
