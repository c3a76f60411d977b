#include "image_folder.hpp"

#include <glia/io/file.hpp>

#ifdef CIFAR100_HAS_JPEG
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#endif
#ifdef CIFAR100_HAS_PNG
#include <png.h>
#endif

#include <algorithm>
#include <cctype>
#include <map>

namespace cifar100 {
namespace {

using glia::Index;
namespace fs = std::filesystem;
constexpr const char* op = "read_image";
constexpr std::uint64_t max_pixels = std::uint64_t{1} << 26;

void require_size(const fs::path& path, std::uint64_t height, std::uint64_t width) {
  if (height == 0 || width == 0 || height > max_pixels / width)
    glia::raise<glia::FormatError>(op, "\"", path.string(), "\": ", width, " x ", height,
                                   " pixels, expected 1 to 2^26");
}

DecodedImage read_png([[maybe_unused]] const std::vector<unsigned char>& bytes, const fs::path& path) {
#ifdef CIFAR100_HAS_PNG
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const auto fail = [&] {
    const std::string reason = image.message;
    png_image_free(&image);
    glia::raise<glia::FormatError>(op, "\"", path.string(), "\": ", reason);
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) fail();
  try {
    require_size(path, image.height, image.width);
  } catch (...) {
    png_image_free(&image);
    throw;
  }
  image.format = PNG_FORMAT_RGB;
  DecodedImage out{static_cast<Index>(image.height), static_cast<Index>(image.width), {}};
  out.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&image, &black, out.pixels.data(), 0, nullptr) == 0) fail();
  return out;
#else
  glia::raise<glia::FormatError>(
      op, "\"", path.string(),
      "\" is a PNG image, and this program was built without libpng; install libpng-dev and build again");
#endif
}

#ifdef CIFAR100_HAS_JPEG
// libjpeg reports by longjmp; everything between setjmp and the jump is plain C.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};
[[noreturn]] void jpeg_failed(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}
void jpeg_warned(j_common_ptr info, int level) {
  if (level < 0) jpeg_failed(info);  // damaged data: the picture would be made up
}

struct JpegReader {
  jpeg_decompress_struct info{};
  JpegErrors errors{};

  JpegReader() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = jpeg_failed;
    errors.base.emit_message = jpeg_warned;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool header(const unsigned char* data, unsigned long size) {
    if (setjmp(errors.back) != 0) return false;
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, data, size);
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    return true;
  }
  bool pixels(std::uint8_t* target) {
    if (setjmp(errors.back) != 0) return false;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = target + static_cast<std::size_t>(info.output_scanline) * info.output_width * 3;
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    return true;
  }
};
#endif

DecodedImage read_jpeg([[maybe_unused]] const std::vector<unsigned char>& bytes, const fs::path& path) {
#ifdef CIFAR100_HAS_JPEG
  JpegReader reader;
  const auto fail = [&] {
    glia::raise<glia::FormatError>(op, "\"", path.string(), "\": ", std::string(reader.errors.message));
  };
  if (!reader.header(bytes.data(), static_cast<unsigned long>(bytes.size()))) fail();
  require_size(path, reader.info.image_height, reader.info.image_width);
  DecodedImage out{static_cast<Index>(reader.info.image_height), static_cast<Index>(reader.info.image_width), {}};
  out.pixels.resize(static_cast<std::size_t>(out.height * out.width * 3));
  if (!reader.pixels(out.pixels.data())) fail();
  return out;
#else
  glia::raise<glia::FormatError>(
      op, "\"", path.string(),
      "\" is a JPEG image, and this program was built without libjpeg; install libjpeg-dev and build again");
#endif
}

bool is_picture_name(const fs::path& path) {
  std::string end = path.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".png" || end == ".jpg" || end == ".jpeg";
}

}  // namespace

DecodedImage read_image(const fs::path& path) {
  const auto bytes = glia::io::read_file(path, std::uint64_t{1} << 28, op);
  const auto starts = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), bytes.begin(),
                      [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; });
  };
  if (starts("\x89PNG\r\n")) return read_png(bytes, path);
  if (starts("\xff\xd8\xff")) return read_jpeg(bytes, path);
  glia::raise<glia::FormatError>(op, "\"", path.string(), "\" is neither a PNG nor a JPEG image");
}

DecodedImage fit_image(const DecodedImage& picture, Index size) {
  const Index side = std::min(picture.height, picture.width);
  const Index top = (picture.height - side) / 2, left = (picture.width - side) / 2;
  const double scale = static_cast<double>(side) / static_cast<double>(size);
  // Source positions of each target position, and how much of each belongs to it.
  std::vector<std::vector<std::pair<Index, double>>> shares(static_cast<std::size_t>(size));
  for (Index i = 0; i < size; ++i) {
    const double low = static_cast<double>(i) * scale, high = low + scale;
    for (auto p = static_cast<Index>(low); p < side && static_cast<double>(p) < high; ++p) {
      const double share = std::min(high, static_cast<double>(p + 1)) - std::max(low, static_cast<double>(p));
      if (share > 1e-9) shares[static_cast<std::size_t>(i)].emplace_back(p, share / scale);
    }
  }
  DecodedImage out{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(size * size * 3))};
  for (Index y = 0; y < size; ++y)
    for (Index x = 0; x < size; ++x)
      for (Index c = 0; c < 3; ++c) {
        double sum = 0;
        for (const auto& [row, a] : shares[static_cast<std::size_t>(y)])
          for (const auto& [column, b] : shares[static_cast<std::size_t>(x)])
            sum +=
                a * b * picture.pixels[static_cast<std::size_t>(((top + row) * picture.width + left + column) * 3 + c)];
        out.pixels[static_cast<std::size_t>((y * size + x) * 3 + c)] =
            static_cast<std::uint8_t>(std::clamp(sum + 0.5, 0.0, 255.0));
      }
  return out;
}

glia::data::Dataset load_image_folder(const fs::path& folder, Index size) {
  if (!fs::is_directory(folder))
    glia::raise<glia::Error>("load_image_folder", "\"", folder.string(), "\" is not a folder");
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_picture_name(entry.path())) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  if (paths.empty())
    glia::raise<glia::Error>("load_image_folder", "no .png, .jpg or .jpeg file below \"", folder.string(), "\"");
  std::map<std::string, std::int64_t> classes;
  const auto class_name = [&](const fs::path& path) {
    const fs::path inner = path.lexically_relative(folder);
    return inner.has_parent_path() ? inner.begin()->string() : std::string();
  };
  for (const auto& path : paths) classes.emplace(class_name(path), 0);
  std::int64_t next = 0;
  for (auto& [name, label] : classes) label = next++;
  const auto count = static_cast<Index>(paths.size());
  glia::data::Dataset out;
  out.images = glia::Tensor<std::uint8_t>::empty({count, size, size, 3});
  out.labels = glia::Tensor<std::int64_t>::empty({count});
  std::uint8_t* images = out.images.mutable_data();
  std::int64_t* labels = out.labels.mutable_data();
  for (Index i = 0; i < count; ++i) {
    const auto& path = paths[static_cast<std::size_t>(i)];
    const DecodedImage fitted = fit_image(read_image(path), size);
    std::copy(fitted.pixels.begin(), fitted.pixels.end(), images + i * size * size * 3);
    labels[i] = classes.at(class_name(path));
  }
  out.classes = next;
  out.name = folder.string();
  return out;
}

}  // namespace cifar100
