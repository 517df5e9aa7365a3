// The kernels of training for one instruction set, compiled once per set. Plain loops, which the compiler vectorizes:
// every operation is rounded by itself, so that all sets give the same bits. Only the table has external linkage.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/half.hpp"
#include "training/kernels/training_kernels.hpp"

#define ROWPOOL_CONCAT_(a, b) a##b
#define ROWPOOL_CONCAT(a, b) ROWPOOL_CONCAT_(a, b)
#define ROWPOOL_STRINGIFY_(a) #a
#define ROWPOOL_STRINGIFY(a) ROWPOOL_STRINGIFY_(a)

namespace rowpool::train::kernels {
namespace {

constexpr std::size_t kLanes = 16;
/// Lookups ahead of the current one whose row and gradient are asked for, and the bytes of each that are: what follows
/// is fetched by the hardware.
constexpr std::size_t kAhead = 8;
constexpr std::size_t kFetchedBytes = 512;
constexpr std::size_t kLine = 64;

float sum_of(const float (&lanes)[kLanes]) noexcept {
    float sums[kLanes];
    std::memcpy(sums, lanes, sizeof sums);
    for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
        for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    return sums[0];
}

float dot(const float* a, const float* b, std::size_t dim) noexcept {
    float lanes[kLanes] = {};
    std::size_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) lanes[i] += a[d + i] * b[d + i];
    }
    for (std::size_t i = 0; d + i < dim; ++i) lanes[i] += a[d + i] * b[d + i];
    return sum_of(lanes);
}

std::size_t find_non_finite(const float* values, std::size_t count) noexcept {
    constexpr std::size_t kBlock = 1024;
    constexpr std::uint32_t kExponent = 0x7f800000;
    for (std::size_t first = 0; first < count; first += kBlock) {
        const std::size_t last = count - first < kBlock ? count : first + kBlock;
        std::uint32_t found = 0;
        for (std::size_t i = first; i < last; ++i) found |= (bits_of(values[i]) & kExponent) == kExponent ? 1u : 0u;
        for (std::size_t i = first; found != 0 && i < last; ++i) {
            if ((bits_of(values[i]) & kExponent) == kExponent) return i;
        }
    }
    return count;
}

// --- Gradients -------------------------------------------------------------------------------------------------------

std::size_t bag_of(const Terms& terms, std::uint32_t place) noexcept {
    return terms.bags != nullptr ? terms.bags[place] : place;
}

/// What the gradient of a lookup's bag is multiplied with.
float factor_of(const Terms& terms, std::uint32_t place) noexcept {
    const float factor = terms.bag_factors != nullptr ? terms.bag_factors[bag_of(terms, place)] : 1.0f;
    return terms.weights != nullptr ? factor * terms.weights[place] : factor;
}

void add_term(const Terms& terms, std::uint32_t place, float factor, float* __restrict out) noexcept {
    const std::size_t bag = bag_of(terms, place) * terms.dim;
    const float* __restrict grads = terms.grads + bag;
    if (terms.winners == nullptr) {
        for (std::size_t d = 0; d < terms.dim; ++d) out[d] += factor * grads[d];
        return;
    }
    const std::uint32_t* __restrict winners = terms.winners + bag;
    for (std::size_t d = 0; d < terms.dim; ++d) out[d] += winners[d] == place ? factor * grads[d] : 0.0f;
}

void sum_terms(const Terms& terms, const Lookup* lookups, std::size_t count, float* out) noexcept {
    const float share = terms.divides_by_count && count > 0 ? 1.0f / static_cast<float>(count) : 1.0f;
    std::memset(out, 0, terms.dim * sizeof(float));
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t place = place_of(lookups[i]);
        add_term(terms, place, share * factor_of(terms, place), out);
    }
}

// --- Rows ------------------------------------------------------------------------------------------------------------

