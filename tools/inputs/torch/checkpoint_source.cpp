// Tables from PyTorch checkpoints: the tensors that a pickle in a zip archive describes, in the storages beside it.
#include "tools/inputs/torch/checkpoint_source.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_set>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/scaled_tensors.hpp"
#include "tools/inputs/torch/pickle.hpp"
#include "tools/inputs/torch/quantized_tensor.hpp"

namespace rowpool::tools {

namespace {

constexpr std::string_view kPickle = "/data.pkl";
constexpr std::size_t kDeepest = 64;
// All tables of a checkpoint together: far more than a table file can list.
constexpr std::size_t kMostTables = std::size_t{1} << 17;
constexpr std::size_t kMostNameBytes = std::size_t{16} << 20;
// Tensors may repeat their elements without taking memory; what those of a checkpoint become together takes some.
constexpr std::uint64_t kMostRepeated = std::uint64_t{1} << 30;

/// A tensor that may be a table, or belong to one, and its name.
struct NamedTensor {
    std::string name;
    const TorchTensor* tensor;
};

/// Finds the tensors in a value by their paths: keys and positions, joined by dots. A container that is there more than
/// once is searched once, under its first path.
class TensorSearch {
public:
    explicit TensorSearch(const std::string& path) : path_(path) {}

    std::vector<NamedTensor> run(const PickleValue& root) {
        visit(root, 0);
        return std::move(found_);
    }

private:
    static bool may_hold_tensors(const PickleValue& value) {
        if (const auto* dict = std::get_if<PickleDict>(&value.data)) return !dict->entries.empty();
        if (const auto* list = std::get_if<PickleList>(&value.data)) return !list->items.empty();
        if (const auto* tuple = std::get_if<PickleTuple>(&value.data)) return !tuple->items.empty();
        return std::holds_alternative<const TorchTensor*>(value.data);
    }

    void visit(const PickleValue& value, std::size_t depth) {
        if (const auto* tensor = std::get_if<const TorchTensor*>(&value.data)) return add(*tensor);
        const auto* dict = std::get_if<PickleDict>(&value.data);
        const auto* list = std::get_if<PickleList>(&value.data);
        const auto* tuple = std::get_if<PickleTuple>(&value.data);
        if (dict == nullptr && list == nullptr && tuple == nullptr) return;
        if (!visited_.insert(&value).second) return;
        if (depth == kDeepest) fail(path_, ": ", printable(name_), ": nested more than ", kDeepest, " deep");
        if (dict != nullptr) return visit_entries(*dict, depth);
        const std::vector<const PickleValue*>& items = list != nullptr ? list->items : tuple->items;
        for (std::size_t i = 0; i < items.size(); ++i) visit_part(std::to_string(i), *items[i], depth);
    }

    void visit_entries(const PickleDict& dict, std::size_t depth) {
        for (std::size_t i = 0; i < dict.entries.size(); ++i) {
            const auto& [key, value] = dict.entries[i];
            if (const auto* text = std::get_if<std::string_view>(&key->data)) {
                visit_part(*text, *value, depth);
            } else {
                visit_part(key_text(*key, i), *value, depth);
            }
        }
    }

    /// An integer in digits; other keys have no text, and go by their position: "[2]".
    static std::string key_text(const PickleValue& key, std::size_t position) {
        if (const auto* number = std::get_if<std::int64_t>(&key.data)) return std::to_string(*number);
        return std::string("[").append(std::to_string(position)).append("]");
    }

    /// Keys count even where no tensor is below them: one text of the pickle may be the key of millions of dicts.
    void visit_part(std::string_view part, const PickleValue& value, std::size_t depth) {
        if (!may_hold_tensors(value)) return;
        count_name_bytes(part.size());
        const std::size_t length = name_.size();
        if (depth > 0) name_ += '.';
        name_ += part;
        visit(value, depth + 1);
        name_.resize(length);
    }

    void add(const TorchTensor* tensor) {
        const bool is_small = tensor->sizes.size() < 2;
        if (tensor->sizes.size() > 3 || (is_small && tensor->nested == 0 && !may_be_scale(name_))) return;
        count_name_bytes(name_.size());
        if (found_.size() == kMostTables)
            fail(path_, ": over ", kMostTables, " tensors that may be tables or belong to them");
        found_.push_back({name_, tensor});
    }

