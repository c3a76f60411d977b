// The report: a well-formed page without network, honest on missing parts; its charts and pictures.
#include "report.hpp"
#include "chart.hpp"
#include "files.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace fs = std::filesystem;

namespace {

cifar100::ReportData example() {
  cifar100::ReportData data;
  cifar100::Summary& s = data.summary;
  s.test_accuracy = 0.7123, s.auc_macro = 0.9876, s.untrained_loss = 4.6052, s.data = "CIFAR-100", s.backbone = "slim";
  s.command = "cifar100 train --out 'a<b>&c'";
  s.stability.largest_spike = std::numeric_limits<double>::quiet_NaN();
  for (int i = 0; i < 4; ++i) {
    cifar100::EpochRecord r;
    r.epoch = i;
    r.train_accuracy = 0.2 + 0.1 * i, r.validation_accuracy = 0.19 + 0.09 * i, r.seconds = 10 + i;
    r.train_loss = 3 - i * 0.5, r.validation_loss = 3.1 - i * 0.4, r.loss = 4 - i, r.classification = 3 - i * 0.5,
    r.rate = 0.1;
    data.epochs.push_back(r);
  }
  cifar100::Evaluation& e = data.evaluation;
  const std::size_t n = 10;
  for (std::size_t c = 0; c < n; ++c) {
    e.class_names.push_back("class <" + std::to_string(c) + ">");
    e.superclass.push_back(static_cast<std::int64_t>(c / 2));
    e.auc.push_back(0.9 + 0.01 * static_cast<double>(c));
    for (std::size_t p = 0; p < n; ++p) e.confusion.push_back(p == c ? 8 : p == (c + 1) % n ? 2 : 0);
  }
  e.roc_rate = {0, 0.5, 1}, e.roc_mean = {0, 0.9, 1}, e.roc_lowest = {0, 0.8, 1}, e.roc_highest = {0, 1, 1},
  e.roc_micro = {0, 0.95, 1};
  e.reliability = {{0.2, 0.8}, {0.3, 0.7}, {5, 7}};
  e.reliability_scaled = e.reliability;
  return data;
}

// Checks that every tag is closed in order; returns the first fault. Void elements of HTML need no end.
std::string fault(const std::string& page) {
  const std::set<std::string> empty{"meta", "img", "br"};
  std::vector<std::string> open;
  for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const std::size_t end = page.find('>', at);
    if (end == std::string::npos) return "a tag without end";
    std::string tag = page.substr(at + 1, end - at - 1);
    if (tag.rfind("!", 0) == 0) continue;
    const bool closing = tag[0] == '/', single = tag.back() == '/';
    const std::string name = tag.substr(closing ? 1 : 0, tag.find_first_of(" /", closing ? 1 : 0) - (closing ? 1 : 0));
    if (closing) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (!single && empty.count(name) == 0) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

}  // namespace

TEST_CASE("the page is well-formed, complete and needs no network") {
  auto data = example();
  const std::string page = cifar100::render_report(data);
  CHECK(fault(page) == "");
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
  for (const char* forbidden : {"http:", "https:", "<script", "<link", "@import", "url("})
    CHECK(page.find(forbidden) == std::string::npos);
  for (const char* heading :
       {"Figure 3.", "Figure 4.", "Figure 5.", "Figure 6.", "Figure 7.", "Figure 8.", "Figure 9.", "Table 1"})
    CHECK_MESSAGE(page.find(heading) != std::string::npos, std::string(heading));
  CHECK(page.find("71.23 %") != std::string::npos);
  CHECK(page.find("0.9876") != std::string::npos);
  CHECK(page.find("class &lt;0&gt;") != std::string::npos);
  CHECK(page.find("'a&lt;b&gt;&amp;c'") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);  // undefined numbers are shown as a dash
  for (const char* absent : {"Ablation", "Damaged images", "What the network looked at"})
    CHECK(page.find(absent) == std::string::npos);
  CHECK(page.find("generated shapes") == std::string::npos);
  CHECK(page.find("read once at the end") != std::string::npos);
  CHECK(page.find("Fitted on the validation images") != std::string::npos);
  data.summary.protocol = "paper";
  const std::string paper = cifar100::render_report(data);
  CHECK(paper.find("read once at the end") == std::string::npos);
  CHECK(paper.find("these are the validation images, scored after every epoch") != std::string::npos);
  CHECK(paper.find("Fitted on the validation images") == std::string::npos);
  CHECK(paper.find("fitted on the same images") != std::string::npos);
  data.summary.data = "synthetic (generated shapes; not CIFAR-100)";
  CHECK(cifar100::render_report(data).find("say nothing about CIFAR-100") != std::string::npos);
}

TEST_CASE("optional parts appear when they are there") {
  auto data = example();
  data.robustness = R"({"images": 10, "clean": {"accuracy": 0.7, "ece": 0.1}, "mean": {"accuracy": 0.5, "ece": 0.2},
    "kinds": [{"name": "haze", "accuracy": [0.6, 0.5, 0.4, 0.3, 0.2], "mean_accuracy": 0.4, "mean_ece": 0.2}]})";
  data.ablation =
      R"({"seeds": [1, 2], "cells": [{"name": "plain", "numbers": {"test_accuracy": {"mean": 0.6, "half_width": null}}}],
    "comparisons": [{"name": "whole against plain", "difference": 0.01, "half_width": 0.02, "t": 1.5, "p": 0.4, "p_holm": 0.8}]})";
  data.overhead =
      R"({"images_per_step": 500, "rounds": 9, "threads": 2, "arms": [{"name": "+ all", "median_seconds": 0.5,
    "ratio": 1.07, "ratio_quartile1": 1.05, "ratio_quartile3": 1.09}]})";
  data.seeds = R"({"seeds": [1, 2], "numbers": {"test_accuracy": {"mean": 0.715, "half_width": 0.004}}})";
  data.explanations = {{"a cat", {{2, 1, {255, 0, 0, 0, 255, 0}}}, {"image"}}};
  const std::string page = cifar100::render_report(data);
  CHECK(fault(page) == "");
  for (const char* text : {"Ablation", "+1.00 ± 2.00", "haze", "1.070", "71.50 ± 0.40", "a cat", "step time × 1.070"})
    CHECK_MESSAGE(page.find(text) != std::string::npos, std::string(text));
}

