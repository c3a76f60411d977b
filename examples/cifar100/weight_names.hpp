#pragma once
// Names of weights in other libraries.

#include <string>

namespace cifar100 {

bool ends_with(const std::string& text, const std::string& end);

// A tensor's name as torchvision would have it; names that are not known stay as they are.
std::string usual_name(const std::string& name);

}  // namespace cifar100
