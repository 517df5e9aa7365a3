// torch.nn.Embedding's introduction in C++: a table is made, looked up, and learns. embedding.py is the same in
// PyTorch. With a safetensors file whose tensor "weight" is [10, 3], all begin with its rows, and both print the same
// numbers.
#include <cstdio>
#include <cstdlib>
#include <rowpool_train/rowpool_train.hpp>

using namespace rowpool::train;
using Indices = std::vector<std::int64_t>;
using Floats = std::vector<float>;

// The value of a result, or the end of the program.
template <class T>
T get(rowpool::Result<T> result) {
    if (!result) std::exit((std::puts(result.message().c_str()), 1));
    return *std::move(result);
}
void must(const rowpool::Status& status) {
    if (!status) std::exit((std::puts(status.message().c_str()), 1));
}

void print(const char* title, const Floats& rows) {
    std::printf("%s\n", title);
    for (std::size_t i = 0; i < rows.size(); i += 3)
        std::printf("  %8.4f %8.4f %8.4f\n", rows[i], rows[i + 1], rows[i + 2]);
}

// nn.Embedding(10, 3, padding_idx), or nn.Embedding.from_pretrained(weight, padding_idx)
MutableTable make_table(const char* path, std::optional<std::int64_t> padding_idx = {}) {
    if (path == nullptr) {
        return get(MutableTable::create(
            "weight", {.num_embeddings = 10, .embedding_dim = 3, .padding_idx = padding_idx, .seed = 1}));
    }
    const auto weight = get(get(rowpool::TableFile::open(path)).table("weight"));
    return get(MutableTable::from_pretrained(weight, {.padding_idx = padding_idx}));
}

// embedding(torch.tensor(indices))
Floats look_up(EmbeddingBag& embedding, const Indices& indices) {
    Floats out(indices.size() * embedding.table().dim());
    must(embedding.forward(rowpool::Bags::rows(indices), out));
    return out;
}

// The gradient of loss = (out ** 2).sum() by out.
Floats loss_gradient(Floats out) {
    for (float& value : out) value *= 2;
    return out;
}

int main(int argc, char** argv) {
    const char* const path = argc > 1 ? argv[1] : nullptr;

    auto embedding = get(EmbeddingBag::create(make_table(path), {.mode = rowpool::Pooling::none}));
    print("Embedding(10, 3), indices 1 2 3 4", look_up(embedding, {1, 2, 3, 4}));

    embedding = get(EmbeddingBag::create(make_table(path), {.mode = rowpool::Pooling::none, .max_norm = 1.0}));
    print("max_norm=1, indices 4 3 2 9", look_up(embedding, {4, 3, 2, 9}));

    const Indices indices = {1, 2, 2, 5};
    embedding =
        get(EmbeddingBag::create(make_table(path), {.mode = rowpool::Pooling::none, .scale_grad_by_freq = true}));
    Floats grad = loss_gradient(look_up(embedding, indices));
    print("scale_grad_by_freq=True, the gradient of indices 1 2 2 5",
          get(embedding.backward(rowpool::Bags::rows(indices), grad)).values);

    embedding = get(EmbeddingBag::create(make_table(path), {.mode = rowpool::Pooling::none, .sparse = true}));
    grad = loss_gradient(look_up(embedding, indices));
    const Gradient sparse = get(embedding.backward(rowpool::Bags::rows(indices), grad));
    std::printf("sparse=True, the gradient of rows");
    for (const std::size_t row : sparse.rows) std::printf(" %zu", row);
    print("", sparse.values);

    // torch.optim.SGD(embedding.parameters(), lr=0.1).step()
    auto sgd = get(Optimizer::create(embedding.table(), Sgd{.lr = 0.1}));
    must(sgd.step(sparse));
    print("after a step of SGD", look_up(embedding, {1, 2, 5, 9}));

    // nn.EmbeddingBag(10, 3, mode="mean", padding_idx=2), and torch.optim.Adagrad, in one call
    auto bags = get(EmbeddingBag::create(make_table(path, 2), {.mode = rowpool::Pooling::mean, .sparse = true}));
    auto adagrad = get(Optimizer::create(bags.table(), Adagrad{.lr = 0.1}));
    const Indices offsets = {0, 3, 5}, items = {7, 2, 8, 2, 7};
    Floats out(6);
    must(bags.forward({items, offsets}, out));
    print("EmbeddingBag(10, 3, mode='mean', padding_idx=2), bags 7 2 8 and 2 7", out);
    must(adagrad.step(bags, {items, offsets}, loss_gradient(out)));
    must(bags.forward({items, offsets}, out));
    print("after a step of Adagrad", out);
}
