#pragma once
// The safetensors layout: an 8-byte length, a JSON header, then the tensors' bytes. Parsing trusts nothing.
// Format: https://github.com/huggingface/safetensors

#include <glia/io/dtype.hpp>
#include <glia/io/file.hpp>
#include <glia/io/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace GLIA_NS::io {

inline constexpr std::uint64_t safetensors_max_header = 100'000'000;

// One tensor of a file; its bytes are [begin, end) of the data, counted from the end of the header.
struct SafetensorsEntry {
  std::string name;
  FileType type = FileType::f32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;                      // in the order of their bytes
  std::vector<std::pair<std::string, std::string>> metadata;  // free text of the writer
  std::uint64_t data_begin = 0;                               // byte of the file at which the data starts
};

// Length of the JSON header, from a file's first 8 bytes. Errors: FormatError naming `source` (the file).
GLIA_LAZY std::uint64_t safetensors_header_length(Bytes prefix, std::uint64_t file_size, std::string_view source) {
  constexpr std::string_view op = "load_safetensors";
  if (prefix.size() < 8 || file_size < 8)
    raise<FormatError>(op, "\"", source, "\" has ", file_size, " bytes, too few for the 8 bytes of the header length");
  const auto length = detail::load_little<std::uint64_t>(prefix.data());
  if (length > safetensors_max_header)
    raise<FormatError>(op, "\"", source, "\", byte 0: header of ", length, " bytes, at most ", safetensors_max_header,
                       " are allowed");
  if (length > file_size - 8)
    raise<FormatError>(op, "\"", source, "\", byte 0: header of ", length, " bytes does not fit the file's ",
                       file_size);
  return length;
}

namespace detail {

GLIA_LAZY Shape safetensors_shape(const Json& value, const std::string& where) {
  const auto& extents = value.items();
  if (extents.size() > static_cast<std::size_t>(max_rank))
    raise<FormatError>("load_safetensors", where, ": ", extents.size(), " axes, at most ", max_rank, " are supported");
  Shape out;
  for (const Json& extent : extents) {
    const std::uint64_t n = extent.as_uint();
    if (n > static_cast<std::uint64_t>(std::numeric_limits<Index>::max()))
      raise<FormatError>("load_safetensors", where, ": extent ", n, " is too large");
    out.push_back(static_cast<Index>(n));
  }
  return out;
}

GLIA_LAZY SafetensorsEntry safetensors_entry(const JsonMember& member, std::string_view source) {
  constexpr std::string_view op = "load_safetensors";
  const std::string where = text("\"", source, "\", tensor \"", member.key, "\"");
  SafetensorsEntry out;
  out.name = member.key;
  try {
    for (const JsonMember& field : member.value.members())
      if (field.key != "dtype" && field.key != "shape" && field.key != "data_offsets")
        raise<FormatError>(op, where, ": unknown field \"", field.key, "\"");
    const std::string& type = member.value.at("dtype").as_string();
    const auto* info = std::find_if(file_types.begin(), file_types.end(),
                                    [&](const FileTypeInfo& candidate) { return candidate.safetensors == type; });
    if (info == file_types.end()) raise<FormatError>(op, where, ": unknown dtype \"", type, "\"");
    out.type = info->type;
    out.shape = safetensors_shape(member.value.at("shape"), where);
    const auto& offsets = member.value.at("data_offsets").items();
    if (offsets.size() != 2) raise<FormatError>(op, where, ": data_offsets must hold 2 numbers, got ", offsets.size());
    out.begin = offsets[0].as_uint();
    out.end = offsets[1].as_uint();
    const auto bytes = checked_bytes(out.shape, info->bytes);
    if (!bytes) raise<FormatError>(op, where, ": shape ", out.shape, " has too many elements");
    if (out.end < out.begin || out.end - out.begin != *bytes)
      raise<FormatError>(op, where, ": data_offsets [", out.begin, ", ", out.end, ") do not hold the ", *bytes,
                         " bytes of shape ", out.shape, " of ", type);
  } catch (const FormatError& error) {
    if (error.op() != "json") throw;
    raise<FormatError>(op, where, ": ", error.message());
  }
  return out;
}

}  // namespace detail

