#pragma once
// glia::math: elementary functions for float and double on host and device. Functors call them qualified.

#include <glia/core/math_basic.hpp>
#include <glia/core/math_exp.hpp>
#include <glia/core/math_special.hpp>
#include <glia/core/math_trig.hpp>