    void count_name_bytes(std::size_t bytes) {
        name_bytes_ += bytes;
        if (name_bytes_ <= kMostNameBytes) return;
        fail(path_, ": the names of its tensors take over ", kMostNameBytes, " bytes");
    }

    const std::string& path_;
    std::string name_;
    std::size_t name_bytes_ = 0;
    std::unordered_set<const PickleValue*> visited_;
    std::vector<NamedTensor> found_;
};

/// The pickle of a checkpoint, which lies in the archive's one folder; nullptr in other archives.
const ZipMember* find_pickle(const ZipArchive& archive) {
    const auto is_it = [](const ZipMember& member) {
        return member.name.ends_with(kPickle) && member.name.find('/') == member.name.size() - kPickle.size();
    };
    const auto found = std::ranges::find_if(archive.members(), is_it);
    return found == archive.members().end() ? nullptr : &*found;
}

/// A checkpoint's archive: its pickle and its storages. Not thread safe.
class Checkpoint {
public:
    explicit Checkpoint(const ZipArchive& archive) : archive_(archive) {
        const ZipMember* const found = find_pickle(archive);
        if (found == nullptr) fail(archive.path(), ": no checkpoint as PyTorch writes them since 1.6");
        const ZipMember& member = *found;
        folder_ = member.name.substr(0, member.name.size() - kPickle.size()) + "/";
        refuse_script();
        require_little_endian();
        // As torch.save writes it when it is told not to compute CRC-32.
        pickle_ = member.crc32 == 0 ? archive.map(member) : archive.read(member);
        tree_ = read_pickle(member_text(archive.path(), member.name), pickle_.bytes);
        for (const TorchStorage& storage : tree_.storages) {
            stop_if_interrupted();  // a pickle may name a million
            check_size(storage);
        }
    }

    std::vector<NamedTensor> tensors() const { return TensorSearch(archive_.path()).run(*tree_.root); }

    /// The keys of the dict that it is.
    std::set<std::string, std::less<>> keys() const {
        std::set<std::string, std::less<>> keys;
        const auto* dict = std::get_if<PickleDict>(&tree_.root->data);
        if (dict == nullptr) return keys;
        for (const auto& [key, value] : dict->entries) {
            if (const auto* text = std::get_if<std::string_view>(&key->data)) keys.emplace(*text);
        }
        return keys;
    }

    /// Whether a tensor may repeat its elements to so many bytes, after what was granted to others.
    bool may_repeat(std::uint64_t bytes) const {
        if (bytes > kMostRepeated - repeated_) return false;
        repeated_ += bytes;
        return true;
    }

    /// The elements of a tensor of at most two dimensions; those of a vector are a column.
    Matrix matrix(const TorchTensor& tensor, Element element) const {
        const SharedBytes& storage = bytes_of(*tensor.storage);
        const std::size_t item = element_bytes(element);
        const std::size_t rows = tensor.sizes.empty() ? 1 : tensor.sizes[0];
        const std::size_t columns = tensor.sizes.size() < 2 ? 1 : tensor.sizes[1];
        const bool empty = rows == 0 || columns == 0;
        return {.owner = storage.owner,
                .data = storage.bytes.data() + (empty ? 0 : tensor.offset * item),
                .element = element,
                .rows = rows,
                .columns = columns,
                .row_step = rows > 1 ? tensor.strides[0] * item : 0,
                .column_step = columns > 1 ? tensor.strides[1] * item : item};
    }

    std::string where(const std::string& name) const { return archive_.path() + ": tensor " + printable(name); }

private:
    void refuse_script() const {
        if (archive_.find(folder_ + "constants.pkl") == nullptr) return;
        fail(archive_.path(), ": a TorchScript archive, which is a program; save its state_dict with torch.save");
    }

    void require_little_endian() const {
        const ZipMember* order = archive_.find(folder_ + "byteorder");
        if (order == nullptr) return;
        const SharedBytes text = archive_.map(*order);
        if (as_text(text.bytes) == "little") return;
        fail(member_text(archive_.path(), order->name), ": not little; save the checkpoint on a little-endian machine");
    }

    /// Inflated once where it is deflated: any number of tensors may lie in it.
    const SharedBytes& bytes_of(const TorchStorage& storage) const {
        const ZipMember* member = member_of(storage);
        const auto found = storages_.find(member);
        return found != storages_.end() ? found->second : storages_[member] = archive_.map(*member);
    }

    const ZipMember* member_of(const TorchStorage& storage) const {
        return archive_.find(folder_ + "data/" + std::string(storage.key));
    }

