// The progress line: silent in a log file, one rewritten line on a terminal.
#include <doctest/doctest.h>

#include <glia/train/progress.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

using glia::train::clock_text;
using glia::train::ProgressBar;
using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// What a terminal has been sent, up to the end of the line; what is missing after ten seconds stays missing.
std::string line_of(int terminal) {
  std::string out;
  pollfd readable{terminal, POLLIN, 0};
  while (out.find('\n') == std::string::npos && ::poll(&readable, 1, 10'000) > 0) {
    char buffer[256];
    const ::ssize_t got = ::read(terminal, buffer, sizeof buffer);
    if (got <= 0) break;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  return out;
}

// The seconds that "m:ss" or "h:mm:ss" means.
double seconds_of(const std::string& text) {
  double out = 0, part = 0;
  for (const char c : text)
    if (c == ':')
      out = 60 * (out + part), part = 0;
    else
      part = 10 * part + (c - '0');
  return out + part;
}

}  // namespace

TEST_CASE("clock texts round to whole seconds") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(-3) == "0:00");
  CHECK(clock_text(59.4) == "0:59");
  CHECK(clock_text(59.6) == "1:00");
  CHECK(clock_text(3599.4) == "59:59");
  CHECK(clock_text(3600) == "1:00:00");
  CHECK(clock_text(3725) == "1:02:05");
}

TEST_CASE("a progress bar that is no terminal writes its final line only") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  ProgressBar bar(file);
  bar.begin("epoch 1", 10);
  bar.update(5, "loss 1.25");
  CHECK(std::ftell(file) == 0);
  bar.finish("epoch 1: loss 1.00");
  std::rewind(file);
  char text[64] = {};
  const std::size_t length = std::fread(text, 1, sizeof text, file);
  CHECK(std::string(text, length) == "epoch 1: loss 1.00\n");
  std::fclose(file);
}

TEST_CASE("a progress bar on a terminal rewrites one line, ten times a second at most") {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0) {
    MESSAGE("skipped: there are no pseudo-terminals here");
    return;
  }
  REQUIRE(::grantpt(terminal) == 0);
  REQUIRE(::unlockpt(terminal) == 0);
  std::FILE* stream = ::fdopen(::open(::ptsname(terminal), O_RDWR | O_NOCTTY), "w");
  REQUIRE(stream != nullptr);
  ProgressBar bar(stream);

  // 50,000 steps to go at the pace of the one since begin(), not of the 49,999 before it.
  const auto before_begin = Clock::now();
  bar.begin("epoch 3", 100'000, 49'999);
  const auto after_begin = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const auto before_update = Clock::now();
  bar.update(50'000, "loss 1.25");
  const auto after_update = Clock::now();
  bar.finish("epoch 3: done");
  const std::string whole = line_of(terminal);
  const std::string head = "\repoch 3 [============            ]  50%  loss 1.25  left ";
  const std::string tail = "\x1b[K\repoch 3: done\x1b[K\r\n";  // the terminal adds the \r
  CAPTURE(whole);
  REQUIRE(whole.size() > head.size() + tail.size());
  CHECK(whole.substr(0, head.size()) == head);
  CHECK(whole.substr(whole.size() - tail.size()) == tail);
  const double left = seconds_of(whole.substr(head.size(), whole.size() - head.size() - tail.size()));
  CHECK(left >= 50'000 * seconds_between(after_begin, before_update) - 0.5);
  CHECK(left <= 50'000 * seconds_between(before_begin, after_update) + 0.5);

  // A process that was held up between the two updates proves nothing: try again.
  bool prompt = false;
  for (int attempt = 0; attempt < 50 && !prompt; ++attempt) {
    bar.begin("run", 2);
    const auto start = Clock::now();
    bar.update(1, "first");
    bar.update(2, "second");
    prompt = seconds_between(start, Clock::now()) < 0.1;
    std::this_thread::sleep_for(std::chrono::milliseconds(110));
    bar.update(2, "third");
    bar.finish("end");
    const std::string line = line_of(terminal);
    if (!prompt) continue;
    CAPTURE(line);
    CHECK(line.find("first") != std::string::npos);
    CHECK(line.find("second") == std::string::npos);
    CHECK(line.find("third") != std::string::npos);
  }
  CHECK(prompt);
  std::fclose(stream);
  ::close(terminal);
}
