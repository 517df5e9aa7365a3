// A call of pool() that the bytes make up: a wrong one is refused and leaves its output alone, a right one gives what
// the reference gives, and so do the kernels of every instruction set.
#include <algorithm>

#include "cpu/dispatch.hpp"
#include "tests/fuzz/made_call.hpp"
#include "tests/fuzz/target.hpp"

namespace rowpool::fuzz {
namespace {

constexpr std::byte kSentry{0xab};

/// Calls pool() with an output of T that ends where its buffer does.
template <class T>
PoolStatus pool_into(const MadeCall& call, const Table& table, std::vector<std::byte>& bytes) {
    const std::span<T> values(reinterpret_cast<T*>(bytes.data()), call.out_size);
    return pool(table, call.bags(), call.options(), Output(values, call.out_stride, call.out_column));
}

PoolStatus pool_call(const MadeCall& call, std::vector<std::byte>& out) {
    const auto table = Table::view(
        "t", {.format = call.made.format, .rows = call.made.rows, .dim = call.made.dim, .row_stride = call.made.stride},
        call.made.bytes, call.made.reference.remap);
    require(bool(table), "made tables are right");
    if (call.form.type == OutputType::f16) return pool_into<Float16>(call, *table, out);
    if (call.form.type == OutputType::bf16) return pool_into<BFloat16>(call, *table, out);
    return pool_into<float>(call, *table, out);
}

/// What a right call leaves in its output.
std::vector<std::byte> expected_of(const MadeCall& call, const test::ReferenceResult& result,
                                   std::vector<std::byte> out) {
    const std::size_t item = test::element_bytes(call.form.type);
    const std::vector<std::byte> values = test::encode_output(result.values, call.form.type);
    const std::size_t row = call.made.dim * item;
    for (std::size_t b = 0; b * row < values.size(); ++b) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(b * row);
        std::copy_n(begin, row,
                    out.begin() + static_cast<std::ptrdiff_t>((call.out_column + b * call.out_stride) * item));
    }
    return out;
}

void check_kernels(const MadeCall& call, const test::ReferenceBags& bags) {
    test::CallForm form = call.form;
    if (form.mode == Pooling::none) form.padding.reset();  // a plain lookup has none
    form.filtering = form.padding || call.on_bad_index == OnBadIndex::skip || !call.made.reference.remap.empty();
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        for (const test::Guard guard : {test::Guard::after, test::Guard::before}) {
            form.guard = guard;
            const std::string difference = test::KernelCall(call.made, bags, form).difference(*kernels);
            require(difference.empty(), difference);
        }
    }
}

}  // namespace

void run(std::span<const std::byte> bytes) {
    Choices choices(bytes);
    const MadeCall call(choices);
    const std::vector<std::byte> before(call.out_size * test::element_bytes(call.form.type), kSentry);
    std::vector<std::byte> out = before;
    const PoolStatus status = pool_call(call, out);
    require(bool(status) == call.is_right(), status.message());
    if (!status) return require(out == before, "a refused call leaves its output alone");
    const test::ReferenceBags bags = {call.indices, *call.offsets(), call.weights};
    const auto result =
        test::reference_pool(call.made.reference, bags, {call.form.mode, call.form.padding, call.form.divisor});
    require(status.skipped == result.skipped, "skipped indices are counted");
    require(out == expected_of(call, result, before), "pool() gives what the reference gives");
    check_kernels(call, bags);
}

}  // namespace rowpool::fuzz
