// Names that are told from each other by a number: emb.0.weight, emb.1.weight, ...
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace rowpool::tools {

/// The positions of names in the order of the one number in which they differ: 2 goes before 10. Numbers begin with 0
/// or 1 and leave none out, up to the N of "1-of-N" where there is one. Fails where they do, or where names differ in
/// something else; `where` begins the error.
std::vector<std::size_t> sequence_order(const std::string& where, std::span<const std::string> names);

}  // namespace rowpool::tools
