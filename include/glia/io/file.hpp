#pragma once
// Files: whole and partial reads that believe only the file's real size, and atomic writes that keep the previous file.

#include <glia/core/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace GLIA_NS::io {

using Bytes = std::span<const unsigned char>;

// A file that cannot be opened, read or written. The message holds the path and the system's reason.
class FileError : public Error {
 public:
  using Error::Error;
};

namespace detail {
GLIA_LAZY [[noreturn]] void raise_file(std::string_view op, const std::filesystem::path& path, std::string_view what,
                                       int code) {
  raise<FileError>(op, what, " \"", path.string(), "\": ", std::generic_category().message(code));
}

// Owner of a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};
}  // namespace detail

// An open file for reading at any position. Errors: FileError naming `op` and the path.
class InputFile {
 public:
  InputFile(std::string_view op, std::filesystem::path path) : op_(op), path_(std::move(path)) {
    descriptor_ = detail::Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (descriptor_.get() < 0) detail::raise_file(op_, path_, "cannot open", errno);
    struct ::stat info = {};
    if (::fstat(descriptor_.get(), &info) != 0) detail::raise_file(op_, path_, "cannot inspect", errno);
    if (!S_ISREG(info.st_mode)) raise<FileError>(op_, "\"", path_.string(), "\" is not a regular file");
    size_ = static_cast<std::uint64_t>(info.st_size);
  }

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  // Fills `out` with the bytes from `offset` on; FileError if the file ends before.
  void read_at(std::uint64_t offset, std::span<unsigned char> out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const std::size_t want = std::min<std::size_t>(out.size() - done, std::size_t{1} << 30);
      const ::ssize_t got = ::pread(descriptor_.get(), out.data() + done, want, static_cast<::off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) detail::raise_file(op_, path_, "cannot read", errno);
      if (got == 0)
        raise<FileError>(op_, "\"", path_.string(), "\" ended at byte ", offset + done, " while ", out.size() - done,
                         " more bytes were expected");
      done += static_cast<std::size_t>(got);
    }
  }

 private:
  std::string op_;
  std::filesystem::path path_;
  detail::Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

// The whole file as bytes. Errors: FileError; FormatError if it is larger than `max_bytes`.
GLIA_LAZY std::vector<unsigned char> read_file(const std::filesystem::path& path,
                                               std::uint64_t max_bytes = std::uint64_t{1} << 40,
                                               std::string_view op = "read_file") {
  const InputFile file(op, path);
  if (file.size() > max_bytes)
    raise<FormatError>(op, "\"", path.string(), "\" has ", file.size(), " bytes, expected at most ", max_bytes);
  std::vector<unsigned char> out(static_cast<std::size_t>(file.size()));
  file.read_at(0, out);
  return out;
}

// The name under which write_file_atomically keeps the file it replaced: "run.safetensors" -> "run.safetensors.prev".
GLIA_LAZY std::filesystem::path previous_path(const std::filesystem::path& path) {
  std::filesystem::path out = path;
  out += ".prev";
  return out;
}

struct AtomicWriteOptions {
  bool keep_previous = true;  // the replaced file stays readable under previous_path(path)
  bool sync = true;           // the bytes are on the disk before the name changes
};

namespace detail {
// Temporary files are "<name>.tmp.<process>.<number>". Their writer holds a lock that the kernel drops when the
// process dies, so a temporary file that can be locked is a leftover of a writer that died.
GLIA_LAZY void remove_stale_temporaries(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string prefix = path.filename().string() + ".tmp.";
  std::error_code ignored;
  for (std::filesystem::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().filename().string().compare(0, prefix.size(), prefix) != 0) continue;
    const Descriptor file(::open(it->path().c_str(), O_RDWR | O_CLOEXEC));
    if (file.get() >= 0 && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(it->path().c_str());
  }
}

struct Temporary {
  std::filesystem::path path;
  Descriptor file;
};

GLIA_LAZY Temporary create_temporary(std::string_view op, const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  for (;;) {
    Temporary out;
    out.path = path;
    out.path += ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter.fetch_add(1));
    out.file = Descriptor(::open(out.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (out.file.get() < 0) {
      if (errno == EEXIST) continue;
      raise_file(op, out.path, "cannot create", errno);
    }
    // Another saver may have swept the file away between its creation and its lock; then its link count is 0.
    struct ::stat info = {};
    if (::flock(out.file.get(), LOCK_EX) == 0 && ::fstat(out.file.get(), &info) == 0 && info.st_nlink == 0) continue;
    return out;
  }
}

GLIA_LAZY void write_all(std::string_view op, const Temporary& to, Bytes bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t want = std::min<std::size_t>(bytes.size() - done, std::size_t{1} << 30);
    const ::ssize_t put = ::write(to.file.get(), bytes.data() + done, want);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) raise_file(op, to.path, "cannot write", errno);
    done += static_cast<std::size_t>(put);
  }
}

GLIA_LAZY void sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() >= 0) ::fsync(handle.get());
}
}  // namespace detail

// Replaces the file at `path` by the concatenation of `parts`. Interrupted at any point, `path` or previous_path(path)
// holds a complete file: the bytes go to a temporary file in the same folder, reach the disk, and then take the name.
// Leftovers of interrupted writers are removed. Errors: FileError; the old file is then untouched.
GLIA_LAZY void write_file_atomically(const std::filesystem::path& path, std::span<const Bytes> parts,
                                     AtomicWriteOptions options = {}, std::string_view op = "write_file") {
  detail::remove_stale_temporaries(path);
  const detail::Temporary temporary = detail::create_temporary(op, path);
  try {
    for (const Bytes part : parts) detail::write_all(op, temporary, part);
    if (options.sync && ::fsync(temporary.file.get()) != 0)
      detail::raise_file(op, temporary.path, "cannot sync", errno);
    if (options.keep_previous && std::filesystem::exists(path)) {
      // A second name for the old file, so that `path` exists at every moment; file systems without hard links
      // leave a moment in which only the previous name does.
      std::filesystem::path second = temporary.path;
      second += ".prev";
      const std::filesystem::path previous = previous_path(path);
      if (::link(path.c_str(), second.c_str()) == 0) {
        if (::rename(second.c_str(), previous.c_str()) != 0) {
          const int code = errno;
          ::unlink(second.c_str());
          detail::raise_file(op, previous, "cannot create", code);
        }
        ::unlink(second.c_str());  // rename leaves both names when they are already the same file
      } else if (::rename(path.c_str(), previous.c_str()) != 0) {
        detail::raise_file(op, previous, "cannot create", errno);
      }
    }
    if (::rename(temporary.path.c_str(), path.c_str()) != 0) detail::raise_file(op, path, "cannot replace", errno);
  } catch (...) {
    ::unlink(temporary.path.c_str());
    throw;
  }
  if (options.sync) detail::sync_folder(path);
}

GLIA_LAZY void write_file_atomically(const std::filesystem::path& path, Bytes bytes, AtomicWriteOptions options = {},
                                     std::string_view op = "write_file") {
  write_file_atomically(path, std::span<const Bytes>(&bytes, 1), options, op);
}

// The bytes of a string or of an array of trivially copyable elements.
GLIA_LAZY Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}
template <class T>
Bytes as_bytes(std::span<const T> values) {
  return {reinterpret_cast<const unsigned char*>(values.data()), values.size_bytes()};
}

}  // namespace GLIA_NS::io