TEST_CASE("a folder that is no finished run is refused by name") {
  const fs::path folder = fs::temp_directory_path() / "glia_report_test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  CHECK_THROWS_WITH_AS(cifar100::write_report({.run = folder.string()}), doctest::Contains("has no summary.json"),
                       glia::ValueError);
  const auto data = example();
  cifar100::write_text(folder / "summary.json", cifar100::to_json(data.summary));
  cifar100::write_text(folder / "evaluation.json", "{ broken");
  CHECK_THROWS_WITH_AS(cifar100::write_report({.run = folder.string()}), doctest::Contains("evaluation.json"),
                       glia::FormatError);
  cifar100::write_text(folder / "evaluation.json", cifar100::to_json(data.evaluation));
  cifar100::write_text(folder / "metrics.jsonl", cifar100::to_json_line(data.epochs[0]));
  const fs::path out = folder / "deep" / "report.html";
  cifar100::write_report({.run = folder.string(), .out = out.string()});
  CHECK(fault(cifar100::read_text(out)) == "");
  fs::remove_all(folder);
}

TEST_CASE("records survive JSON, undefined numbers too") {
  const auto data = example();
  const auto s = cifar100::summary_from_json(cifar100::to_json(data.summary));
  CHECK(s.test_accuracy == data.summary.test_accuracy);
  CHECK(std::isnan(s.stability.largest_spike));
  CHECK(cifar100::to_json(s) == cifar100::to_json(data.summary));
  CHECK(cifar100::to_json(cifar100::evaluation_from_json(cifar100::to_json(data.evaluation))) ==
        cifar100::to_json(data.evaluation));
}

TEST_CASE("ticks are round and inside; a chart with gaps or without data is still a drawing") {
  CHECK(cifar100::round_ticks(0, 1, 5) == std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1});
  const auto ticks = cifar100::round_ticks(-3, 47, 5);
  CHECK(ticks == std::vector<double>{0, 10, 20, 30, 40});
  cifar100::Chart chart;
  chart.lines = {
      {.name = "a", .colour = "#000", .x = {1, 2, 3}, .y = {1, std::numeric_limits<double>::quiet_NaN(), 2}}};
  chart.fit();
  const std::string svg = cifar100::to_svg(chart);
  CHECK(fault(svg) == "");
  CHECK(svg.find("nan") == std::string::npos);
  cifar100::Chart nothing;
  nothing.fit();
  CHECK(fault(cifar100::to_svg(nothing)) == "");
}

TEST_CASE("base64 by RFC 4648; a picture of one pixel, byte for byte as zlib and PNG define it") {
  CHECK(cifar100::base64("") == "");
  CHECK(cifar100::base64("f") == "Zg==");
  CHECK(cifar100::base64("fo") == "Zm8=");
  CHECK(cifar100::base64("foobar") == "Zm9vYmFy");
  CHECK_THROWS_AS(cifar100::data_uri({2, 2, {1, 2, 3}}), std::invalid_argument);
  // python3: struct, zlib.crc32 and zlib.adler32 over the same chunks
  CHECK(cifar100::data_uri({1, 1, {255, 0, 16}}) ==
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAAD0lEQVR4AQEEAPv/"
        "AP8AEAMRARDsbMEUAAAAAElFTkSuQmCC");
}
