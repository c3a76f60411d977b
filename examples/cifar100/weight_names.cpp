#include "weight_names.hpp"

#include <map>
#include <vector>

namespace cifar100 {
namespace {

std::vector<std::string> split(const std::string& name) {
  std::vector<std::string> out(1);
  for (const char c : name) {
    if (c == '.')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

}  // namespace

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string usual_name(const std::string& name) {
  static const std::map<std::string, std::string> residual{{"0", "conv1"}, {"1", "bn1"}, {"3", "conv2"}, {"4", "bn2"}};
  std::vector<std::string> parts = split(name), out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    const bool second_to_last = i + 2 == parts.size();
    const std::string next = i + 1 < parts.size() ? parts[i + 1] : "";
    if (part == "shortcut") {
      out.push_back("downsample");
    } else if (second_to_last && (part == "linear" || part == "classifier" || part == "head")) {
      out.push_back("fc");
    } else if (part == "running_variance") {
      out.push_back("running_var");
    } else if (part.size() == 7 && part.compare(0, 4, "conv") == 0 &&
               ends_with(part, "_x")) {  // conv2_x: the first stage
      out.push_back("layer" + std::string(1, static_cast<char>(part[4] - 1)));
    } else if (part == "residual_function" && residual.count(next) != 0) {
      out.push_back(residual.at(next));
      ++i;
    } else if (part == "conv1" && (next == "0" || next == "1") && i + 3 == parts.size()) {  // stem as a sequence
      out.push_back(next == "0" ? "conv1" : "bn1");
      ++i;
    } else {
      out.push_back(part);
    }
  }
  std::string joined;
  for (const std::string& part : out) joined += (joined.empty() ? "" : ".") + part;
  return joined;
}

}  // namespace cifar100
