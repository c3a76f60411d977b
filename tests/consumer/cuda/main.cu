// A user's program for the GPU, linked with a translation unit that is compiled without nvcc.
#include <glia/cuda.hpp>

#include "program.hpp"