    void check_size(const TorchStorage& storage) const {
        const ZipMember* member = member_of(storage);
        if (member == nullptr) {
            fail(archive_.path(), ": no member ", printable(folder_ + "data/" + std::string(storage.key)),
                 ", of which its pickle says that tensors lie in it");
        }
        if (member->size >= storage.bytes) return;
        fail(member_text(archive_.path(), member->name), ": byte ", member->data, ": it has ", member->size,
             " bytes, its pickle says ", storage.bytes);
    }

    const ZipArchive& archive_;
    std::string folder_;
    SharedBytes pickle_;
    PickleTree tree_;
    mutable std::uint64_t repeated_ = 0;                        // bytes that may_repeat() has granted
    mutable std::map<const ZipMember*, SharedBytes> storages_;  // those that were read
};

/// Refuses what would fill a disk from a few bytes: tensors that repeat elements, to rows of `row` bytes.
void refuse_repetition(const Checkpoint& checkpoint, const NamedTensor& named, std::uint64_t row) {
    std::uint64_t bytes = 0;
    const bool counted = !__builtin_mul_overflow(named.tensor->sizes[0], row, &bytes);
    const std::uint64_t stored = named.tensor->storage->bytes;
    if (counted && (bytes / 2 <= stored || checkpoint.may_repeat(bytes))) return;
    fail(checkpoint.where(named.name), ": shape ", shape_text(named.tensor->sizes), " repeats its ",
         human_bytes(stored), " many times over; save it as it is to be stored (contiguous())");
}

NewTable describe(const ZipArchive& archive, const std::string& name, const TableShape& shape) {
    NewTable description;
    description.name = name;
    description.source = file_name_of(archive.path()) + ":" + name;
    description.shape = shape;
    return description;
}

std::unique_ptr<Source> plain_source(const ZipArchive& archive, const Checkpoint& checkpoint, const NamedTensor& named,
                                     std::optional<RowFormat> packed) {
    const TorchTensor& tensor = *named.tensor;
    const std::optional<Element> element = tensor.type->element;
    if (!element || !(is_float(*element) || packed)) return nullptr;  // and nothing is inflated for it
    Matrix matrix = checkpoint.matrix(tensor, *element);
    const std::optional<TableShape> shape = shape_of(matrix, packed, checkpoint.where(named.name));
    if (!shape) return nullptr;
    refuse_repetition(checkpoint, named, row_bytes(shape->format, shape->dim));
    return make_matrix_source(archive.path(), describe(archive, named.name, *shape), std::move(matrix));
}

/// A table of a quantized tensor: its codes and what they stand for.
std::unique_ptr<Source> quantized_source(const ZipArchive& archive, const Checkpoint& checkpoint,
                                         const NamedTensor& named) {
    const std::optional<RowFormat> format = quantized_format(*named.tensor);
    if (!format) return nullptr;
    const TableShape shape = {*format, named.tensor->sizes[0], named.tensor->sizes[1], 0, {}};
    refuse_repetition(checkpoint, named, is_coded(*format) ? row_bytes(*format, shape.dim) : shape.dim);
    const auto matrix_of = [&](const TorchTensor& tensor, Element element) {
        return checkpoint.matrix(tensor, element);
    };
    return make_quantized_source(archive.path(), describe(archive, named.name, shape), *named.tensor, matrix_of);
}

/// What becomes of a tensor: the table that it is, or else why it is none, when there is more to say than its type and
/// its shape do.
struct Opened {
    std::unique_ptr<Source> source;
    std::string reason;
};

Opened open_tensor(const ZipArchive& archive, const Checkpoint& checkpoint, const NamedTensor& named,
                   const ScaledTensors& scaled, Reading& reading) {
    const TorchTensor& tensor = *named.tensor;
    if (tensor.unreadable != nullptr) return {nullptr, tensor.unreadable};
    if (tensor.sizes.size() != 2) return {};
    if (tensor.quantization) {
        std::unique_ptr<Source> source = quantized_source(archive, checkpoint, named);
        return {std::move(source), "quantized in a way that no table has; save t.dequantize()"};
    }
    const auto packed = tensor.type->element == Element::u8 ? reading.packed.take(named.name) : std::nullopt;
    const std::optional<std::string> reason = scaled.reason(named.name);
    if (!reason || (packed && !scaled.are_rows(named.name))) {
        return {plain_source(archive, checkpoint, named, packed), ""};
    }
    if (!reason->empty()) return {nullptr, *reason};
    refuse_repetition(checkpoint, named, tensor.sizes[1]);
    return {scaled.source(named.name, archive.path(), packed, reading), ""};
}

std::string_view type_name(const TorchTensor& tensor) {
    constexpr std::string_view kModule = "torch.";
    std::string_view type = tensor.type->dtype;
    if (type.starts_with(kModule)) type.remove_prefix(kModule.size());
    return type;
}

/// The tensors that may be codes or their scales.
std::vector<CodePart> code_parts(const Checkpoint& checkpoint, const std::vector<NamedTensor>& tensors) {
    std::vector<CodePart> parts;
    for (const NamedTensor& named : tensors) {
        const TorchTensor* tensor = named.tensor;
        const bool is_read = tensor->unreadable == nullptr && !tensor->quantization;
        const std::optional<Element> element = is_read ? tensor->type->element : std::nullopt;
        if (tensor->sizes.size() > 2 || tensor->nested > 0) continue;
        if (!may_be_scale(named.name) && (!element || element_bytes(*element) != 1)) continue;
        parts.push_back({.name = named.name,
                         .type = std::string(type_name(*tensor)),
                         .shape = tensor->sizes,
                         .element = element,
                         .matrix = [&checkpoint, tensor, element] { return checkpoint.matrix(*tensor, *element); }});
    }
    return parts;
}

void leave_out(Reading& reading, const std::string& path, const NamedTensor& named, const std::string& reason) {
    const TorchTensor& tensor = *named.tensor;
    if (tensor.nested > 0) {
        const std::string kind = printable(type_name(tensor)) + " nested of " + std::to_string(tensor.nested);
        reading.left_out.push_back({path, named.name, kind, reason});
        return;
    }
    leave_out(reading, path, named.name, type_name(tensor), tensor.sizes,
              reason.empty() ? reason_for(type_name(tensor), tensor.sizes) : reason);
}

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
    return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

}  // namespace

std::vector<std::string_view> missing_from_checkpoint(const ZipArchive& archive,
                                                      std::span<const std::string_view> names) {
    const Checkpoint checkpoint(archive);
    const std::set<std::string, std::less<>> keys = checkpoint.keys();
    std::vector<std::string_view> missing;
    for (const std::string_view name : names) {
        std::size_t end = name.find('.');
        while (end != name.npos && !keys.contains(name.substr(0, end))) end = name.find('.', end + 1);
        if (end == name.npos && !keys.contains(name)) missing.push_back(name);
    }
    return missing;
}

bool is_checkpoint(const ZipArchive& archive) { return find_pickle(archive) != nullptr; }

Sources open_checkpoint_sources(const ZipArchive& archive, Reading& reading) {
    const Checkpoint checkpoint(archive);
    std::vector<NamedTensor> tensors = checkpoint.tensors();
    for (NamedTensor& named : tensors) {
        if (named.name.empty()) named.name = table_name_of(archive.path());
    }
    const ScaledTensors scaled(code_parts(checkpoint, tensors));
    Sources sources;
    for (const NamedTensor& named : tensors) {
        const bool is_small = named.tensor->sizes.size() < 2 && named.tensor->nested == 0;
        if (is_small || scaled.is_part(named.name)) continue;
        auto [source, reason] = open_tensor(archive, checkpoint, named, scaled, reading);
        if (source != nullptr) {
            sources.push_back(std::move(source));
        } else {
            leave_out(reading, archive.path(), named, reason);
        }
    }
    if (sources.empty()) {
        refuse_empty(reading, archive.path(),
                     "no two-dimensional tensor of floating-point numbers, no codes with their scales" +
                         std::string(kNoPackedRows));
    }
    return sources;
}

void refuse_old_checkpoint(const std::string& path, std::span<const std::byte> bytes) {
    constexpr std::string_view kMagicNumber("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
    const char* old = nullptr;
    if (starts_with(bytes, kMagicNumber)) old = "a checkpoint as PyTorch wrote them before 1.6";
    if (old == nullptr && bytes.size() > 1 && bytes[0] == std::byte{0x80} && bytes[1] <= std::byte{5}) {
        old = "a pickle outside a checkpoint";
    }
    if (old != nullptr) fail(path, ": ", old, "; load it where it is trusted and save its state_dict with torch.save");
}

}  // namespace rowpool::tools
