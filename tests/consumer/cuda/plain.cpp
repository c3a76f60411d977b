// The same program without a file for nvcc: the kernels are glia::cuda_compiled's.
#include <glia/cuda_compiled.hpp>

#include "program.hpp"
