#define GLIA_COMPILED_PART_TENSOR
#include <glia/compiled/tensor.hpp>
