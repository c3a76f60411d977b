#include "picture.hpp"

#include <array>
#include <stdexcept>
#include <string_view>

namespace cifar100 {

std::string base64(const std::string& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= n ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

namespace {

void put32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255);
}

// The checksum of PNG chunks (ISO 3309).
std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

// The checksum of zlib streams.
std::uint32_t adler32(const std::string& bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<std::uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

void chunk(std::string& out, const std::string& type, const std::string& body) {
  put32(out, static_cast<std::uint32_t>(body.size()));
  out += type + body;
  put32(out, crc32(type + body));
}

// A zlib stream of stored blocks.
std::string stored(const std::string& bytes) {
  std::string out("\x78\x01", 2);
  for (std::size_t i = 0; i < bytes.size() || i == 0; i += 65535) {
    const std::size_t n = std::min<std::size_t>(65535, bytes.size() - i);
    out += static_cast<char>(i + n >= bytes.size() ? 1 : 0);
    for (const std::size_t length : {n, ~n})
      out += static_cast<char>(length & 255), out += static_cast<char>(length >> 8 & 255);
    out += bytes.substr(i, n);
  }
  put32(out, adler32(bytes));
  return out;
}

}  // namespace

std::string data_uri(const Picture& picture) {
  const auto width = static_cast<std::size_t>(picture.width), height = static_cast<std::size_t>(picture.height);
  if (picture.width < 1 || picture.height < 1 || picture.rgb.size() != width * height * 3)
    throw std::invalid_argument("data_uri: a picture of " + std::to_string(picture.width) + " x " +
                                std::to_string(picture.height) + " needs three bytes per pixel, got " +
                                std::to_string(picture.rgb.size()));
  std::string header, rows, png("\x89PNG\r\n\x1a\n", 8);
  put32(header, static_cast<std::uint32_t>(width)), put32(header, static_cast<std::uint32_t>(height));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits, RGB
  for (std::size_t y = 0; y < height; ++y) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(picture.rgb.data()) + y * width * 3, width * 3);
  }
  chunk(png, "IHDR", header), chunk(png, "IDAT", stored(rows)), chunk(png, "IEND", "");
  return "data:image/png;base64," + base64(png);
}

}  // namespace cifar100
