#pragma once
// A folder of a test's own among the temporary files.

#include <filesystem>
#include <string>

#include <unistd.h>

namespace glia_test {

// Fresh, and gone when the test ends.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("glia_test_" + std::to_string(::getpid()));
  Folder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

}  // namespace glia_test
