#define GLIA_COMPILED_PART_ELEMENTWISE
#include <glia/compiled/elementwise.hpp>
