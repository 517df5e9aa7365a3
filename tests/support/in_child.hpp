// Code that must run in a process of its own, because what it looks at is decided once a process.
#pragma once

#include <functional>
#include <string>

namespace rowpool::test {

/// Runs `work` in a forked child with ROWPOOL_ISA set to `isa` and returns the text it returns, or how the child ended
/// when that was not well. The caller must have neither threads nor called what reads ROWPOOL_ISA.
std::string in_child_with_isa(const std::string& isa, const std::function<std::string()>& work);

}  // namespace rowpool::test
