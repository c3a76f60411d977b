#include "chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace cifar100 {

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<double> round_ticks(double low, double high, int count) {
  if (!(high > low)) return {low};
  const double raw = (high - low) / std::max(count, 1), power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= raw * 0.999) step = factor * power;
  std::vector<double> out;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) out.push_back(k * step);
  return out;
}

void Chart::fit() {
  double x0 = std::numeric_limits<double>::infinity(), x1 = -x0, y0 = x0, y1 = x1;
  const auto take = [&](double x, double y) {
    if (!std::isfinite(x) || !std::isfinite(y)) return;
    x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, y), y1 = std::max(y1, y);
  };
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.x.size(); ++i) take(line.x[i], line.y[i]);
  for (const auto& band : bands)
    for (std::size_t i = 0; i < band.x.size(); ++i) take(band.x[i], band.low[i]), take(band.x[i], band.high[i]);
  for (const auto& bar : bars)
    for (std::size_t i = 0; i < bar.x.size(); ++i) take(bar.x[i] - 0.6, 0), take(bar.x[i] + 0.6, bar.y[i]);
  if (!(x1 >= x0)) return;
  for (const auto& level : levels) take(x0, level.y);
  if (x1 == x0) x0 -= 0.5, x1 += 0.5;
  if (y1 == y0) y1 += 1;
  const auto ticks = round_ticks(y0, y1, 5);
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : y1 - y0;
  x_low = x0, x_high = x1;
  y_low = std::floor(y0 / step) * step, y_high = std::ceil(y1 / step) * step;
}

namespace {

// Digits that tell ticks of this distance apart.
int digits_for(double step) {
  return step > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6) : 0;
}

struct Frame {
  const Chart& chart;
  double left = 60, right = 448, top = 34, bottom;
  explicit Frame(const Chart& c) : chart(c), bottom(c.height - 44) {}
  double x(double v) const { return left + (v - chart.x_low) / (chart.x_high - chart.x_low) * (right - left); }
  double y(double v) const { return bottom - (v - chart.y_low) / (chart.y_high - chart.y_low) * (bottom - top); }
};

std::string axes(const Frame& f) {
  const Chart& c = f.chart;
  std::string out;
  const auto rows = round_ticks(c.y_low, c.y_high, 5);
  const double scale = c.percent ? 100 : 1, row_step = rows.size() > 1 ? (rows[1] - rows[0]) * scale : scale;
  for (const double v : rows)
    out += fmt::format(
        "<line class=\"grid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.{}f}{}</text>",
        f.left, f.y(v), f.right, f.y(v), f.left - 6, f.y(v) + 4, v * scale + 0.0, digits_for(row_step),
        c.percent ? " %" : "");
  const auto columns = round_ticks(c.x_low, c.x_high, 6);
  const double column_step = columns.size() > 1 ? columns[1] - columns[0] : 1;
  for (const double v : columns)
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.{}f}</text>", f.x(v), f.bottom + 17,
                       v + 0.0, digits_for(column_step));
  out += fmt::format("<line class=\"axis\" x1=\"{0:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{2:.1f}\"/>", f.left,
                     f.right, f.bottom);
  out += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>",
                     (f.left + f.right) / 2, f.bottom + 36, escape_html(c.x_label));
  return out;
}

std::string path(const Frame& f, const std::vector<double>& x, const std::vector<double>& y) {
  std::string out;
  bool pen = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(y[i])) {
      pen = false;
      continue;
    }
    out += fmt::format("{}{:.1f} {:.1f} ", pen ? 'L' : 'M', f.x(x[i]), f.y(y[i]));
    pen = true;
  }
  return out;
}

// Names above the plot, in their colours.
std::string legend(const Frame& f) {
  std::string out;
  double x = f.left;
  const auto entry = [&](const std::string& name, const std::string& colour, double opacity) {
    if (name.empty()) return;
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"13\" width=\"14\" height=\"8\" rx=\"2\" fill=\"{}\" fill-opacity=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"21\">{}</text>",
        x, colour, opacity, x + 19, escape_html(name));
    x += 19 + 6.6 * static_cast<double>(name.size()) + 14;
  };
  for (const auto& bar : f.chart.bars) entry(bar.name, bar.colour, 1);
  for (const auto& line : f.chart.lines) entry(line.name, line.colour, 1);
  for (const auto& band : f.chart.bands) entry(band.name, band.colour, 0.25);
  return out;
}

}  // namespace

std::string to_svg(const Chart& c) {
  const Frame f(c);
  std::string out = fmt::format("<svg class=\"chart\" viewBox=\"0 0 460 {:.0f}\" role=\"img\" aria-label=\"{}\">",
                                c.height, escape_html(c.title));
  out += axes(f);
  for (const auto& band : c.bands) {
    std::string d = path(f, band.x, band.low);
    for (std::size_t i = band.x.size(); i-- > 0;)
      d += fmt::format("L{:.1f} {:.1f} ", f.x(band.x[i]), f.y(band.high[i]));
    out += fmt::format("<path d=\"{}Z\" fill=\"{}\" fill-opacity=\"0.18\" stroke=\"none\"/>", d, band.colour);
  }
  for (const auto& bar : c.bars)
    for (std::size_t i = 0; i < bar.x.size(); ++i) {
      const double left = f.x(bar.x[i] - bar.width / 2), right = f.x(bar.x[i] + bar.width / 2);
      const double top = f.y(std::max(bar.y[i], c.y_low)), base = f.y(std::max(0.0, c.y_low));
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>", left,
                         std::min(top, base), std::max(right - left, 0.5), std::abs(base - top), bar.colour);
    }
  for (const auto& level : c.levels)
    out += fmt::format("<line class=\"level\" x1=\"{0:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{2:.1f}\"/>", f.left,
                       f.right, f.y(level.y));
  for (const auto& line : c.lines) {
    out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>", path(f, line.x, line.y),
                       line.colour, line.dashed ? " stroke-dasharray=\"5 4\"" : "");
    if (!line.dots) continue;
    for (std::size_t i = 0; i < line.x.size(); ++i)
      if (std::isfinite(line.y[i]))
        out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>", f.x(line.x[i]), f.y(line.y[i]),
                           line.colour);
  }
  for (const auto& level : c.levels)  // last, so that no curve crosses the words
    out += fmt::format("<text class=\"leveltext\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>",
                       level.right ? f.right : f.left + 4, f.y(level.y) + (level.below ? 14 : -5),
                       level.right ? "end" : "start", escape_html(level.name));
  return out + legend(f) + "</svg>";
}

}  // namespace cifar100
