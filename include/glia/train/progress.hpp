#pragma once
// A one-line progress display: bar, loss, accuracy, rate and time left.

#include <glia/core/config.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace GLIA_NS::train {

// Seconds as "1:02:03" or "2:03".
GLIA_LAZY std::string clock_text(double seconds) {
  const long total = static_cast<long>(std::max(seconds, 0.0) + 0.5);
  char buffer[48];
  if (total >= 3600)
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(buffer, sizeof buffer, "%ld:%02ld", total / 60, total % 60);
  return buffer;
}

template <class = void>
class BasicProgressBar;
using ProgressBar = BasicProgressBar<>;  // GLIA_LAZY for a class

// Rewrites one line of a terminal ten times a second at most; when the stream is no terminal (a log file) it stays
// silent, and only finish() lines appear.
template <class>
class BasicProgressBar {
 public:
  explicit BasicProgressBar(std::FILE* stream = stderr) : stream_(stream), start_(Clock::now()) {
#if __has_include(<unistd.h>)
    terminal_ = isatty(fileno(stream)) != 0;
#endif
  }

  // Starts a new line of `total` steps named `title`, of which `done` are already behind.
  void begin(std::string title, std::int64_t total, std::int64_t done = 0) {
    title_ = std::move(title);
    total_ = total, first_ = done;
    start_ = Clock::now();
    shown_ = start_ - std::chrono::hours(1);
  }

  // Shows step `done` with a text of numbers.
  void update(std::int64_t done, const std::string& numbers) {
    const auto now = Clock::now();
    if (!terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double fraction = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 0.0;
    const auto behind = static_cast<double>(done - first_);
    const double left = behind > 0 ? elapsed / behind * static_cast<double>(total_ - done) : 0.0;
    constexpr int width = 24;
    const int full = std::clamp(static_cast<int>(fraction * width), 0, width);
    std::string bar(static_cast<std::size_t>(full), '=');
    bar.append(static_cast<std::size_t>(width - full), ' ');
    std::fprintf(stream_, "\r%s [%s] %3d%%  %s  left %s\x1b[K", title_.c_str(), bar.c_str(),
                 static_cast<int>(100 * fraction), numbers.c_str(), clock_text(left).c_str());
    std::fflush(stream_);
  }

  // Ends the line with a final text.
  void finish(const std::string& line) {
    std::fprintf(stream_, terminal_ ? "\r%s\x1b[K\n" : "%s\n", line.c_str());
    std::fflush(stream_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::FILE* stream_;
  bool terminal_ = false;
  std::string title_;
  std::int64_t total_ = 0, first_ = 0;
  Clock::time_point start_, shown_;
};

}  // namespace GLIA_NS::train
