#pragma once
// Learning-rate schedules: pure functions from the step number to a factor, so that a schedule has no state to save.

#include <glia/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace GLIA_NS::optim {

// Any schedule: the factor by which the learning rates are multiplied in step 0, 1, 2, ...
//   optim::scale_learning_rate(optimizer, schedule(step)); optimizer.step();
using Schedule = std::function<double(std::int64_t)>;

namespace detail {
GLIA_LAZY void require_steps(const char* op, std::int64_t steps) {
  if (steps < 1) raise<ValueError>(op, "the number of steps must be at least 1, got ", steps);
}
// step / steps, held in [0, 1].
GLIA_LAZY double progress(std::int64_t step, std::int64_t steps) {
  return std::clamp(static_cast<double>(step) / static_cast<double>(steps), 0.0, 1.0);
}
inline constexpr double pi = 3.14159265358979323846;
// From `from` to `to` along half a cosine.
GLIA_LAZY double cosine_between(double from, double to, double t) {
  return to + (from - to) / 2.0 * (std::cos(pi * t) + 1.0);
}
}  // namespace detail

// Always `factor`.
struct ConstantSchedule {
  double factor = 1.0;
  double operator()(std::int64_t) const { return factor; }
};

// gamma^(step / interval), rounded down.
struct StepSchedule {
  std::int64_t interval = 1;
  double gamma = 0.1;
  double operator()(std::int64_t step) const {
    detail::require_steps("StepSchedule", interval);
    return std::pow(gamma, static_cast<double>(step / interval));
  }
};

// gamma^(number of milestones reached); the milestones are step numbers in any order.
struct MultiStepSchedule {
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;
  double operator()(std::int64_t step) const {
    const auto reached = std::count_if(milestones.begin(), milestones.end(), [&](std::int64_t m) { return step >= m; });
    return std::pow(gamma, static_cast<double>(reached));
  }
};

// From 1 in step 0 to `minimum` in step `steps` along half a cosine, then `minimum` (Loshchilov and Hutter 2017).
struct CosineSchedule {
  std::int64_t steps = 1;
  double minimum = 0.0;
  double operator()(std::int64_t step) const {
    detail::require_steps("CosineSchedule", steps);
    return detail::cosine_between(1.0, minimum, detail::progress(step, steps));
  }
};

// From `start` in step 0 to 1 in step `steps` on a line, then 1.
struct WarmupSchedule {
  std::int64_t steps = 1;
  double start = 0.0;
  double operator()(std::int64_t step) const {
    detail::require_steps("WarmupSchedule", steps);
    return start + (1.0 - start) * detail::progress(step, steps);
  }
};

// From 1 to `minimum` as (1 - step / steps)^power, then `minimum`; power 1 is a line.
struct PolynomialSchedule {
  std::int64_t steps = 1;
  double power = 1.0;
  double minimum = 0.0;
  double operator()(std::int64_t step) const {
    detail::require_steps("PolynomialSchedule", steps);
    return minimum + (1.0 - minimum) * std::pow(1.0 - detail::progress(step, steps), power);
  }
};

// How OneCycleSchedule goes from one level to the next.
enum class Anneal { cosine, linear };

// Up from 1 / div to 1 during the first `rise` of the steps, then down to 1 / (div * final_div) in the last one (Smith
// and Topin 2018; PyTorch's OneCycleLR with two phases, without its momentum cycle).
struct OneCycleSchedule {
  std::int64_t steps = 2;
  double rise = 0.3;
  double div = 25.0;
  double final_div = 1e4;
  Anneal anneal = Anneal::cosine;
  double operator()(std::int64_t step) const {
    detail::require_steps("OneCycleSchedule", steps);
    if (!(rise >= 0.0 && rise <= 1.0)) raise<ValueError>("OneCycleSchedule", "rise must be in [0, 1], got ", rise);
    const double peak = rise * static_cast<double>(steps) - 1.0, last = static_cast<double>(steps) - 1.0;
    const double low = 1.0 / div, end = low / final_div;
    const double now = static_cast<double>(step);
    const auto between = [this](double from, double to, double t) {
      return anneal == Anneal::linear ? from + (to - from) * t : detail::cosine_between(from, to, t);
    };
    if (now <= peak) return between(low, 1.0, peak > 0.0 ? now / peak : 1.0);
    return between(1.0, end, last > peak ? std::clamp((now - peak) / (last - peak), 0.0, 1.0) : 1.0);
  }
};

// The product of its parts, all at the same step: a warm-up times a decay.
struct ChainedSchedule {
  std::vector<Schedule> parts = {};
  double operator()(std::int64_t step) const {
    double factor = 1.0;
    for (const Schedule& part : parts) factor *= part(step);
    return factor;
  }
};

// One part after the other: part i + 1 takes over in step starts[i] and counts its own steps from 0 there. `starts`
// grows and has one entry fewer than `parts`.
struct SequentialSchedule {
  std::vector<Schedule> parts = {};
  std::vector<std::int64_t> starts = {};
  double operator()(std::int64_t step) const {
    if (parts.size() != starts.size() + 1 || !std::is_sorted(starts.begin(), starts.end()))
      raise<ValueError>("SequentialSchedule", "needs one growing start for every part but the first, got ",
                        parts.size(), " parts and ", starts.size(), " starts");
    const auto part = std::upper_bound(starts.begin(), starts.end(), step) - starts.begin();
    const auto i = static_cast<std::size_t>(part);
    return parts[i](i == 0 ? step : step - starts[i - 1]);
  }
};

}  // namespace GLIA_NS::optim
