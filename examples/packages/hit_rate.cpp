// How often a package that is missing from a bag is among the ten nearest rows: hit_rate HELD-OUT.txt TABLE.safetensors
//
// A line of HELD-OUT.txt is a bag of names whose last one is the missing one. Nearest means the largest cosine with the
// mean of the bag's rows, the bag's own rows left out: what `rowpool nearest` gives.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <execution>
#include <fstream>
#include <rowpool/rowpool.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "examples/common.hpp"

namespace {

using examples::fail;
using examples::must;

constexpr std::size_t kNearest = 10;

float dot(const float* a, const float* b, std::size_t dim) {
    float sum = 0;
    for (std::size_t d = 0; d < dim; ++d) sum += a[d] * b[d];
    return sum;
}

struct Question {
    std::vector<std::int64_t> bag;
    std::int64_t missing;
};

std::vector<Question> read_questions(const std::string& path, const std::vector<std::string_view>& names) {
    std::unordered_map<std::string_view, std::int64_t> rows;
    for (std::size_t row = 0; row < names.size(); ++row) rows[names[row]] = static_cast<std::int64_t>(row);
    std::ifstream file(path);
    if (!file) fail("cannot read " + path);
    std::vector<Question> questions;
    for (std::string line, name; std::getline(file, line);) {
        Question question = {{}, -1};
        for (std::istringstream stream(line); stream >> name;) {
            const auto row = rows.find(name);
            if (question.missing >= 0) question.bag.push_back(question.missing);
            question.missing = row != rows.end() ? row->second : -1;
        }
        questions.push_back(question);
    }
    return questions;
}

/// Whether fewer than kNearest rows are nearer than the missing one.
bool is_hit(const rowpool::Table& table, const std::vector<float>& rows, const Question& question) {
    if (question.missing < 0 || question.bag.empty()) return false;
    const std::size_t dim = table.dim();
    std::vector<float> mean(dim);
    const std::int64_t offsets[] = {0, static_cast<std::int64_t>(question.bag.size())};
    const auto status = rowpool::pool(table, {question.bag, offsets}, {.mode = rowpool::Pooling::mean}, mean);
    if (!status) fail(status.message());
    const float wanted = dot(mean.data(), rows.data() + static_cast<std::size_t>(question.missing) * dim, dim);
    std::size_t nearer = 0;
    for (std::size_t row = 0; row < table.rows(); ++row) {
        if (dot(mean.data(), rows.data() + row * dim, dim) <= wanted) continue;
        if (std::ranges::find(question.bag, static_cast<std::int64_t>(row)) == question.bag.end()) ++nearer;
    }
    return nearer < kNearest;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) fail("usage: hit_rate HELD-OUT.txt TABLE.safetensors");
    const auto file = must(rowpool::TableFile::open(argv[2]));
    const rowpool::Table& table = file.tables()[0];
    const auto questions = read_questions(argv[1], must(file.row_names(0)));
    std::vector<float> rows(table.rows() * table.dim());  // of length 1
    if (const auto decoded = rowpool::dequantize_rows(table, 0, rows); !decoded) fail(decoded.message());
    for (std::size_t row = 0; row < table.rows(); ++row) {
        float* const own = rows.data() + row * table.dim();
        const float length = std::sqrt(dot(own, own, table.dim())) + 1e-12f;
        for (std::size_t d = 0; d < table.dim(); ++d) own[d] /= length;
    }
    std::atomic<std::size_t> hits = 0;
    std::for_each(std::execution::par, questions.begin(), questions.end(),
                  [&](const Question& question) { hits += is_hit(table, rows, question) ? 1u : 0u; });
    std::printf("%.1f %% of %zu\n", 100.0 * static_cast<double>(hits) / static_cast<double>(questions.size()),
                questions.size());
}
