#pragma once
// What the CUDA tests share: they skip where there is no device, and the skipped cases are counted in one line at the end.

#include <glia/device/cuda.hpp>

#include <doctest/doctest.h>

#include <cstdio>

namespace glia_test {

inline bool no_device() {
  static const bool missing = glia::cuda::device_count() == 0;
  return missing;
}

// Prints the number of test cases that were left out for want of a device.
class SkipReporter final : public doctest::IReporter {
 public:
  explicit SkipReporter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {
    if (skipped_ != 0) std::printf("skipped: no CUDA device (%d cases)\n", skipped_);
  }
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData& data) override {
    if (data.m_skip && no_device()) ++skipped_;
  }

 private:
  int skipped_ = 0;
};

}  // namespace glia_test

// A test case that needs a device.
#define CUDA_TEST_CASE(name) TEST_CASE(name* doctest::skip(::glia_test::no_device()))
