#pragma once
// The directory of a zip archive whose members are stored as they are (PyTorch's checkpoints). Parsing trusts nothing.
// Format: PKWARE's APPNOTE.TXT, with the 64-bit records.

#include <glia/io/byte_source.hpp>
#include <glia/io/dtype.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace GLIA_NS::io {

// A member; its bytes are [begin, begin + size) of the file.
struct ZipEntry {
  std::string name;
  std::uint64_t begin = 0, size = 0;
  std::uint32_t crc = 0;
};

namespace detail {

inline constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1u) != 0 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}();

// CRC-32 as zip has it.
GLIA_LAZY std::uint32_t crc32(Bytes bytes) {
  std::uint32_t c = 0xffffffffu;
  for (const unsigned char byte : bytes) c = crc_table[(c ^ byte) & 0xffu] ^ (c >> 8);
  return ~c;
}

// Where the central directory lies.
struct ZipDirectory {
  std::uint64_t entries = 0, begin = 0, size = 0;
};

GLIA_LAZY ZipDirectory find_zip_directory(const ByteSource& source, std::string_view op) {
  constexpr std::uint64_t fixed = 22;
  const std::uint64_t size = source.size();
  const auto span = static_cast<std::size_t>(std::min<std::uint64_t>(size, fixed + 0xffff));
  std::vector<unsigned char> tail(span);
  source.read(size - span, tail, op);
  for (std::size_t back = fixed; back <= span; ++back) {
    const unsigned char* end = tail.data() + span - back;
    if (load_little<std::uint32_t>(end) != 0x06054b50u || load_little<std::uint16_t>(end + 20) != back - fixed)
      continue;
    const std::uint64_t at = size - back;
    if (load_little<std::uint16_t>(end + 4) != load_little<std::uint16_t>(end + 6))
      raise<FormatError>(op, "\"", source.name(), "\", byte ", at, ": archives of several volumes are not supported");
    ZipDirectory out{load_little<std::uint16_t>(end + 10), load_little<std::uint32_t>(end + 16),
                     load_little<std::uint32_t>(end + 12)};
    const bool wide = out.entries == 0xffff || out.begin == 0xffffffffu || out.size == 0xffffffffu;
    if (!wide) return out;
    if (at < 20)
      raise<FormatError>(op, "\"", source.name(), "\", byte ", at, ": the 64-bit directory record is missing");
    std::array<unsigned char, 20> locator{};
    source.read(at - 20, locator, op);
    if (load_little<std::uint32_t>(locator.data()) != 0x07064b50u)
      raise<FormatError>(op, "\"", source.name(), "\", byte ", at - 20,
                         ": expected the locator of the 64-bit directory record");
    const auto place = load_little<std::uint64_t>(locator.data() + 8);
    std::array<unsigned char, 56> record{};
    source.read(place, record, op);
    if (load_little<std::uint32_t>(record.data()) != 0x06064b50u)
      raise<FormatError>(op, "\"", source.name(), "\", byte ", place, ": expected a 64-bit directory record");
    return {load_little<std::uint64_t>(record.data() + 32), load_little<std::uint64_t>(record.data() + 48),
            load_little<std::uint64_t>(record.data() + 40)};
  }
  raise<FormatError>(op, "\"", source.name(), "\": no zip directory at its end; is the file cut off?");
}

// Puts the 64-bit values of the extra field in the place of those that do not fit 32 bits.
GLIA_LAZY void widen_zip_sizes(Bytes extra, std::array<std::uint64_t*, 3> values) {
  while (extra.size() >= 4) {
    const auto id = load_little<std::uint16_t>(extra.data()), length = load_little<std::uint16_t>(extra.data() + 2);
    extra = extra.subspan(4);
    if (length > extra.size()) return;
    Bytes field = extra.first(length);
    extra = extra.subspan(length);
    if (id != 1) continue;
    for (std::uint64_t* value : values) {
      if (*value != 0xffffffffu || field.size() < 8) continue;
      *value = load_little<std::uint64_t>(field.data());
      field = field.subspan(8);
    }
  }
}

}  // namespace detail

