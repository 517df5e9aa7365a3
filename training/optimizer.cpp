// Steps of optimizers.
#include "rowpool_train/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "support/boundary.hpp"
#include "training/active_kernels.hpp"
#include "training/gradients.hpp"
#include "training/lookups.hpp"
#include "training/optimizer_state.hpp"

namespace rowpool::train {
namespace {

/// Lookups that are worth a part of a step, and values of a dense one.
constexpr std::size_t kLeastLookups = 512;
constexpr std::size_t kLeastValues = 32 << 10;

template <class... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

/// Settings are used as floats.
Status check_setting(const char* name, double value, double limit = HUGE_VAL) {
    if (value >= 0 && value < limit && std::isfinite(static_cast<float>(value))) return {};
    return invalid(std::string(name) + ' ' + std::to_string(value) + " is not in [0, " +
                   (std::isinf(limit) ? "infinity" : std::to_string(limit)) + "), as an f32");
}

Status check_positive(const char* name, double value) {
    if (static_cast<float>(value) > 0) return check_setting(name, value);
    return invalid(std::string(name) + ' ' + std::to_string(value) + " is not above 0, as an f32");
}

/// The first that is not ok.
Status first_error(std::initializer_list<Status> all) {
    for (const Status& status : all) {
        if (!status) return status;
    }
    return {};
}

Status check_rule(const OptimizerRule& rule) {
    return std::visit(
        Overloaded{[](const Sgd& r) {
                       return first_error({check_setting("lr", r.lr), check_setting("momentum", r.momentum),
                                           check_setting("weight_decay", r.weight_decay)});
                   },
                   [](const Adagrad& r) {
                       return first_error({check_setting("lr", r.lr), check_setting("lr_decay", r.lr_decay),
                                           check_setting("weight_decay", r.weight_decay),
                                           check_setting("initial_accumulator_value", r.initial_accumulator_value),
                                           check_setting("eps", r.eps)});
                   },
                   [](const RowWiseAdagrad& r) {
                       return first_error({check_setting("lr", r.lr), check_setting("weight_decay", r.weight_decay),
                                           check_setting("eps", r.eps)});
                   },
                   [](const SparseAdam& r) {
                       return first_error({check_setting("lr", r.lr), check_setting("beta1", r.beta1, 1),
                                           check_setting("beta2", r.beta2, 1), check_positive("eps", r.eps)});
                   }},
        rule);
}

Status check_gradient(const MutableTable& table, const Gradient& gradient, const Loops& loops) {
    const std::size_t dim = table.dim(), rows = gradient.is_sparse ? gradient.rows.size() : table.rows();
    if (!gradient.is_sparse && !gradient.rows.empty()) return invalid("a dense gradient that lists rows");
    if (gradient.values.size() != rows * dim) {
        return invalid("a gradient of " + std::to_string(gradient.values.size()) + " values for " +
                       std::to_string(rows) + " rows of " + std::to_string(dim) + " columns");
    }
    for (std::size_t i = 0; i < gradient.rows.size(); ++i) {
        const std::size_t row = gradient.rows[i];
        if (row >= table.rows()) {
            return Error{ErrorCode::index_out_of_range, "row " + std::to_string(row) + " of the gradient, at " +
                                                            std::to_string(i) + ", is not in [0, " +
                                                            std::to_string(table.rows()) + ")"};
        }
        if (i > 0 && row <= gradient.rows[i - 1]) {
            return invalid("row " + std::to_string(row) + " of the gradient, at " + std::to_string(i) +
                           ", is not above the one before it");
        }
    }
    return check_finite(gradient.values, loops, [&](std::size_t at) {
        const std::size_t row = gradient.is_sparse ? gradient.rows[at / dim] : at / dim;
        return "the gradient of row " + std::to_string(row) + ", column " + std::to_string(at % dim);
    });
}

/// What a step does in double precision, once.
kernels::Update update_of(const OptimizerRule& rule, double steps) {
    kernels::Update update;
    const auto set = [&](kernels::Rule kind, double rate, double weight_decay, double eps) {
        update.rule = kind;
        update.rate = static_cast<float>(rate);
        update.weight_decay = static_cast<float>(weight_decay);
        update.eps = static_cast<float>(eps);
    };
    std::visit(
        Overloaded{[&](const Sgd& r) {
                       set(kernels::Rule::sgd, r.lr, r.weight_decay, 0);
                       update.momentum = static_cast<float>(r.momentum);
                   },
                   [&](const Adagrad& r) {
                       set(kernels::Rule::adagrad, r.lr / (1 + (steps - 1) * r.lr_decay), r.weight_decay, r.eps);
                   },
                   [&](const RowWiseAdagrad& r) { set(kernels::Rule::row_wise_adagrad, r.lr, r.weight_decay, r.eps); },
                   [&](const SparseAdam& r) {
                       const double corrected =
                           std::sqrt(1 - std::pow(r.beta2, steps)) / (1 - std::pow(r.beta1, steps));
                       set(kernels::Rule::sparse_adam, r.lr * corrected, 0, r.eps);
                       update.mean_share = static_cast<float>(1 - r.beta1);
                       update.square_share = static_cast<float>(1 - r.beta2);
                   }},
        rule);
    return update;
}

}  // namespace

std::array<Moment, 2> Optimizer::State::moments_of(const OptimizerRule& rule) noexcept {
    using Moments = std::array<Moment, 2>;
    return std::visit(
        Overloaded{[](const Sgd& r) { return r.momentum == 0 ? Moments{} : Moments{Moment{"momentum_buffer"}}; },
                   [](const Adagrad& r) {
                       return Moments{
                           Moment{.name = "sum", .initial = static_cast<float>(r.initial_accumulator_value)}};
                   },
                   [](const RowWiseAdagrad&) { return Moments{Moment{.name = "row_sum", .is_per_row = true}}; },
                   [](const SparseAdam&) {
                       return Moments{Moment{"exp_avg"}, Moment{"exp_avg_sq"}};
                   }},
        rule);
}

std::size_t Optimizer::State::moment_bytes(const Moment& moment, std::size_t num_rows) const noexcept {
    if (moment.name.empty()) return 0;
    return num_rows * moment_dim(moment) * sizeof(float);
}

Status Optimizer::State::grow_moments() {
    const std::size_t wanted = table.rows();
    if (wanted == rows) return {};
    const auto moments = moments_of(rule);
    for (std::size_t m = 0; m < moments.size(); ++m) {
        const std::size_t before = moment_bytes(moments[m], rows), after = moment_bytes(moments[m], wanted);
        auto larger = memories[m].with_room(before, after);
        if (!larger) return larger.error();
        if (larger->size() > 0) memories[m] = std::move(*larger);
        if (moments[m].initial == 0) continue;
        float* const numbers = memories[m].as<float>();
        std::fill(numbers + before / sizeof(float), numbers + after / sizeof(float), moments[m].initial);
    }
    rows = wanted;
    return {};
}

kernels::Update Optimizer::State::next_update() noexcept {
    kernels::Update update = update_of(rule, static_cast<double>(steps + 1));
    if (memories[0].size() > 0) update.first = memories[0].as<float>();
    if (memories[1].size() > 0) update.second = memories[1].as<float>();
    return update;
}

Status Optimizer::State::step(const kernels::Terms& terms, std::span<const Lookup> lookups, bool is_sparse,
                              const Loops& loops) {
    if (!is_sparse && std::holds_alternative<SparseAdam>(rule)) {
        return invalid("SparseAdam does not support dense gradients");
    }
    if (Status grown = grow_moments(); !grown) return grown;
    TableAccess::State& values = TableAccess::state(table);
    kernels::Rows all = values.rows();
    all.rounds_stochastically = rounding.stochastic;
    all.rounding_key = (rounding.seed + steps) * 0xbf58476d1ce4e5b9;
    const kernels::Update update = next_update();
    const auto change_all = [&](std::size_t begin, std::size_t end, float* buffer) {
        const auto is_before = [](Lookup lookup, std::size_t row) { return kernels::row_of(lookup) < row; };
        const auto from = std::lower_bound(lookups.begin(), lookups.end(), begin, is_before);
        const auto to = std::lower_bound(from, lookups.end(), end, is_before);
        active_kernels()->update_all(all, update, terms, lookups.data() + (from - lookups.begin()),
                                     static_cast<std::size_t>(to - from), begin, end, buffer);
        for (std::size_t row = begin; row < end; ++row) values.touch(row);
    };
    const auto change_looked_up = [&](std::size_t begin, std::size_t end, float* buffer) {
        begin = next_row(lookups, begin);
        end = std::max(begin, next_row(lookups, end));
        active_kernels()->update_looked_up(all, update, terms, lookups.data() + begin, end - begin, buffer);
        for (std::size_t i = begin; i < end; ++i) values.touch(kernels::row_of(lookups[i]));
    };
    const std::size_t floats = 2 * table.dim();
    if (is_sparse) {
        loops.for_parts_with(floats, lookups.size(), kLeastLookups, change_looked_up);
    } else {
        loops.for_parts_with(floats, table.rows(), kLeastValues / table.dim(), change_all);
    }
    ++steps;
    return {};
}

Optimizer::Optimizer(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Optimizer::Optimizer(Optimizer&&) noexcept = default;
Optimizer& Optimizer::operator=(Optimizer&&) noexcept = default;
Optimizer::~Optimizer() = default;

Result<Optimizer> Optimizer::create(const MutableTable& table, const OptimizerRule& rule, const Rounding& rounding) {
    return support::without_exceptions([&]() -> Result<Optimizer> {
        if (const Status checked = check_rule(rule); !checked) return checked.error();
        auto state = std::make_unique<State>(State{table, rule, rounding});
        if (const Status grown = state->grow_moments(); !grown) return grown.error();
        return Optimizer(std::move(state));
    });
}

const MutableTable& Optimizer::table() const noexcept { return state_->table; }
const OptimizerRule& Optimizer::rule() const noexcept { return state_->rule; }
std::uint64_t Optimizer::steps() const noexcept { return state_->steps; }

Status Optimizer::set_lr(double lr) {
    return support::without_exceptions([&]() -> Status {
        if (Status checked = check_setting("lr", lr); !checked) return checked;
        std::visit([&](auto& rule) { rule.lr = lr; }, state_->rule);
        return {};
    });
}

Status Optimizer::step(const Gradient& gradient, const Workers& workers) {
    return support::without_exceptions([&]() -> Status {
        const Loops loops(workers);
        if (Status checked = check_gradient(state_->table, gradient, loops); !checked) return checked;
        const std::size_t rows = gradient.is_sparse ? gradient.rows.size() : state_->table.rows();
        const SortedLookups sorted =
            lookups_of(rows, [&](std::size_t i) { return gradient.is_sparse ? gradient.rows[i] : i; });
        const kernels::Terms terms = {.grads = gradient.values.data(), .dim = state_->table.dim()};
        return state_->step(terms, sorted.lookups, gradient.is_sparse, loops);
    });
}

Status Optimizer::step(const EmbeddingBag& embedding, const Bags& bags, std::span<const float> grad,
                       const Workers& workers) {
    return support::without_exceptions([&]() -> Status {
        const Loops loops(workers);
        if (&TableAccess::state(embedding.table()) != &TableAccess::state(state_->table)) {
            return invalid("the embedding is of another table than the optimizer");
        }
        if (Status checked = check_backward(embedding, bags, grad, loops); !checked) return checked;
        const CallTerms call(embedding, bags, grad, loops);
        return state_->step(call.terms(), call.lookups(), embedding.options().sparse, loops);
    });
}

}  // namespace rowpool::train
