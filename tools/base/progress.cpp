// The progress bar of long work.
#include "tools/base/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int kBarWidth = 30;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

Progress::Progress(const std::string& label, std::uint64_t total, Unit unit)
    : label_(printable(label)),
      total_(static_cast<double>(total)),
      unit_(unit),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    if (shown_) std::fputs(kClearLine, stderr);
}

void Progress::advance(std::uint64_t done) {
    done_ += static_cast<double>(done);
    if (!terminal_) return;
    const Clock::time_point now = Clock::now();
    if (now < next_draw_) return;
    next_draw_ = now + kRedraw;
    draw(std::chrono::duration<double>(now - start_).count());
}

void Progress::draw(double seconds) {
    const double share = std::min(1.0, done_ / std::max(1.0, total_));
    const double rate = done_ / seconds;
    const double left = rate > 0 ? std::max(0.0, total_ - done_) / rate : 0;
    const auto filled = static_cast<std::size_t>(share * kBarWidth);
    const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
    std::fprintf(stderr, "%s%s [%s] %3.0f%%  ", kClearLine, label_.c_str(), bar.c_str(), share * 100);
    if (unit_ == Unit::bytes) std::fprintf(stderr, "%.0f MB/s  ", rate / 1e6);
    std::fprintf(stderr, "%.0f s left", left);
    shown_ = true;
}

}  // namespace rowpool::tools
