#pragma once
// Profiler: where the time, the bytes and the allocations of some training steps go, as tables and as a trace file.

#include <glia/core/error.hpp>
#include <glia/core/profile.hpp>
#include <glia/io/file.hpp>
#include <glia/io/json_value.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

namespace GLIA_NS::train {

// A line of a profile: all calls of one op in one phase, or all that ran under one module path.
struct ProfileRow {
  std::string name;
  std::string phase;  // "forward", "backward", "update", "data"; "module" for what ran in no op; empty by path
  std::int64_t calls = 0;
  double total_ms = 0,
         self_ms = 0;  // with and without what ran inside; the self times of all rows add up to Profiler::busy_ms
  profile::Counters counters;  // of the spans themselves, without those inside
};

template <class = void>
class BasicProfiler;
using Profiler = BasicProfiler<>;  // GLIA_LAZY for a class

// Records all spans of the process from its construction to stop() or its destruction:
//   glia::train::Profiler profiler;
//   for (int i = 0; i < 5; ++i) step();
//   profiler.stop();
//   std::puts(profiler.table(5).c_str());
//   profiler.write_trace("step.json");           // open in ui.perfetto.dev or chrome://tracing
// Times are the host's; on CUDA they are those of the launches. Error if another profiler is recording.
template <class>
class BasicProfiler {
 public:
  BasicProfiler() {
    if (!profile::Collector::instance().start()) raise<Error>("Profiler", "another profiler is recording");
    begin_ = profile::detail::nanoseconds();
  }
  ~BasicProfiler() { stop(); }
  BasicProfiler(const BasicProfiler&) = delete;
  BasicProfiler& operator=(const BasicProfiler&) = delete;

  // Ends the recording; the results stay. Spans that are still open are left out.
  void stop() {
    if (!recording_) return;
    recording_ = false;
    end_ = profile::detail::nanoseconds();
    result_ = profile::Collector::instance().stop();
    std::sort(result_.events.begin(), result_.events.end(),
              [](const auto& a, const auto& b) { return a.begin != b.begin ? a.begin < b.begin : a.depth < b.depth; });
  }

  // Wall time of the recording, and the part of it that was spent inside outermost spans, added over threads.
  double wall_ms() const { return static_cast<double>(end_ - begin_) * 1e-6; }
  double busy_ms() const {
    double total = 0;
    for (const auto& e : result_.events)
      if (e.depth == 0) total += milliseconds(e.end - e.begin);
    return total;
  }

  // One row per op and phase, and one per path; longest self time first.
  std::vector<ProfileRow> by_op() const {
    return rows([this](const profile::Event& e) {
      return std::pair(text(e.name), std::string(e.section ? "module" : profile::phase_name(e.phase)));
    });
  }
  std::vector<ProfileRow> by_path() const {
    return rows([this](const profile::Event& e) { return std::pair(text(e.path), std::string()); });
  }

  // Both as text, `most` rows each, times divided by `steps`: the number of training steps recorded.
  std::string table(int steps = 1, std::size_t most = 40) const {
    std::string out;
    char line[200];
    std::snprintf(line, sizeof line, "%d step%s, %.2f ms each, %.2f ms of it in spans\n", steps, steps == 1 ? "" : "s",
                  wall_ms() / steps, busy_ms() / steps);
    out += line;
    append_table(out, "op", by_op(), steps, most);
    append_table(out, "path", by_path(), steps, most);
    return out;
  }

  // The trace in Chrome's format: a complete event ("ph": "X") per span, times in microseconds.
  io::Json trace() const {
    io::Json events = io::Json::array();
    for (const auto& e : result_.events) {
      io::Json arguments = io::Json::object();
      arguments.set("path", text(e.path)).set("bytes", e.counters.bytes).set("flops", e.counters.flops);
      arguments.set("allocations", e.counters.allocations).set("allocated_bytes", e.counters.allocated_bytes);
      arguments.set("system_allocations", e.counters.system_allocations);
      io::Json event = io::Json::object();
      event.set("name", text(e.name)).set("cat", e.section ? "module" : profile::phase_name(e.phase)).set("ph", "X");
      event.set("ts", static_cast<double>(e.begin - begin_) * 1e-3)
          .set("dur", static_cast<double>(e.end - e.begin) * 1e-3);
      event.set("pid", 0).set("tid", static_cast<std::int64_t>(e.thread)).set("args", std::move(arguments));
      events.push_back(std::move(event));
    }
    io::Json out = io::Json::object();
    out.set("displayTimeUnit", "ms").set("traceEvents", std::move(events));
    return out;
  }
  // Writes it; an existing file is replaced. Error if that fails.
  void write_trace(const std::filesystem::path& path) const {
    const std::string all = trace().dump();
    io::write_file_atomically(path, io::as_bytes(std::string_view(all)), {.keep_previous = false}, "write_trace");
  }

 private:
  static double milliseconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-6; }
  const std::string& text(std::uint32_t number) const { return result_.texts[number]; }

  template <class Key>
  std::vector<ProfileRow> rows(const Key& key) const {
    std::map<std::pair<std::string, std::string>, ProfileRow> found;
    for (const auto& e : result_.events) {
      ProfileRow& row = found[key(e)];
      row.calls += e.nested ? 0 : 1;
      row.total_ms += e.nested ? 0.0 : milliseconds(e.end - e.begin);
      row.self_ms += milliseconds(e.end - e.begin - e.inside);
      const profile::Counters& c = e.counters;
      row.counters.bytes += c.bytes, row.counters.flops += c.flops, row.counters.allocations += c.allocations;
      row.counters.allocated_bytes += c.allocated_bytes, row.counters.system_allocations += c.system_allocations;
    }
    std::vector<ProfileRow> out;
    for (auto& [names, row] : found) {
      row.name = names.first, row.phase = names.second;
      out.push_back(std::move(row));
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.self_ms > b.self_ms; });
    return out;
  }

  void append_table(std::string& out, const char* title, const std::vector<ProfileRow>& list, int steps,
                    std::size_t most) const {
    char line[256];
    std::snprintf(line, sizeof line, "\n%-34s %-9s %8s %10s %6s %9s %7s %8s %7s %7s\n", title, "phase", "calls",
                  "self ms", "%", "MB", "GB/s", "GFLOP/s", "allocs", "system");
    out += line;
    double all = 0;
    for (const auto& row : list) all += row.self_ms;
    for (std::size_t i = 0; i < std::min(most, list.size()); ++i) {
      const ProfileRow& r = list[i];
      const double seconds = std::max(r.self_ms * 1e-3, 1e-12), n = steps;
      std::snprintf(
          line, sizeof line, "%-34.34s %-9s %8.1f %10.3f %6.2f %9.2f %7.1f %8.1f %7.1f %7.1f\n",
          r.name.empty() ? "(no module)" : r.name.c_str(), r.phase.c_str(), static_cast<double>(r.calls) / n,
          r.self_ms / n, all > 0 ? 100 * r.self_ms / all : 0.0, static_cast<double>(r.counters.bytes) * 1e-6 / n,
          static_cast<double>(r.counters.bytes) * 1e-9 / seconds,
          static_cast<double>(r.counters.flops) * 1e-9 / seconds, static_cast<double>(r.counters.allocations) / n,
          static_cast<double>(r.counters.system_allocations) / n);
      out += line;
    }
    if (list.size() > most) out += "... " + std::to_string(list.size() - most) + " more\n";
  }

  bool recording_ = true;
  std::int64_t begin_ = 0, end_ = 0;
  profile::Collector::Result result_;
};

}  // namespace GLIA_NS::train
