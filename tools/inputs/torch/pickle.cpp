// Python's pickles, read as data: a machine with a stack and a memo whose instructions only ever make plain values.
#include "tools/inputs/torch/pickle.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <optional>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/torch/torch_objects.hpp"

namespace rowpool::tools {

namespace {

constexpr unsigned kNewestProtocol = 5;
constexpr std::size_t kStepsBetweenLooks = 1024;
// Words that a container with items takes besides them: the rest of its block, and what finding tensors in it takes.
constexpr std::size_t kContainerWords = 6;
// Words for each item of a vector that grows, so that there is room for it and for one of twice the size.
constexpr std::size_t kGrowth = 3;

struct OpcodeName {
    unsigned char code;
    const char* name;
};
/// Those of pickletools that are refused; bytes that are no opcode have no name.
constexpr std::array kRefused = {
    OpcodeName{'I', "INT"},          OpcodeName{'L', "LONG"},
    OpcodeName{'S', "STRING"},       OpcodeName{'V', "UNICODE"},
    OpcodeName{'F', "FLOAT"},        OpcodeName{'P', "PERSID"},
    OpcodeName{'0', "POP"},          OpcodeName{'1', "POP_MARK"},
    OpcodeName{'2', "DUP"},          OpcodeName{'i', "INST"},
    OpcodeName{'o', "OBJ"},          OpcodeName{'d', "DICT"},
    OpcodeName{'l', "LIST"},         OpcodeName{'g', "GET"},
    OpcodeName{'p', "PUT"},          OpcodeName{0x82, "EXT1"},
    OpcodeName{0x83, "EXT2"},        OpcodeName{0x84, "EXT4"},
    OpcodeName{0x92, "NEWOBJ_EX"},   OpcodeName{0x96, "BYTEARRAY8"},
    OpcodeName{0x97, "NEXT_BUFFER"}, OpcodeName{0x98, "READONLY_BUFFER"},
};

class Unpickler {
public:
    Unpickler(const std::string& path, std::span<const std::byte> bytes) : path_(path), text_(as_text(bytes)) {}

    PickleTree run() {
        for (std::size_t steps = 0; tree_.root == nullptr; ++steps) {
            opcode_at_ = at_;
            if (steps % kStepsBetweenLooks == 0) look_around();
            const auto opcode = number<unsigned char>();
            const Handler handler = kHandlers[opcode];
            if (handler == nullptr) refuse(opcode);
            (this->*handler)();
        }
        return std::move(tree_);
    }

private:
    using Handler = void (Unpickler::*)();
    using Value = PickleValue;

