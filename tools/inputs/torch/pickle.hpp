// Python's pickles, read as data: numbers, texts, containers and tensors. Nothing is imported, called or run.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "tools/inputs/torch/pickle_value.hpp"

namespace rowpool::tools {

/// Most bytes of memory that the values of a pickle may take: those of a checkpoint of 100,000 tensors take 130 MB.
inline constexpr std::size_t kMostPickleMemory = std::size_t{160} << 20;

/// Reads a pickle as torch.save writes it: the opcodes of protocol 2 for plain data, and those of protocols 3 to 5 that
/// mean the same. `path` names it in errors, and the values point into `bytes`, which must outlive them. Fails, naming
/// byte and opcode, for any other opcode; naming what is wanted, for any function or class but those of PyTorch's
/// weights_only (torch_objects.hpp); and for what is cut short, goes beyond the stack, or takes too much memory; and
/// when the command is interrupted. Sources: pickletools of CPython 3.12, torch/_weights_only_unpickler.py of
/// PyTorch 2.13.
PickleTree read_pickle(const std::string& path, std::span<const std::byte> bytes);

}  // namespace rowpool::tools