// The members of an archive, in the order of their bytes. Errors: FormatError with file, byte and reason on anything
// damaged, compressed or encrypted, on names that occur twice and on members that overlap or leave the file.
GLIA_LAZY std::vector<ZipEntry> read_zip_directory(const ByteSource& source, std::string_view op) {
  const detail::ZipDirectory directory = detail::find_zip_directory(source, op);
  const auto fail = [&](std::uint64_t at, const auto&... reason) {
    raise<FormatError>(op, "\"", source.name(), "\", byte ", at, ": ", reason...);
  };
  if (directory.begin > source.size() || directory.size > source.size() - directory.begin)
    fail(directory.begin, "the zip directory of ", directory.size, " bytes leaves the file");
  constexpr std::uint64_t fixed = 46;
  if (directory.entries > directory.size / fixed)
    fail(directory.begin, "a zip directory of ", directory.size, " bytes cannot hold ", directory.entries, " members");
  std::vector<unsigned char> bytes(static_cast<std::size_t>(directory.size));
  source.read(directory.begin, bytes, op);
  std::vector<ZipEntry> out;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const std::uint64_t where = directory.begin + at;
    if (bytes.size() - at < fixed) fail(where, "the zip directory ends inside member ", i);
    const unsigned char* record = bytes.data() + at;
    if (detail::load_little<std::uint32_t>(record) != 0x02014b50u) fail(where, "expected a zip directory record");
    const std::size_t name = detail::load_little<std::uint16_t>(record + 28),
                      extra = detail::load_little<std::uint16_t>(record + 30);
    const std::size_t length = fixed + name + extra + detail::load_little<std::uint16_t>(record + 32);
    if (bytes.size() - at < length) fail(where, "the zip directory ends inside member ", i);
    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(record + fixed), name);
    entry.crc = detail::load_little<std::uint32_t>(record + 16);
    std::uint64_t packed = detail::load_little<std::uint32_t>(record + 20),
                  header = detail::load_little<std::uint32_t>(record + 42);
    entry.size = detail::load_little<std::uint32_t>(record + 24);
    detail::widen_zip_sizes(Bytes(record + fixed + name, extra), {&entry.size, &packed, &header});
    if ((detail::load_little<std::uint16_t>(record + 8) & 1u) != 0)
      fail(where, "member \"", entry.name, "\" is encrypted");
    if (const auto method = detail::load_little<std::uint16_t>(record + 10); method != 0)
      fail(where, "member \"", entry.name, "\" is compressed (method ", method,
           "); PyTorch stores its files uncompressed: unpack the archive and pack it with zip -0, or save it again "
           "with torch.save");
    if (packed != entry.size) fail(where, "member \"", entry.name, "\" has two sizes, ", packed, " and ", entry.size);
    std::array<unsigned char, 30> local{};
    source.read(header, local, op);
    if (detail::load_little<std::uint32_t>(local.data()) != 0x04034b50u)
      fail(header, "expected the header of member \"", entry.name, "\"");
    entry.begin = header + 30 + detail::load_little<std::uint16_t>(local.data() + 26) +
                  detail::load_little<std::uint16_t>(local.data() + 28);
    if (entry.begin > directory.begin || entry.size > directory.begin - entry.begin)
      fail(header, "member \"", entry.name, "\" of ", entry.size, " bytes reaches past the directory at byte ",
           directory.begin);
    out.push_back(std::move(entry));
    at += length;
  }
  std::vector<std::string_view> names;
  for (const ZipEntry& entry : out) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    fail(directory.begin, "two members are called \"", *twice, "\"");
  std::sort(out.begin(), out.end(), [](const ZipEntry& a, const ZipEntry& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < out.size(); ++i)
    if (out[i].begin < out[i - 1].begin + out[i - 1].size)
      fail(out[i].begin, "members \"", out[i - 1].name, "\" and \"", out[i].name, "\" overlap");
  return out;
}

}  // namespace GLIA_NS::io