    static constexpr std::array<Handler, 256> make_handlers() {
        std::array<Handler, 256> handlers{};
        handlers[0x80] = &Unpickler::protocol;
        handlers[0x95] = &Unpickler::frame;
        handlers['.'] = &Unpickler::stop;
        handlers['('] = &Unpickler::mark;
        handlers['N'] = &Unpickler::push_new<PickleNone>;
        handlers[0x88] = &Unpickler::push_bool<true>;
        handlers[0x89] = &Unpickler::push_bool<false>;
        handlers['J'] = &Unpickler::push_integer<std::int32_t>;
        handlers['K'] = &Unpickler::push_integer<std::uint8_t>;
        handlers['M'] = &Unpickler::push_integer<std::uint16_t>;
        handlers[0x8a] = &Unpickler::push_long<std::uint8_t>;
        handlers[0x8b] = &Unpickler::push_long<std::uint32_t>;
        handlers['G'] = &Unpickler::push_float;
        handlers['X'] = &Unpickler::push_text<std::uint32_t>;
        handlers[0x8c] = &Unpickler::push_text<std::uint8_t>;
        handlers[0x8d] = &Unpickler::push_text<std::uint64_t>;
        handlers['U'] = &Unpickler::push_text<std::uint8_t>;
        handlers['T'] = &Unpickler::push_text<std::uint32_t>;
        handlers['B'] = &Unpickler::push_bytes<std::uint32_t>;
        handlers['C'] = &Unpickler::push_bytes<std::uint8_t>;
        handlers[0x8e] = &Unpickler::push_bytes<std::uint64_t>;
        handlers[']'] = &Unpickler::push_new<PickleList>;
        handlers['}'] = &Unpickler::push_new<PickleDict>;
        handlers[')'] = &Unpickler::push_new<PickleTuple>;
        handlers[0x8f] = &Unpickler::push_new<PickleOpaque>;  // EMPTY_SET
        handlers['t'] = &Unpickler::tuple_to_mark;
        handlers[0x85] = &Unpickler::tuple<1>;
        handlers[0x86] = &Unpickler::tuple<2>;
        handlers[0x87] = &Unpickler::tuple<3>;
        handlers['a'] = &Unpickler::append;
        handlers['e'] = &Unpickler::append_to_mark;
        handlers['s'] = &Unpickler::set_item;
        handlers['u'] = &Unpickler::set_items;
        handlers[0x90] = &Unpickler::add_items;
        handlers[0x91] = &Unpickler::frozen_set;
        handlers['h'] = &Unpickler::get<std::uint8_t>;
        handlers['j'] = &Unpickler::get<std::uint32_t>;
        handlers['q'] = &Unpickler::put<std::uint8_t>;
        handlers['r'] = &Unpickler::put<std::uint32_t>;
        handlers[0x94] = &Unpickler::memoize;
        handlers['c'] = &Unpickler::global;
        handlers[0x93] = &Unpickler::stack_global;
        handlers['R'] = &Unpickler::call;
        handlers[0x81] = &Unpickler::call;  // NEWOBJ
        handlers['b'] = &Unpickler::build;
        handlers['Q'] = &Unpickler::persistent;
        return handlers;
    }
    static const std::array<Handler, 256> kHandlers;

    // --- limits ---

    void look_around() const {
        stop_if_interrupted();
        require_memory(0);
    }

    void require_memory(std::size_t more) const {
        if (more <= kMostPickleMemory && memory() <= kMostPickleMemory - more) return;
        error("its values take over " + std::to_string(kMostPickleMemory) + " bytes of memory");
    }

    /// Bytes that all of this takes, or a little less. Between two looks they grow by little but for vectors that
    /// double.
    std::size_t memory() const {
        constexpr std::size_t kTwoRuns = 4 * sizeof(std::uint64_t);  // of sizes and strides, as allocators round them
        const std::size_t slots = stack_.size() + marks_.size() + memo_.size();
        return (words_ + kGrowth * slots) * sizeof(Value*) + tree_.values.size() * sizeof(Value) +
               tree_.tensors.size() * (sizeof(TorchTensor) + 2 * kTwoRuns) +
               tree_.storages.size() * sizeof(TorchStorage);
    }

    void count_growth(bool from_nothing, std::size_t items) {
        words_ += (from_nothing ? kContainerWords : 0) + kGrowth * items;
    }

    // --- the bytes ---

    std::string_view take(std::uint64_t size) {
        if (size > text_.size() - at_) error("cut short");
        const std::string_view taken = text_.substr(at_, size);
        at_ += size;
        return taken;
    }

    template <class T>
    T number() {
        T value = 0;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }

    std::string_view line() {
        const std::size_t end = text_.find('\n', at_);
        if (end == std::string_view::npos) error("cut short");
        const std::string_view taken = take(end - at_);
        ++at_;
        return taken;
    }

    // --- the stack ---

    Value& push(Value value) {
        const auto* tuple = std::get_if<PickleTuple>(&value.data);
        if (tuple != nullptr && !tuple->items.empty()) words_ += kContainerWords + tuple->items.size();
        stack_.push_back(&tree_.values.emplace_back(std::move(value)));
        return *stack_.back();
    }

    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

    Value& top() {
        if (stack_.size() == floor()) error("takes a value where there is none");
        return *stack_.back();
    }

    Value& pop() {
        Value& value = top();
        stack_.pop_back();
        return value;
    }

    /// What was pushed since the last mark.
    std::vector<const Value*> pop_to_mark() {
        if (marks_.empty()) error("takes values to a mark where there is none");
        std::vector<const Value*> values(stack_.begin() + static_cast<std::ptrdiff_t>(floor()), stack_.end());
        stack_.resize(floor());
        marks_.pop_back();
        return values;
    }

