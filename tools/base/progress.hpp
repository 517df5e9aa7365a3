// The progress bar of long operations.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rowpool::tools {

/// A line on standard error with progress, speed and remaining time. Shown only on a terminal, after a second of work;
/// cleared when the object is destroyed.
class Progress {
public:
    /// The unit of progress. For bytes, the line has the number per second.
    enum class Unit : std::uint8_t { bytes, steps };

    Progress(const std::string& label, std::uint64_t total, Unit unit = Unit::bytes);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// Adds to the part that is done.
    void advance(std::uint64_t done);

private:
    using Clock = std::chrono::steady_clock;
    void draw(double seconds);

    std::string label_;
    double total_;
    Unit unit_;
    double done_ = 0;
    bool terminal_;
    bool shown_ = false;
    Clock::time_point start_ = Clock::now();
    Clock::time_point next_draw_ = start_ + std::chrono::seconds(1);
};

}  // namespace rowpool::tools