/// A hash of 32 bits (C. Wellons, "Prospecting for hash functions", lowbias32).
std::uint32_t mixed(std::uint32_t x) noexcept {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

/// To a neighbour, each with the probability that makes the mean exact. `random` has 32 random bits.
std::uint16_t f32_to_bf16_stochastically(float value, std::uint32_t random) noexcept {
    const std::uint32_t bits = bits_of(value);
    const bool has_neighbours = (bits & 0x7fffffff) < 0x7f7f0000;  // from the largest finite one on, one is infinity
    return has_neighbours ? static_cast<std::uint16_t>((bits + (random >> 16)) >> 16) : f32_to_bf16(value);
}

/// The same. From 65,504 on values are rounded to nearest: their other neighbour is infinity.
std::uint16_t f32_to_f16_stochastically(float value, std::uint32_t random) noexcept {
    const std::uint32_t bits = bits_of(value) & 0x7fffffff;
    const std::uint32_t sign = bits_of(value) >> 16 & 0x8000;
    const float below_one = static_cast<float>(random >> 18) * 0x1p-14f;  // its sum with up to 1,024 is exact
    const std::uint32_t kept = bits < 0x38800000 ? bits : 0;              // below 2^-14 halves are 2^-24 apart
    const auto subnormal = static_cast<std::uint32_t>(float_from_bits(kept) * 0x1p24f + below_one);
    const std::uint32_t normal = (bits + (random >> 19) - (112u << 23)) >> 13;
    const std::uint32_t half = bits < 0x38800000 ? subnormal : normal;
    return bits >= 0x477fe000 ? f32_to_f16(value) : static_cast<std::uint16_t>(half | sign);
}

std::byte* row_at(const Rows& rows, std::size_t row) noexcept {
    return rows.data + row * rows.dim * (rows.format == RowFormat::f32 ? 4 : 2);
}

void load_row(const Rows& rows, std::size_t row, float* __restrict out) noexcept {
    if (rows.format == RowFormat::f32) {
        std::memcpy(out, row_at(rows, row), rows.dim * sizeof(float));
        return;
    }
    const auto* __restrict halves = reinterpret_cast<const std::uint16_t*>(row_at(rows, row));
    if (rows.format == RowFormat::f16) {
        for (std::size_t d = 0; d < rows.dim; ++d) out[d] = f16_to_f32(halves[d]);
    } else {
        for (std::size_t d = 0; d < rows.dim; ++d) out[d] = bf16_to_f32(halves[d]);
    }
}

/// The random bits of a row's columns come from this and the column.
std::uint32_t rounding_key(const Rows& rows, std::size_t row) noexcept {
    const std::uint64_t key = (rows.rounding_key ^ row) * 0x9e3779b97f4a7c15;
    return mixed(static_cast<std::uint32_t>(key >> 32) ^ static_cast<std::uint32_t>(key));
}

void store_row(const Rows& rows, std::size_t row, const float* __restrict values) noexcept {
    if (rows.format == RowFormat::f32) {
        std::memcpy(row_at(rows, row), values, rows.dim * sizeof(float));
        return;
    }
    auto* __restrict halves = reinterpret_cast<std::uint16_t*>(row_at(rows, row));
    const std::uint32_t key = rounding_key(rows, row);
    const auto dim = static_cast<std::uint32_t>(rows.dim);
    if (rows.format == RowFormat::f16 && rows.rounds_stochastically) {
        for (std::uint32_t d = 0; d < dim; ++d) halves[d] = f32_to_f16_stochastically(values[d], mixed(key + d));
    } else if (rows.format == RowFormat::f16) {
        for (std::uint32_t d = 0; d < dim; ++d) halves[d] = f32_to_f16(values[d]);
    } else if (rows.rounds_stochastically) {
        for (std::uint32_t d = 0; d < dim; ++d) halves[d] = f32_to_bf16_stochastically(values[d], mixed(key + d));
    } else {
        for (std::uint32_t d = 0; d < dim; ++d) halves[d] = f32_to_bf16(values[d]);
    }
}

// --- Updates ---------------------------------------------------------------------------------------------------------

void apply_sgd(const Update& update, std::size_t row, std::size_t dim, const float* __restrict grad,
               float* __restrict values) noexcept {
    if (update.first == nullptr) {
        for (std::size_t d = 0; d < dim; ++d) values[d] -= update.rate * (grad[d] + update.weight_decay * values[d]);
        return;
    }
    float* __restrict momenta = update.first + row * dim;
    for (std::size_t d = 0; d < dim; ++d) {
        momenta[d] = update.momentum * momenta[d] + (grad[d] + update.weight_decay * values[d]);
        values[d] -= update.rate * momenta[d];
    }
}

void apply_adagrad(const Update& update, std::size_t row, std::size_t dim, const float* __restrict grad,
                   float* __restrict values) noexcept {
    float* __restrict squares = update.first + row * dim;
    for (std::size_t d = 0; d < dim; ++d) {
        const float g = grad[d] + update.weight_decay * values[d];
        squares[d] += g * g;
        values[d] -= update.rate * (g / (__builtin_sqrtf(squares[d]) + update.eps));
    }
}

void apply_row_wise_adagrad(const Update& update, std::size_t row, std::size_t dim, float* __restrict grad,
                            float* __restrict values) noexcept {
    if (update.weight_decay != 0) {
        for (std::size_t d = 0; d < dim; ++d) grad[d] += update.weight_decay * values[d];
    }
    float& square = update.first[row];
    square += dot(grad, grad, dim) / static_cast<float>(dim);
    const float rate = update.rate / (__builtin_sqrtf(square) + update.eps);
    for (std::size_t d = 0; d < dim; ++d) values[d] -= rate * grad[d];
}

void apply_sparse_adam(const Update& update, std::size_t row, std::size_t dim, const float* __restrict grad,
                       float* __restrict values) noexcept {
    float* __restrict means = update.first + row * dim;
    float* __restrict squares = update.second + row * dim;
    for (std::size_t d = 0; d < dim; ++d) {
        means[d] += (grad[d] - means[d]) * update.mean_share;
        squares[d] += (grad[d] * grad[d] - squares[d]) * update.square_share;
        values[d] -= update.rate * (means[d] / (__builtin_sqrtf(squares[d]) + update.eps));
    }
}

/// Updates decoded values by their gradient, which it may overwrite.
void apply(const Update& update, std::size_t row, std::size_t dim, float* grad, float* values) noexcept {
    switch (update.rule) {
        case Rule::sgd:
            return apply_sgd(update, row, dim, grad, values);
        case Rule::adagrad:
            return apply_adagrad(update, row, dim, grad, values);
        case Rule::row_wise_adagrad:
            return apply_row_wise_adagrad(update, row, dim, grad, values);
        case Rule::sparse_adam:
            return apply_sparse_adam(update, row, dim, grad, values);
    }
}

void update_row(const Rows& rows, const Update& update, const Terms& terms, std::size_t row, const Lookup* lookups,
                std::size_t count, float* buffer) noexcept {
    sum_terms(terms, lookups, count, buffer);
    if (rows.format == RowFormat::f32) {  // in place; rows of floats are aligned
        return apply(update, row, rows.dim, buffer, reinterpret_cast<float*>(row_at(rows, row)));
    }
    float* const values = buffer + rows.dim;
    load_row(rows, row, values);
    apply(update, row, rows.dim, buffer, values);
    store_row(rows, row, values);
}

void fetch(const void* bytes, std::size_t size) noexcept {
    const std::size_t fetched = size < kFetchedBytes ? size : kFetchedBytes;
    for (std::size_t at = 0; at < fetched; at += kLine)
        __builtin_prefetch(static_cast<const std::byte*>(bytes) + at, 1);
}

void fetch_lookup(const Rows& rows, const Update& update, const Terms& terms, Lookup lookup) noexcept {
    const std::size_t row = row_of(lookup), bytes = rows.dim * sizeof(float);
    fetch(row_at(rows, row), rows.format == RowFormat::f32 ? bytes : bytes / 2);
    fetch(terms.grads + bag_of(terms, place_of(lookup)) * terms.dim, bytes);
    if (update.rule == Rule::row_wise_adagrad) return fetch(update.first + row, sizeof(float));
    if (update.first != nullptr) fetch(update.first + row * rows.dim, bytes);
    if (update.second != nullptr) fetch(update.second + row * rows.dim, bytes);
}

void update_looked_up(const Rows& rows, const Update& update, const Terms& terms, const Lookup* lookups,
                      std::size_t count, float* buffer) noexcept {
    for (std::size_t i = 0; i < count && i < kAhead; ++i) fetch_lookup(rows, update, terms, lookups[i]);
    for (std::size_t first = 0, last = 0; first < count; first = last) {
        const std::size_t row = row_of(lookups[first]);
        for (; last < count && row_of(lookups[last]) == row; ++last) {
            if (last + kAhead < count) fetch_lookup(rows, update, terms, lookups[last + kAhead]);
        }
        update_row(rows, update, terms, row, lookups + first, last - first, buffer);
    }
}

void update_all(const Rows& rows, const Update& update, const Terms& terms, const Lookup* lookups, std::size_t count,
                std::size_t first_row, std::size_t last_row, float* buffer) noexcept {
    std::size_t first = 0, last = 0;
    for (std::size_t row = first_row; row < last_row; ++row, first = last) {
        while (last < count && row_of(lookups[last]) == row) ++last;
        update_row(rows, update, terms, row, lookups + first, last - first, buffer);
    }
}

}  // namespace

extern const TrainingKernels ROWPOOL_CONCAT(training_kernels_, ROWPOOL_KERNEL_ISA);
const TrainingKernels ROWPOOL_CONCAT(training_kernels_, ROWPOOL_KERNEL_ISA) = {
    ROWPOOL_STRINGIFY(ROWPOOL_KERNEL_ISA),
    sum_terms,
    update_looked_up,
    update_all,
    load_row,
    store_row,
    dot,
    find_non_finite,
};

}  // namespace rowpool::train::kernels