    template <class T>
    T& as(Value& value, const char* wanted) {
        T* found = std::get_if<T>(&value.data);
        if (found == nullptr) error(std::string("needs ") + wanted + " and has something else");
        return *found;
    }

    // --- the instructions ---

    void protocol() {
        const unsigned version = number<std::uint8_t>();
        if (version > kNewestProtocol) error("protocol " + std::to_string(version) + " is unknown");
    }

    /// How far to read ahead: nothing for what lies in memory.
    void frame() { number<std::uint64_t>(); }

    void stop() {
        tree_.root = &pop();
        if (!stack_.empty() || !marks_.empty()) error("it ends with values left over");
    }

    void mark() { marks_.push_back(stack_.size()); }

    template <class T>
    void push_new() {
        push({T()});
    }

    template <bool kValue>
    void push_bool() {
        push({kValue});
    }

    template <class T>
    void push_integer() {
        push({std::int64_t{number<T>()}});
    }

    /// An integer of any size: those over 64 bits are of no use here.
    template <class Length>
    void push_long() {
        const std::string_view digits = take(number<Length>());
        if (digits.size() > sizeof(std::int64_t)) return push_new<PickleOpaque>();
        const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
        std::int64_t value = negative ? -1 : 0;
        std::memcpy(&value, digits.data(), digits.size());
        push({value});
    }

    void push_float() {
        std::uint64_t bits = 0;
        std::memcpy(&bits, take(sizeof bits).data(), sizeof bits);
        push({std::bit_cast<double>(__builtin_bswap64(bits))});
    }

    template <class Length>
    void push_text() {
        push({take(number<Length>())});
    }

    template <class Length>
    void push_bytes() {
        take(number<Length>());
        push_new<PickleOpaque>();
    }

    void tuple_to_mark() {
        PickleTuple tuple{pop_to_mark()};
        push({std::move(tuple)});
    }

    template <std::size_t kItems>
    void tuple() {
        PickleTuple tuple{std::vector<const Value*>(kItems)};
        for (std::size_t i = kItems; i-- > 0;) tuple.items[i] = &pop();
        push({std::move(tuple)});
    }

    void append() {
        const Value& item = pop();
        add_elements(std::array<const Value*, 1>{&item});
    }

    void append_to_mark() { add_elements(pop_to_mark()); }

    void add_elements(std::span<const Value* const> items) {
        std::vector<const Value*>& list = as<PickleList>(top(), "a list").items;
        count_growth(list.empty(), items.size());
        list.insert(list.end(), items.begin(), items.end());
    }

    void set_item() {
        const Value& value = pop();
        const Value& key = pop();
        add_entries(std::array{&key, &value});
    }

    void set_items() { add_entries(pop_to_mark()); }

    void add_entries(std::span<const Value* const> items) {
        if (items.size() % 2 != 0) error("a key without a value");
        if (std::holds_alternative<PickleOpaque>(top().data)) return;  // collections.Counter
        PickleDict& dict = as<PickleDict>(top(), "a dict");
        count_growth(dict.entries.empty(), items.size());
        for (std::size_t i = 0; i < items.size(); i += 2) dict.entries.emplace_back(items[i], items[i + 1]);
    }

    void add_items() {
        pop_to_mark();
        as<PickleOpaque>(top(), "a set");
    }

    void frozen_set() {
        pop_to_mark();
        push_new<PickleOpaque>();
    }

    template <class T>
    void get() {
        const std::size_t key = number<T>();
        Value* value = key < memo_.size() ? memo_[key] : nullptr;
        if (value == nullptr) error("takes a value from the memo that is not there");
        stack_.push_back(value);
    }

    template <class T>
    void put() {
        put_under(number<T>());
    }

    void memoize() { put_under(memoized_); }

    /// Picklers count what they put, so that keys are below the number of bytes before them.
    void put_under(std::size_t key) {
        Value& value = top();
        if (key >= at_) error("memo key " + std::to_string(key) + " is larger than picklers make them");
        if (key >= memo_.size()) {
            require_memory(kGrowth * sizeof(Value*) * (key - memo_.size()));
            memo_.resize(key + 1);
        }
        if (memo_[key] == nullptr) ++memoized_;
        memo_[key] = &value;
    }

