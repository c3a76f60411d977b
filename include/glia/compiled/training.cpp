#define GLIA_COMPILED_PART_TRAINING
#include <glia/compiled/training.hpp>
