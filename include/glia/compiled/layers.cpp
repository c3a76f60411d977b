#define GLIA_COMPILED_PART_LAYERS
#include <glia/compiled/layers.hpp>
