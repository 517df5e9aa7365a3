// Normal and uniform numbers that are the same on every machine.
#include "training/initial.hpp"

#include <cmath>

#include "support/random.hpp"

namespace rowpool::train {
namespace {

/// c[0] + c[1] x + c[2] x^2 + ...
template <std::size_t n>
double polynomial(const double (&c)[n], double x) noexcept {
    double sum = c[n - 1];
    for (std::size_t i = n - 1; i > 0; --i) sum = sum * x + c[i - 1];
    return sum;
}

/// The natural logarithm; the C library's may differ in the last bit between CPUs. With m in [1/sqrt(2), sqrt(2)),
/// log(m) = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172: eleven terms of the series are enough.
double log_of(double x) noexcept {
    int exponent = 0;
    double m = std::frexp(x, &exponent);  // exact
    if (m < 0.70710678118654752) {
        m *= 2;
        --exponent;
    }
    const double s = (m - 1) / (m + 1);
    double sum = 0;
    for (int k = 21; k >= 1; k -= 2) sum = sum * (s * s) + 1.0 / k;
    return exponent * 0.69314718055994531 + 2 * s * sum;
}

constexpr double kA[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                         1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                         3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr double kB[] = {1.0,
                         4.2313330701600911252e+1,
                         6.8718700749205790830e+2,
                         5.3941960214247511077e+3,
                         2.1213794301586595867e+4,
                         3.9307895800092710610e+4,
                         2.8729085735721942674e+4,
                         5.2264952788528545610e+3};
constexpr double kC[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                         3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                         2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kD[] = {1.0,
                         2.05319162663775882187e0,
                         1.67638483018380384940e0,
                         6.89767334985100004550e-1,
                         1.48103976427480074590e-1,
                         1.51986665636164571966e-2,
                         5.47593808499534494600e-4,
                         1.05075007164441684324e-9};
constexpr double kE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                         2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kF[] = {1.0,
                         5.99832206555887937690e-1,
                         1.36929880922735805310e-1,
                         1.48753612908506148525e-2,
                         7.86869131145613259100e-4,
                         1.84631831751005468180e-5,
                         1.42151175831644588870e-7,
                         2.04426310338993978564e-15};

}  // namespace

double normal_quantile(double p) noexcept {
    const double q = p - 0.5;
    if (std::abs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * polynomial(kA, r) / polynomial(kB, r);
    }
    const double r = std::sqrt(-log_of(q < 0 ? p : 1 - p));
    const double size =
        r <= 5 ? polynomial(kC, r - 1.6) / polynomial(kD, r - 1.6) : polynomial(kE, r - 5) / polynomial(kF, r - 5);
    return q < 0 ? -size : size;
}

void fill_initial(Initial initial, std::uint64_t seed, std::size_t rows, std::size_t row,
                  std::span<float> out) noexcept {
    // Mixed twice, so that rows of tables with neighbouring seeds have nothing in common.
    support::Random random(support::Random(support::Random(seed).next() + row).next());
    const double bound = std::sqrt(1.0 / static_cast<double>(rows));
    for (float& value : out) {
        const double p = (static_cast<double>(random.next() >> 12) + 0.5) * 0x1p-52;  // in (0, 1), symmetric about 1/2
        switch (initial) {
            case Initial::normal:
                value = static_cast<float>(normal_quantile(p));
                break;
            case Initial::uniform:
                value = static_cast<float>((2 * p - 1) * bound);
                break;
            case Initial::zeros:
                value = 0;
                break;
        }
    }
}

}  // namespace rowpool::train
