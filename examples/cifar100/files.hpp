#pragma once
// Small helpers of the program: a clock, whole text files, formatted numbers.

#include <glia/core/error.hpp>
#include <glia/io/file.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace cifar100 {

// Seconds of a clock that never jumps.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Writes a text file, a line break at its end. glia::Error if that fails.
inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text << '\n';
  if (!file.flush()) glia::raise<glia::Error>("cifar100", "cannot write ", path.string());
}

// Replaces a text file by lines that end in a line break; an interruption leaves the old file.
inline void replace_lines(const std::filesystem::path& path, const std::string& lines) {
  glia::io::write_file_atomically(path, glia::io::as_bytes(lines), {.keep_previous = false}, "cifar100");
}

// Whether a folder holds a run's checkpoint, or the one before it, which serves when the newest is lost.
inline bool holds_checkpoint(const std::filesystem::path& folder) {
  const auto newest = folder / "checkpoint.safetensors";
  return std::filesystem::exists(newest) || std::filesystem::exists(glia::io::previous_path(newest));
}

// Where a result about a checkpoint (a file, or the folder of a run) goes: `chosen`, or beside it if that is empty.
inline std::filesystem::path result_path(const std::string& chosen, const std::filesystem::path& checkpoint,
                                         const char* name) {
  if (!chosen.empty()) return chosen;
  return (std::filesystem::is_directory(checkpoint) ? checkpoint : checkpoint.parent_path()) / name;
}

// The whole of a text file. glia::Error if it cannot be read.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) glia::raise<glia::Error>("cifar100", "cannot read ", path.string());
  return text.str();
}

// The middle value; the mean of the middle two of an even number; 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace cifar100