// Checks and reads the JSON header; the file has `data_bytes` bytes after it. The tensors must cover these without
// holes, overlaps or rest, each with as many bytes as its shape and type need. Errors: FormatError naming `source`.
GLIA_LAZY SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                                     std::string_view source) {
  constexpr std::string_view op = "load_safetensors";
  const std::string label = text("\"", source, "\"");
  if (json.empty() || json.front() != '{') raise<FormatError>(op, label, ", byte 8: the header must begin with '{'");
  Json root;
  try {
    // The shortest legal entry spends more than 4 bytes a value and has about nine of them: these limits refuse only
    // hostile headers.
    constexpr std::size_t most = 4'000'000;
    root = parse_json(json, {.max_values = std::min(json.size() / 4 + 64, most), .source = label, .base_offset = 8});
  } catch (const FormatError& error) {
    raise<FormatError>(op, error.message());
  }
  SafetensorsHeader out;
  out.data_begin = 8 + json.size();
  for (const JsonMember& member : root.members()) {
    if (member.key != "__metadata__") {
      out.entries.push_back(detail::safetensors_entry(member, source));
      continue;
    }
    if (!member.value.is_object())
      raise<FormatError>(op, label, ": __metadata__ must be an object, got ", member.value.kind());
    for (const JsonMember& note : member.value.members()) {
      if (!note.value.is_string())
        raise<FormatError>(op, label, ": __metadata__ \"", note.key, "\" must be a string, got ", note.value.kind());
      out.metadata.emplace_back(note.key, note.value.as_string());
    }
  }
  std::stable_sort(out.entries.begin(), out.entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const SafetensorsEntry& entry : out.entries) {
    if (entry.begin != at)
      raise<FormatError>(op, label, ", tensor \"", entry.name, "\": starts at data byte ", entry.begin, " where ", at,
                         " was expected (", entry.begin > at ? "hole" : "overlap", ")");
    at = entry.end;
  }
  if (at != data_bytes)
    raise<FormatError>(op, label, ": the tensors hold ", at, " bytes but ", data_bytes, " follow the header");
  return out;
}

// Header of a complete file image in memory.
GLIA_LAZY SafetensorsHeader parse_safetensors(Bytes file, std::string_view source = "memory") {
  const std::uint64_t length =
      safetensors_header_length(file.first(std::min<std::size_t>(file.size(), 8)), file.size(), source);
  const Bytes json = file.subspan(8, static_cast<std::size_t>(length));
  return parse_safetensors_header({reinterpret_cast<const char*>(json.data()), json.size()}, file.size() - 8 - length,
                                  source);
}

// Lays out `entries` (begin and end are set; widest types first, so that every tensor is aligned) and returns the
// bytes in front of the data: length and header, padded to a multiple of 8. Errors: FormatError on a name that occurs
// twice, is reserved or is not UTF-8, on a note that is not, and on a header beyond the format's limit.
GLIA_LAZY std::string encode_safetensors_header(std::vector<SafetensorsEntry>& entries,
                                                const std::vector<std::pair<std::string, std::string>>& metadata = {}) {
  constexpr std::string_view op = "save_safetensors";
  std::stable_sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return file_type_info(a.type).bytes > file_type_info(b.type).bytes;
  });
  std::vector<std::string_view> names{"__metadata__"};
  std::vector<JsonMember> members;
  if (!metadata.empty()) {
    Json notes = Json::object();
    for (const auto& [key, value] : metadata) {
      if (!is_utf8(key) || !is_utf8(value))
        raise<FormatError>(op, "the note \"", key, "\" is not UTF-8, which the format asks for");
      notes.set(key, value);
    }
    members.push_back({"__metadata__", std::move(notes)});
  }
  std::uint64_t at = 0;
  for (SafetensorsEntry& entry : entries) {
    if (!is_utf8(entry.name))
      raise<FormatError>(op, "the tensor name \"", entry.name, "\" is not UTF-8, which the format asks for");
    const FileTypeInfo& info = file_type_info(entry.type);
    const auto bytes = detail::checked_bytes(entry.shape, info.bytes);
    if (!bytes) raise<FormatError>(op, "tensor \"", entry.name, "\": shape ", entry.shape, " has too many elements");
    entry.begin = at;
    entry.end = at += *bytes;
    names.push_back(entry.name);
    Json shape = Json::array();
    for (const Index extent : entry.shape) shape.push_back(extent);
    Json offsets = Json::array();
    offsets.push_back(entry.begin).push_back(entry.end);
    Json fields = Json::object();
    fields.set("dtype", info.safetensors).set("shape", std::move(shape)).set("data_offsets", std::move(offsets));
    members.push_back({entry.name, std::move(fields)});
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    raise<FormatError>(op, "tensor name \"", *twice, "\" is used twice or reserved");
  std::string json = Json::object(std::move(members)).dump();
  json.append((8 - json.size() % 8) % 8, ' ');
  if (json.size() > safetensors_max_header)
    raise<FormatError>(op, "header of ", json.size(), " bytes, at most ", safetensors_max_header, " are allowed");
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>((json.size() >> (8 * i)) & 0xff);
  return out + json;
}

}  // namespace GLIA_NS::io