    void global() {
        const std::string_view module = line();
        push_global(module, line());
    }

    void stack_global() {
        const std::string_view name = as<std::string_view>(pop(), "a name");
        push_global(as<std::string_view>(pop(), "a module"), name);
    }

    /// Protocol 2 has the names of Python 2.
    void push_global(std::string_view module, std::string_view name) {
        static constexpr std::size_t kLongest = 200;  // of either part; those that are known are shorter
        std::string full(module == "__builtin__" ? "builtins" : module.substr(0, kLongest));
        (full += '.') += name.substr(0, kLongest);
        const std::optional<std::string_view> known = find_global(full);
        if (!known) fail(where(), "refers to ", printable(full), advice(full));
        push({PickleGlobal{*known}});
    }

    /// What to do about what no plain data refer to. The class of a tensor is named after the function that makes it.
    std::string advice(std::string_view name) const {
        static constexpr std::size_t kNearby = 400;
        if (name.starts_with("numpy.") && name.find("multiarray.") != name.npos) {
            return ", which is not data but an array of NumPy; save torch.from_numpy(array) in its place, or the array "
                   "with numpy.save";
        }
        if (name != "torch._utils._rebuild_wrapper_subclass") return ", which is not data; save the state_dict alone";
        const std::string_view next = text_.substr(at_, kNearby);
        if (next.find("ShardedTensor") != next.npos) {
            return ", which is not data but a ShardedTensor; gather it and save the whole as a plain tensor";
        }
        if (next.find("DTensor") != next.npos)
            return ", which is not data but a DTensor; save its full_tensor() in its place";
        if (next.find("torchao") != next.npos)
            return ", which is not data but a quantized tensor; save its dequantize() in its place";
        return ", which is not data but a tensor of another class; save it as a plain one, of its full_tensor() or "
               "dequantize()";
    }

    void call() {
        const auto& arguments = as<PickleTuple>(pop(), "a tuple of arguments");
        const PickleGlobal& function = as<PickleGlobal>(pop(), "a function");
        push(call_global(tree_, function.name, arguments, where()));
    }

    /// Attributes of a dict or tensor, which are not for tables.
    void build() {
        pop();
        const auto& data = top().data;
        const bool plain = std::holds_alternative<PickleDict>(data) || std::holds_alternative<PickleOpaque>(data) ||
                           std::holds_alternative<const TorchTensor*>(data);
        if (!plain) error("sets attributes of what has none");
    }

    void persistent() {
        const Value& id = pop();
        push({find_storage(tree_, id, where())});
    }

    // --- errors ---

    std::string where() const { return path_ + ": byte " + std::to_string(opcode_at_) + ": "; }

    [[noreturn]] void error(const std::string& what) const { fail(where(), what); }

    [[noreturn]] void refuse(unsigned char opcode) const {
        const auto named = std::ranges::find(kRefused, opcode, &OpcodeName::code);
        const std::string name = named == kRefused.end() ? "" : std::string(" ") + named->name;
        std::array<char, 8> code{};
        std::snprintf(code.data(), code.size(), "0x%02x", static_cast<unsigned>(opcode));
        error("opcode " + std::string(code.data()) + name + " is none that a checkpoint of plain data has");
    }

    const std::string& path_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t opcode_at_ = 0;
    PickleTree tree_;
    std::vector<Value*> stack_;
    std::vector<std::size_t> marks_;  // heights of the stack
    std::vector<Value*> memo_;        // by key; null where nothing was put
    std::size_t memoized_ = 0;        // values in it
    std::size_t words_ = 0;           // that the items of containers take
};

constexpr std::array<Unpickler::Handler, 256> Unpickler::kHandlers = Unpickler::make_handlers();

}  // namespace

PickleTree read_pickle(const std::string& path, std::span<const std::byte> bytes) {
    return Unpickler(path, bytes).run();
}

}  // namespace rowpool::tools
