// The progress bar of long work.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace rowpool::tools {

/// A line on standard error that says how far the work is, how fast it goes and how long it will take. Shown only on a
/// terminal and after a second of work; cleared when the object goes.
class Progress {
public:
    /// What is counted. Of bytes the line says how many a second.
    enum class Unit : std::uint8_t { bytes, steps };

    Progress(const std::string& label, std::uint64_t total, Unit unit = Unit::bytes);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    /// That much more of the total is done.
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
