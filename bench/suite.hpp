// The benchmarks of the suite, a file an operation; each registers its grid of cases.
#pragma once

namespace rowpool::bench {

/// limits/...: what this machine's memory gives when nothing is decoded.
void register_limits();
/// pool/...: sum pooling on one thread.
void register_pool();
/// quantize/... and dequantize/...: conversion between row formats.
void register_quantize();

}  // namespace rowpool::bench
