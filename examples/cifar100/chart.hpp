#pragma once
// Line, band and bar charts as SVG text, for the report.

#include <string>
#include <vector>

namespace cifar100 {

// Text with &, <, > and quotes made safe for HTML.
std::string escape_html(const std::string& text);

struct ChartLine {
  std::string name = {}, colour = {};
  std::vector<double> x = {}, y = {};  // points with a NaN are left out
  bool dashed = false, dots = false;
};
struct ChartBand {
  std::string name = {}, colour = {};
  std::vector<double> x = {}, low = {}, high = {};
};
struct ChartBars {
  std::string name = {}, colour = {};
  std::vector<double> x = {}, y = {};
  double width = 0.8;  // in units of x
};
// A level or a single value for comparison, labelled in the chart.
struct ChartLevel {
  std::string name = {};
  double y = 0;
  bool right = false,
       below = false;  // where its name stands: at the right end instead of the left, below instead of above
};

struct Chart {
  std::string title = {}, x_label = {}, y_label = {};  // the title is read to those who cannot see the chart
  std::vector<ChartLine> lines = {};
  std::vector<ChartBand> bands = {};
  std::vector<ChartBars> bars = {};
  std::vector<ChartLevel> levels = {};
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  double height = 300;   // of 460 units of width
  bool percent = false;  // y values are shares, shown in %

  // Widens the ranges to hold all data, to round numbers on y.
  void fit();
};

// The chart as an <svg> element that scales with its column.
std::string to_svg(const Chart& chart);

// About `count` round numbers in [low, high].
std::vector<double> round_ticks(double low, double high, int count);

}  // namespace cifar100
